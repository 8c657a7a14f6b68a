/** From a path to the store that lies there, told by what it is and never by its name. */
import { stat } from "node:fs/promises";
import { type Format, SNIFFED, sniffFormat } from "../archive/format.ts";
import { openArchive } from "../archive/reader.ts";
import { readFile } from "../bytes/file.ts";
import { collect } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import { openFolder, subtree } from "../layout/folder.ts";
import { ROOT } from "../layout/hangar.ts";
import { isHangar, openHangar } from "../layout/hangar-store.ts";
import type { Call, Store, Tree } from "../store/store.ts";

/**
 * Opens an archive or a folder for reading. Nothing is unpacked. Throws NOT_FOUND where there is nothing, UNSUPPORTED where
 * nothing that Dray knows is in it.
 */
export async function openStore(path: string, options: Call = {}): Promise<Store> {
  const tree = await openTree(path, options);
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
export async function openTree(path: string, options: Call = {}): Promise<Tree> {
  try {
    return (await stat(path)).isDirectory() ? await openFolder(path) : await openArchive(path, options);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("NOT_FOUND", `Cannot open "${path}": ${reasonOf(error)}`, { cause: error });
  }
}

/** The format of an archive, `dir` for a folder; undefined for what is neither, or not there. */
export async function formatOf(path: string): Promise<Format | "dir" | undefined> {
  try {
    if ((await stat(path)).isDirectory()) return "dir";
    const first = await collect(readFile(path, SNIFFED), SNIFFED);
    return first && sniffFormat(first);
  } catch {
    return undefined;
  }
}
