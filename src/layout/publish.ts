/** A cache folder becomes the result of a run: what no image needs is taken out, and the folder moves to its name. */
import { cp, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { AppError, reasonOf } from "../errors.ts";
import { blobPath, type LaidImage, LIST_FILE, layoutFiles } from "./hangar.ts";

/** Refuses a destination that is something else than such a folder of an earlier run. Throws USAGE. */
export async function checkPublishable(destination: string): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(destination);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new AppError("USAGE", `Cannot write folder "${destination}": ${reasonOf(error)}`, { cause: error });
  }
  if (entries.length > 0 && !entries.includes(LIST_FILE))
    throw new AppError("USAGE", `Cannot write folder "${destination}": something else is in it`, {
      hint: "choose another name with -d",
    });
}

/** Moves a cache folder whose list names `images` to `destination`, in the place of one of an earlier run. */
export async function publish(folder: string, destination: string, images: readonly LaidImage[]): Promise<void> {
  await prune(folder, images);
  if (resolve(folder) === resolve(destination)) return;
  await mkdir(dirname(resolve(destination)), { recursive: true });
  const beside = (suffix: string): string => join(dirname(resolve(destination)), `.${basename(destination)}.${suffix}`);
  const [fresh, old] = [beside("incomplete"), beside("old")];
  await rm(fresh, { recursive: true, force: true });
  await move(folder, fresh);
  await rm(old, { recursive: true, force: true });
  await rename(destination, old).catch(ignoreAbsent);
  await rename(fresh, destination);
  await rm(old, { recursive: true, force: true });
}

async function prune(folder: string, images: readonly LaidImage[]): Promise<void> {
  const keep = new Set(layoutFiles(images, new Date(0)).map(({ path }) => path.split("/", 1)[0]!));
  for (const name of ["share", "blobs"]) keep.add(name);
  for (const name of await readdir(folder))
    if (!keep.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  const needed = new Set(
    images.flatMap(({ root, offered, contents }) =>
      [root.descriptor.digest, offered.descriptor.digest, ...contents].map(blobPath),
    ),
  );
  for (const algorithm of await readdir(join(folder, "share")))
    for (const hex of await readdir(join(folder, "share", algorithm)))
      if (!needed.has(`share/${algorithm}/${hex}`)) await rm(join(folder, "share", algorithm, hex), { force: true });
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    await cp(from, to, { recursive: true, verbatimSymlinks: true });
    await rm(from, { recursive: true, force: true });
  }
}

function ignoreAbsent(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
