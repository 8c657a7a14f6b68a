/** A cache folder becomes the result of a run: what no image needs is taken out, and the folder moves to its name. */
import { cp, lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { onDisk } from "../bytes/disk.ts";
import { AppError, reasonOf } from "../errors.ts";
import { blobPath, type LaidImage, LIST_FILE, layoutFolders } from "./hangar.ts";

/** Everything that a cache folder has, also while it is written to or after a run that was killed. */
const OWN =
  /^(?:[0-9a-f]{64}|share|blobs|\.dray|\.partial|\.lock(?:\.[0-9a-f-]+)?|(?:saved-images-list\.json|index\.json|oci-layout)(?:\.\d+\.new)?)$/;

/**
 * Refuses a destination that is something else than such a folder of an earlier run, and a cache folder with anything else in
 * it: what no image needs is removed from both. Where a run was killed while it moved one into the place of the other, both
 * are put back first. Throws USAGE.
 */
export async function checkPublishable(folder: string, destination: string): Promise<void> {
  const [from, to] = [resolve(folder), resolve(destination)];
  if (from !== to && (`${from}${sep}`.startsWith(`${to}${sep}`) || `${to}${sep}`.startsWith(`${from}${sep}`)))
    throw new AppError("USAGE", `Cannot write folder "${destination}": one of it and "${folder}" is in the other`, {
      hint: "choose another name with -d or --cache-dir",
    });
  if (from !== to) await putBack(from, to);
  await requireOwn(destination, "-d");
  await requireOwn(folder, "--cache-dir");
}

/** Whoever opens the cache folder next hashes what is in it, so that one which was only partly copied does no harm. */
async function putBack(folder: string, destination: string): Promise<void> {
  const [fresh, old] = [beside(destination, "incomplete"), beside(destination, "old")];
  if (!(await isThere(folder))) await rename(fresh, folder).catch(() => {});
  if (!(await isThere(destination))) await rename(old, destination).catch(() => {});
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** What the old and the new folder are called while one takes the place of the other. */
function beside(destination: string, suffix: "incomplete" | "old"): string {
  return join(dirname(destination), `.${basename(destination)}.${suffix}`);
}

async function requireOwn(folder: string, flag: string): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new AppError("USAGE", `Cannot write folder "${folder}": ${reasonOf(error)}`, { cause: error });
  }
  const foreign = entries.find((name) => !OWN.test(name));
  if (foreign !== undefined)
    throw new AppError("USAGE", `Cannot write folder "${folder}": something else is in it, "${foreign}"`, {
      hint: `choose another name with ${flag}`,
    });
}

/**
 * Moves a cache folder whose list names `images` to `destination`, in the place of one of an earlier run. Ask
 * checkPublishable() first. Throws STORAGE; the cache folder is there then.
 */
export async function publish(folder: string, destination: string, images: readonly LaidImage[]): Promise<void> {
  await onDisk(destination, () => pruneAndMove(folder, resolve(destination), images));
}

async function pruneAndMove(folder: string, destination: string, images: readonly LaidImage[]): Promise<void> {
  await prune(folder, images);
  if (resolve(folder) === destination) return;
  await mkdir(dirname(destination), { recursive: true });
  const [fresh, old] = [beside(destination, "incomplete"), beside(destination, "old")];
  await rm(fresh, { recursive: true, force: true });
  await moveOrCopy(folder, fresh);
  await rm(old, { recursive: true, force: true });
  try {
    await rename(destination, old).catch(ignoreAbsent);
    await rename(fresh, destination);
  } catch (error) {
    await putBack(folder, destination);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
}

async function prune(folder: string, images: readonly LaidImage[]): Promise<void> {
  const keep = new Set([LIST_FILE, "oci-layout", "index.json", "share", "blobs", ...layoutFolders(images)]);
  for (const name of await readdir(folder))
    if (!keep.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  const needed = new Set(
    images.flatMap(({ root, offered, contents }) =>
      [root.descriptor.digest, offered.descriptor.digest, ...contents].map(blobPath),
    ),
  );
  for (const algorithm of await readdir(join(folder, "share"))) {
    const path = join(folder, "share", algorithm);
    // What a link leads to is not ours.
    if (!(await lstat(path)).isDirectory()) await rm(path);
    else
      for (const hex of await readdir(path))
        if (!needed.has(`share/${algorithm}/${hex}`)) await rm(join(path, hex), { recursive: true, force: true });
  }
}

/** Where the file system is another one, `from` stays. */
async function moveOrCopy(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    try {
      await cp(from, to, { recursive: true, verbatimSymlinks: true });
    } catch (failure) {
      await rm(to, { recursive: true, force: true });
      throw failure;
    }
  }
}

function ignoreAbsent(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
