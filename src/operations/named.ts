/** The images that a cache folder names, for runs that add to them. */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { AppError, IntegrityError, reasonOf } from "../errors.ts";
import type { Cache } from "../layout/cache.ts";
import { openFolder } from "../layout/folder.ts";
import { blobPath, type LaidImage, LIST_FILE } from "../layout/hangar.ts";
import { isHangar } from "../layout/hangar-store.ts";
import { EVERYTHING } from "../oci/platform.ts";
import type { Call, Tree } from "../store/store.ts";
import { type Gathered, gather } from "./gather.ts";
import { storeIn } from "./open.ts";
import { presentIn } from "./present.ts";

export interface NamedOptions extends Call {
  /** Images that are read at once. */
  readonly jobs: number;
  readonly onWarning: (message: string) => void;
}

/**
 * The images of the folder's list with the platforms that are there; none where it has no list. One that cannot be read any
 * more is left out, with a warning. What a folder that Hangar or image-tools filled does not have, or not where a cache has
 * it, is put there, so that all of these images can be named anew. Throws STORAGE where the disk refuses, and what storeIn()
 * does; UNSUPPORTED where something else than a file has the list's name.
 */
export async function namedImages(
  cache: Cache,
  { jobs, onWarning, signal }: NamedOptions,
): Promise<readonly LaidImage[]> {
  const { folder } = cache;
  if (!(await isThere(join(folder, LIST_FILE)))) return [];
  const tree = await openFolder(folder);
  if (!isHangar(tree)) throw notAFile(join(folder, LIST_FILE));
  await using store = await storeIn(tree, folder, { onWarning, signal });
  const options = { selection: EVERYTHING, strict: false, jobs, signal };
  const present = { ...store, repository: (path: string) => presentIn(store.repository(path)) };
  const found = await gather(present, options, (image, _result, { error } = {}) => {
    onWarning(`leaves "${image.name}" out of the list of "${folder}": ${error?.message ?? "it cannot be read"}`);
  });
  const named: LaidImage[] = [];
  for (const one of found) if (await settleIn(cache, one, tree, { onWarning, signal })) named.push(one.laid);
  return named;
}

/** Also where it cannot be read, or is something else: a run that took it for none would write over it. */
async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw new AppError("STORAGE", `Cannot read "${path}": ${reasonOf(error)}`, { cause: error });
  }
}

/** A list that is a link names images all the same. */
function notAFile(path: string): AppError {
  return new AppError("UNSUPPORTED", `Cannot read "${path}": it is no file, and links are not followed`, {
    hint: "put the list itself there",
  });
}

/** Puts what the cache lacks of an image into it; false, with a warning, where that is damaged. */
async function settleIn(
  cache: Cache,
  { image, laid, from, name }: Gathered,
  tree: Tree,
  { onWarning, signal }: Omit<NamedOptions, "jobs">,
): Promise<boolean> {
  try {
    for (const content of [...image.blobs.map((blob) => from.get(blob)), ...image.manifests, laid.root, laid.offered])
      if (!tree.file(blobPath(content.descriptor.digest))) await cache.repository("").put(content, { signal });
    return true;
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    onWarning(`leaves "${name.name}" out of the list of "${cache.folder}": ${error.message}`);
    return false;
  }
}
