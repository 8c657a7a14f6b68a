/** From a path to the store that lies there, told by what it is and never by its name. */
import { stat } from "node:fs/promises";
import { type Format, SNIFFED, sniffFormat } from "../archive/format.ts";
import { findParts } from "../archive/parts.ts";
import { type OpenOptions, openArchive } from "../archive/reader.ts";
import { readFile } from "../bytes/file.ts";
import { collect } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import { openFolder, subtree } from "../layout/folder.ts";
import { ROOT } from "../layout/hangar.ts";
import { isHangar, openHangar } from "../layout/hangar-store.ts";
import type { Store, Tree } from "../store/store.ts";

/**
 * Opens an archive, by its path or those of its parts, or a folder for reading. Nothing is unpacked. Throws NOT_FOUND where
 * there is nothing, UNSUPPORTED where nothing that Dray knows is in it.
 */
export async function openStore(paths: string | readonly string[], options: OpenOptions = {}): Promise<Store> {
  const path = firstOf(paths);
  const tree = await openTree(paths, options);
  try {
    if (isHangar(tree)) return await openHangar(tree, path);
    const inner = subtree(tree, `${ROOT}/`);
    if (isHangar(inner)) return await openHangar(inner, path);
    throw new AppError("UNSUPPORTED", `Cannot open "${path}": there are no images in it that Dray knows how to read`);
  } catch (error) {
    await tree[Symbol.asyncDispose]();
    throw error;
  }
}

/** The files of an archive or a folder. */
export async function openTree(paths: string | readonly string[], options: OpenOptions = {}): Promise<Tree> {
  const path = firstOf(paths);
  return (await isFolder(path)) ? openFolder(path) : openArchive(paths, options);
}

function firstOf(paths: string | readonly string[]): string {
  return typeof paths === "string" ? paths : (paths[0] ?? "");
}

/** The format of an archive, `dir` for a folder; undefined for what is neither, or not there. */
export async function formatOf(path: string): Promise<Format | "dir" | undefined> {
  if (await isFolder(path)) return "dir";
  try {
    const [first = path] = (await findParts([path])).paths;
    const bytes = await collect(readFile(first, SNIFFED), SNIFFED);
    return bytes && sniffFormat(bytes);
  } catch {
    return undefined;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
