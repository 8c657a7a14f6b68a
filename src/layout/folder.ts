/** A folder on disk as a tree. */
import { lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readFile } from "../bytes/file.ts";
import { AppError, reasonOf } from "../errors.ts";
import type { Tree } from "../store/store.ts";

/** Whether there is a folder at `path`, or a link to one. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** The files below `folder`, as they are now. Links and devices are not followed. Throws NOT_FOUND where there is no folder. */
export async function openFolder(folder: string): Promise<Tree> {
  const files = new Map<string, number>();
  try {
    await walk(folder, "", files);
  } catch (cause) {
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

async function walk(root: string, below: string, files: Map<string, number>): Promise<void> {
  for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) await walk(root, path, files);
    else if (entry.isFile()) files.set(path, (await lstat(join(root, path))).size);
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
