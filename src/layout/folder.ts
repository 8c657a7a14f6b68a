/** A folder on disk as a tree. */
import { lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readFile } from "../bytes/file.ts";
import { AppError, reasonOf } from "../errors.ts";
import type { Tree } from "../store/store.ts";

/** Bytes of memory for the paths of a folder: those of three times the files that the largest archive unpacks to. */
const MEMORY_LIMIT: number = 48 << 20;

/** What each takes beside its characters. */
const FILE = 64;

/** Whether there is a folder at `path`, or a link to one. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/**
 * The files below `folder`, as they are now. Links and devices are not followed. Throws NOT_FOUND where there is no folder,
 * UNSUPPORTED where they take more than `most` bytes of memory; default: 48 Mi.
 */
export async function openFolder(folder: string, most: number = MEMORY_LIMIT): Promise<Tree> {
  const files = new Map<string, number>();
  try {
    let memory = 0;
    for await (const path of walk(folder, "")) {
      files.set(path, (await lstat(join(folder, path))).size);
      memory += FILE + path.length;
      if (memory > most)
        throw new AppError("UNSUPPORTED", `Cannot open folder "${folder}": it has more files than can be read`, {
          hint: "name the folder that has the images, and nothing else",
        });
    }
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

async function* walk(root: string, below: string): AsyncGenerator<string> {
  for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    // The root of a disk may be the folder. This is of its file system, and root's alone.
    if (path === "lost+found") continue;
    if (entry.isDirectory()) yield* walk(root, path);
    else if (entry.isFile()) yield path;
  }
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
