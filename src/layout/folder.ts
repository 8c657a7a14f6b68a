/** A folder on disk as a tree. */
import { lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readFile } from "../bytes/file.ts";
import { AppError, reasonOf } from "../errors.ts";
import type { Tree } from "../store/store.ts";

/** Bytes of memory for the names in a folder: those of three times the files that the largest archive unpacks to. */
const MEMORY_LIMIT: number = 48 << 20;

/** What each takes beside its characters. */
const ENTRY = 64;

/** Bytes of the longest list of names, as file systems tell it: runtimes read a list whole, before the names can be counted. */
const LIST_LIMIT: number = 32 << 20;

/** Whether there is a folder at `path`, or a link to one. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/**
 * The files below `folder`, as they are now. Links and devices are not followed. Throws NOT_FOUND where there is no folder,
 * UNSUPPORTED where the names of all that is in it take more than `most` bytes of memory (default: 48 Mi), or `list` bytes on
 * disk in one folder (default: 32 Mi).
 */
export async function openFolder(
  folder: string,
  most: number = MEMORY_LIMIT,
  list: number = LIST_LIMIT,
): Promise<Tree> {
  const files = new Map<string, number>();
  try {
    for await (const [path, size] of walk(folder, { left: most, list })) files.set(path, size);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("NOT_FOUND", `Cannot open folder "${folder}": ${reasonOf(cause)}`, { cause });
  }
  return {
    paths: () => files.keys(),
    file(path) {
      const size = files.get(path);
      if (size === undefined) return undefined;
      return { size, open: (options) => readFile(join(folder, path), size, options) };
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** All files with their sizes. What is passed over takes its share of the memory that is left, too. */
async function* walk(
  root: string,
  memory: { left: number; readonly list: number },
  below = "",
): AsyncGenerator<readonly [string, number]> {
  const folder = join(root, below);
  if ((await stat(folder)).size > memory.list) throw tooMany(root);
  // The root of a disk may be the folder. This is of its file system, and root's alone.
  const names = (await readdir(folder)).filter((name) => below !== "" || name !== "lost+found");
  for (const name of names) memory.left -= ENTRY + below.length + name.length;
  if (memory.left < 0) throw tooMany(root);
  for (const name of names) {
    const path = below === "" ? name : `${below}/${name}`;
    const stats = await lstat(join(root, path));
    if (stats.isDirectory()) yield* walk(root, memory, path);
    else if (stats.isFile()) yield [path, stats.size];
  }
}

function tooMany(folder: string): AppError {
  return new AppError("UNSUPPORTED", `Cannot open folder "${folder}": it has more files than can be read`, {
    hint: "name the folder that has the images, and nothing else",
  });
}

/** The part of a tree below `prefix`, whose paths then begin without it. Disposing it disposes the whole. */
export function subtree(tree: Tree, prefix: string): Tree {
  return {
    *paths() {
      for (const path of tree.paths()) if (path.startsWith(prefix)) yield path.slice(prefix.length);
    },
    file: (path) => tree.file(prefix + path),
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  };
}
