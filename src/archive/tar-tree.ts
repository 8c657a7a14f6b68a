/** A plain tar that anybody wrote as a tree: its headers are read once, its contents where they stand. */
import type { Call, Tree, TreeFile } from "../store/store.ts";
import { entryNames, linkTarget } from "./entry-names.ts";
import { tarEntries } from "./tar-entries.ts";
import { type Volume, volumeRange } from "./volume.ts";

export interface TarTree extends Tree {
  /** Whether the archive has the empty block that ends every tar. */
  readonly isEnded: boolean;
  hasFolder(path: string): boolean;
}

/**
 * The files of a tar. A link is the file that it points to, where there is one that is no link itself; else it is not there.
 * Owns the volume from now on, also where it throws: INTEGRITY for a damaged archive, a name that leads out of it or comes
 * twice, UNSUPPORTED for devices, sparse files, and too many entries.
 */
export async function openTar(volume: Volume, call: Call = {}): Promise<TarTree> {
  try {
    return await readTar(volume, call);
  } catch (error) {
    await volume[Symbol.asyncDispose]();
    throw error;
  }
}

async function readTar(volume: Volume, call: Call): Promise<TarTree> {
  // Numbers in arrays and one map: a million small objects would take several times the memory.
  const offsets: number[] = [];
  const sizes: number[] = [];
  const files = new Map<string, number>();
  const links = new Map<string, string>();
  const folders = new Set<string>();
  const typeOf = (path: string) =>
    files.has(path) ? "file" : folders.has(path) ? "directory" : links.has(path) ? "symlink" : undefined;
  const names = entryNames(volume.name, typeOf);
  const entries = tarEntries(volume, call);
  let next = await entries.next();
  for (; !next.done; next = await entries.next()) {
    const entry = next.value;
    const path = names.take(entry);
    if (path === "") continue;
    if (entry.type === "file") {
      files.set(path, offsets.length);
      offsets.push(entry.offset);
      sizes.push(entry.size);
    } else if (entry.type === "directory") folders.add(path);
    else links.set(path, linkTarget(entry, path)!);
  }
  const find = (path: string): number | undefined => files.get(path) ?? files.get(links.get(path) ?? "");
  return {
    isEnded: next.value,
    hasFolder: (path) => folders.has(path),
    *paths() {
      yield* files.keys();
      for (const [path, target] of links) if (files.has(target)) yield path;
    },
    file(path): TreeFile | undefined {
      const at = find(path);
      if (at === undefined) return undefined;
      const [offset, size] = [offsets[at]!, sizes[at]!];
      const target = files.has(path) ? undefined : links.get(path);
      return { size, target, open: (options) => volumeRange(volume, offset, size, options) };
    },
    [Symbol.asyncDispose]: () => volume[Symbol.asyncDispose](),
  };
}
