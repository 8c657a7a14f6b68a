/** A zip as a tree: stored and deflated entries, at whatever size. What Hangar 1.7-1.9 writes, among others. */
import { crc32 } from "node:zlib";
import type { ByteStream, Range } from "../bytes/stream.ts";
import type { Call, Tree } from "../store/store.ts";
import { decompressed } from "./decompress.ts";
import { entryNames, refusedEntry } from "./entry-names.ts";
import { corrupt } from "./footer.ts";
import { viewOf } from "./view-of.ts";
import { type Volume, volumeRange } from "./volume.ts";
import { LOCAL_HEADER, readZipContents, type ZipEntry } from "./zip-contents.ts";

/**
 * The files of a zip. Whoever reads a file from its start to its end has its CRC checked. Owns the volume from now on, also
 * where it throws: INTEGRITY where the directory is damaged or lies, or a name leads out of the archive or comes twice;
 * UNSUPPORTED for links, and what Dray does not unpack.
 */
export async function openZip(volume: Volume, call: Call = {}): Promise<Tree> {
  try {
    const { entries, end } = await readZipContents(volume, call);
    const files = new Map<string, ZipEntry>();
    const folders = new Set<string>();
    const typeOf = (path: string) => (files.has(path) ? "file" : folders.has(path) ? "directory" : undefined);
    const names = entryNames(volume.name, typeOf);
    for (const { name, type, ...entry } of entries) {
      if (type === "symlink") throw refusedEntry(volume.name, name, "it is a link", "UNSUPPORTED");
      const path = names.take({ name, type });
      if (type === "directory") folders.add(path);
      else if (path !== "") files.set(path, { name, type, ...entry });
    }
    return {
      paths: () => files.keys(),
      file(path) {
        const entry = files.get(path);
        return entry && { size: entry.size, open: (options) => content(volume, entry, end, options) };
      },
      [Symbol.asyncDispose]: () => volume[Symbol.asyncDispose](),
    };
  } catch (error) {
    await volume[Symbol.asyncDispose]();
    throw error;
  }
}

async function* content(volume: Volume, entry: ZipEntry, limit: number, options: Range & Call = {}): ByteStream {
  const start = Math.max(0, options.start ?? 0);
  const end = Math.min(entry.size, options.end ?? entry.size);
  const { signal } = options;
  const offset = await findContent(volume, entry, limit, { signal });
  const isWhole = start === 0 && end === entry.size;
  let crc = 0;
  const bytes =
    entry.method === "stored"
      ? volumeRange(volume, offset, entry.size, { start, end, signal })
      : inflated(volume, entry, offset, { signal });
  const wanted = isWhole || entry.method === "stored" ? bytes : cut(bytes, start, end);
  for await (const chunk of wanted) {
    if (isWhole) crc = crc32(chunk, crc);
    yield chunk;
  }
  if (isWhole && crc !== entry.crc) throw corrupt(volume.name, `"${entry.name}" is damaged`);
}

/** Where the content begins, behind a header that must be of the same entry. */
async function findContent(volume: Volume, entry: ZipEntry, limit: number, call: Call): Promise<number> {
  const { name, offset, length } = entry;
  const header = viewOf(await volume.read(offset, offset + LOCAL_HEADER, call));
  const nameLength = header.getUint16(26, true);
  const from = offset + LOCAL_HEADER + nameLength + header.getUint16(28, true);
  const isOne = header.getUint32(0, true) === 0x04034b50 && from + length <= limit;
  const found = isOne ? await volume.read(offset + LOCAL_HEADER, offset + LOCAL_HEADER + nameLength, call) : undefined;
  if (!found || new TextDecoder().decode(found) !== name)
    throw refusedEntry(volume.name, name, "it is not where the zip directory says");
  return from;
}

/** Exactly as many bytes as the directory says, or an INTEGRITY error. */
async function* inflated(volume: Volume, entry: ZipEntry, offset: number, call: Call): ByteStream {
  let seen = 0;
  for await (const chunk of decompressed(volumeRange(volume, offset, entry.length, call), "deflate", volume.name)) {
    seen += chunk.length;
    if (seen > entry.size) throw corrupt(volume.name, `"${entry.name}" has more than its ${entry.size} bytes`);
    yield chunk;
  }
  if (seen !== entry.size) throw corrupt(volume.name, `"${entry.name}" has ${seen} of its ${entry.size} bytes`);
}

async function* cut(stream: ByteStream, start: number, end: number): ByteStream {
  let at = 0;
  for await (const chunk of stream) {
    const part = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at));
    at += chunk.length;
    if (part.length > 0) yield part;
    if (at >= end) return;
  }
}
