/** A plain tar that anybody wrote as a tree: its headers are read once, its contents where they stand. */
import { posix } from "node:path";
import type { ByteStream, Range } from "../bytes/stream.ts";
import type { Call, Tree, TreeFile } from "../store/store.ts";
import { entryNames, plainPath } from "./entry-names.ts";
import { type ForeignEntry, tarEntries } from "./tar-entries.ts";
import type { Volume } from "./volume.ts";

/** About as much is read at once. */
const CHUNK: number = 1 << 20;

export interface TarTree extends Tree {
  /** Whether the archive has the empty block that ends every tar. */
  readonly isEnded: boolean;
  hasFolder(path: string): boolean;
}

/**
 * The files of a tar. Of entries with one path the last is seen. A link is the file that it points to, where that is one of
 * the archive and no link itself; else it is not there. Owns the volume from now on, also where it throws: INTEGRITY for a
 * damaged archive or a name that leads out of it, UNSUPPORTED for devices, sparse files, and more than half a million entries.
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
  const names = entryNames(volume.name, (path) => files.has(path) || links.has(path) || folders.has(path));
  const entries = tarEntries(volume, call);
  let next = await entries.next();
  for (; !next.done; next = await entries.next()) {
    const entry = next.value;
    const path = names.take(entry.name);
    if (path === "") continue;
    files.delete(path);
    links.delete(path);
    if (entry.type === "file") {
      files.set(path, offsets.length);
      offsets.push(entry.offset);
      sizes.push(entry.size);
    } else if (entry.type === "directory") folders.add(path);
    else links.set(path, targetOf(entry, path));
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
      return { size, open: (options) => volumeRange(volume, offset, size, options) };
    },
    [Symbol.asyncDispose]: () => volume[Symbol.asyncDispose](),
  };
}

/** Where a link points, as a path of the archive; empty where that is outside of it. */
function targetOf({ type, target }: ForeignEntry, path: string): string {
  if (target.startsWith("/")) return "";
  const found = type === "hardlink" ? plainPath(target) : posix.join(posix.dirname(path), target);
  return found.startsWith("../") || found === path ? "" : posix.normalize(found);
}

/** Bytes `[start, end)` of the `size` bytes that begin at `offset`. Fresh chunks. */
export async function* volumeRange(
  volume: Volume,
  offset: number,
  size: number,
  { start = 0, end = size, signal }: Range & Call = {},
): ByteStream {
  const last = offset + Math.min(size, end);
  for (let at = offset + Math.max(0, start); at < last; at += CHUNK)
    yield await volume.read(at, Math.min(last, at + CHUNK), { signal });
}
