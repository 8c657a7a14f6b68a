/** The cache folder: a store in Hangar's layout that runs fill, resume and share. */
import { lstat, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { onDisk } from "../bytes/disk.ts";
import { readFile, writeAtomic } from "../bytes/file.ts";
import { createTurns } from "../bytes/turns.ts";
import { AppError, IntegrityError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, splitDigest } from "../oci/digest.ts";
import { ingest, isPresent } from "../store/ingest.ts";
import { read } from "../store/read.ts";
import type { Call, Content, Sink } from "../store/store.ts";
import { blobPath, type LaidImage, layoutFiles, layoutFolders, listFile } from "./hangar.ts";
import { lockFolder } from "./lock.ts";

export interface Cache extends AsyncDisposable {
  readonly folder: string;
  /** All repositories share their content; none has names before `name()` gives them. */
  repository(path: string): Sink;
  /** Bytes that have to be written for all of these blobs to be there; by their sizes, nothing is hashed. */
  missing(blobs: Iterable<Descriptor>): Promise<number>;
  /** Writes the documents that name these images, the list last. Whatever the list named before is forgotten. */
  name(images: readonly LaidImage[], savedTime: Date): Promise<void>;
}

/**
 * Opens the folder for writing; made where it is not there. One writer at a time: throws STORAGE where another process
 * holds it or a folder in it is a link, USAGE for a folder without a name. What lies there from earlier runs is hashed before this run relies on it,
 * once; what is wrong is removed. `onWarning` hears of a lock that was left behind.
 */
export async function openCache(folder: string, onWarning?: (message: string) => void): Promise<Cache> {
  if (folder === "") throw new AppError("USAGE", "Cannot use the cache folder: its name is empty");
  await onDisk(folder, () => makeFolder(folder));
  const unlock = await lockFolder(folder, onWarning);
  const content = shareOf(folder);
  return {
    folder,
    repository: (path) => ({ place: { space: folder, path }, ...content }),
    missing: (blobs) => missingIn(folder, blobs),
    name: (images, savedTime) => onDisk(folder, () => writeNames(folder, images, savedTime)),
    [Symbol.asyncDispose]: unlock,
  };
}

/** Folders that content is written into, outer ones first. */
const WRITTEN = [".partial", "share", "share/sha256", "share/sha512"];

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of WRITTEN) await refuseLink(folder, name);
  await mkdir(join(folder, ".partial"), { recursive: true });
}

/** The folder may come from somebody else: a link in it would lead what is written out of it. */
async function refuseLink(folder: string, name: string): Promise<void> {
  const stats = await lstat(join(folder, name)).catch(() => undefined);
  if (stats?.isSymbolicLink())
    throw new AppError("STORAGE", `Cannot use the cache folder "${folder}": "${name}" is a link`, {
      hint: "remove the link, or use another folder",
    });
}

/** Asks for those only that are there: a new cache has none. */
async function missingIn(folder: string, blobs: Iterable<Descriptor>): Promise<number> {
  const sizes = new Map([...blobs].map(({ digest, size }) => [digest, size]));
  const there = new Set<string>();
  for (const algorithm of ["sha256", "sha512"])
    for (const hex of await namesIn(join(folder, "share", algorithm))) there.add(`${algorithm}:${hex}`);
  const begun = new Set(await namesIn(join(folder, ".partial")));
  let missing = 0;
  for (const [digest, size] of sizes) {
    const { hex } = splitDigest(digest);
    if (there.has(digest) && (await isPresent(join(folder, blobPath(digest)), size))) continue;
    const partial = begun.has(hex) ? await lstat(join(folder, ".partial", hex)).catch(() => undefined) : undefined;
    missing += Math.max(0, size - (partial?.isFile() ? partial.size : 0));
  }
  return missing;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => []);
}

async function writeNames(folder: string, images: readonly LaidImage[], savedTime: Date): Promise<void> {
  for (const name of layoutFolders(images)) {
    await refuseLink(folder, name);
    await mkdir(join(folder, name), { recursive: true });
  }
  // One name for all, one after the other: what a killed run left there is written over.
  const temporary = join(folder, ".partial", "document");
  for (const { path, bytes } of layoutFiles(images))
    await writeAtomic(join(folder, path), bytes, { durable: false, temporary });
  await symlink("share", join(folder, "blobs")).catch(ignoreExisting);
  const list = listFile(images, savedTime);
  await writeAtomic(join(folder, list.path), list.bytes, { temporary });
}

/** What all repositories of the folder have in common: everything but their place. */
function shareOf(folder: string): Omit<Sink, "place"> {
  const proven = new Set<Digest>();
  const made = new Map<string, Promise<unknown>>();
  const inTurn = createTurns<Digest>();
  const pathOf = (digest: Digest): string => join(folder, blobPath(digest));

  function get(descriptor: Descriptor): Content {
    return {
      descriptor,
      open: (options) => readFile(pathOf(descriptor.digest), descriptor.size, options),
    };
  }
  async function prove(descriptor: Descriptor, options: Call): Promise<boolean> {
    try {
      for await (const _ of read(get(descriptor), options));
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      await rm(pathOf(descriptor.digest), { force: true });
      return false;
    }
    proven.add(descriptor.digest);
    return true;
  }
  async function has(descriptor: Descriptor, options: Call = {}): Promise<boolean> {
    if (!(await isPresent(pathOf(descriptor.digest), descriptor.size))) return false;
    return proven.has(descriptor.digest) || (await prove(descriptor, options));
  }
  /** One writer for each blob, since they would share its partial file. Whoever waited looks again. */
  function put(content: Content, options: Call = {}): Promise<void> {
    return inTurn(content.descriptor.digest, options.signal, () => land(content, options));
  }
  async function land(content: Content, options: Call): Promise<void> {
    const { digest, size } = content.descriptor;
    const { algorithm, hex } = splitDigest(digest);
    if (proven.has(digest) && (await isPresent(pathOf(digest), size))) return;
    const shared = join(folder, "share", algorithm);
    if (!made.has(shared))
      made.set(
        shared,
        onDisk(shared, () => mkdir(shared, { recursive: true })),
      );
    await made.get(shared);
    await ingest(content, pathOf(digest), join(folder, ".partial", hex), options);
    proven.add(digest);
  }
  return {
    get,
    has,
    put,
    tag: (_tag, manifest, options) => put(manifest, options),
    resolve: async () => undefined,
    carries: has,
  };
}

function ignoreExisting(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
}
