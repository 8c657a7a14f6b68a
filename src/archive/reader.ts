/** Opens archives that Dray wrote, by the index at their end: nothing is unpacked, any range is read where it stands. */
import { ordered } from "../bytes/pool.ts";
import type { ByteStream, Bytes, Range } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import type { Call, Tree, TreeFile } from "../store/store.ts";
import { type Codec, PIECE } from "./codec.ts";
import { codecFor } from "./codec-for.ts";
import {
  corrupt,
  type Footer,
  footerLength,
  INDEX_PATH,
  type Placed,
  parseFooter,
  parseIndex,
  tarLength,
} from "./contents.ts";
import { type Format, SNIFFED, sniffFormat } from "./format.ts";
import { spansOf, unframe } from "./framing.ts";
import { findParts } from "./parts.ts";
import { BLOCK, parseTarHeader } from "./tar.ts";
import { firstParts, openVolume, type Volume } from "./volume.ts";

/** Packed members that are read and unpacked at once. */
const AT_ONCE = 4;

export interface Archive extends Tree {
  readonly format: Format;
  /** Everything that the archive holds, in its order: directories, links, and what a later entry of the same path replaced. */
  readonly entries: readonly Placed[];
}

/** Open files with what is needed to read their members. */
interface Opened {
  readonly volume: Volume;
  readonly codec: Codec;
}

export interface OpenOptions extends Call {
  /** Hears of parts that lie there and are not of this archive. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Opens an archive for readers of any number and order, and holds it open until it is disposed. `paths` are its own, those
 * of any of its parts, or of its parts in several folders. Of entries with one path the last is seen; links and directories
 * are not files. Content is checked for its length and framing, not against digests. Throws NOT_FOUND, STORAGE; UNSUPPORTED
 * where Dray did not write it, or not to its end; and INTEGRITY, also from the streams of its files, where it is corrupt.
 */
export async function openArchive(paths: string | readonly string[], options: OpenOptions = {}): Promise<Archive> {
  const found = await findParts(typeof paths === "string" ? [paths] : paths);
  const volume = await openVolume(found.paths, found.name);
  try {
    return await readArchive(await withoutStale(volume, options), options);
  } catch (error) {
    await volume[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * The volume up to the part that the archive ends in: a shorter archive may have been written over the parts of a longer one
 * by hand. Throws INTEGRITY for a part that has not the size of the others.
 */
async function withoutStale(volume: Volume, { onWarning, ...call }: OpenOptions): Promise<Volume> {
  const { parts } = volume;
  for (let count = parts.length; count > 1; count--) {
    const shorter = firstParts(volume, count);
    if (!(await findFooter(shorter, call))) continue;
    checkSizes(shorter);
    if (count < parts.length)
      onWarning?.(
        `"${volume.name}" ends in part ${count - 1}: what lies behind it is of another archive, and is not read`,
      );
    return shorter;
  }
  checkSizes(volume);
  return volume;
}

function checkSizes({ parts }: Volume): void {
  const [first] = parts;
  for (const [index, { path, size }] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (isLast ? size <= first!.size : size === first!.size) continue;
    throw corrupt(path, `it has ${size} bytes, and the first part has ${first!.size}`);
  }
}

async function readArchive(volume: Volume, options: Call): Promise<Archive> {
  const { codec, entries } = await readContents(volume, options);
  const files = new Map<string, Placed>();
  for (const entry of entries)
    if (entry.type === "file") files.set(entry.path, entry);
    else files.delete(entry.path);
  return {
    format: codec.format,
    entries,
    paths: () => files.keys(),
    file: (path) => treeFile({ volume, codec }, files.get(path)),
    [Symbol.asyncDispose]: () => volume[Symbol.asyncDispose](),
  };
}

async function readContents(volume: Volume, options: Call) {
  const { name } = volume;
  const found = await findFooter(volume, options);
  if (!found)
    throw new AppError("UNSUPPORTED", `Cannot open "${name}": it has no Dray index at its end`, {
      hint: "it was cut short on its way, or written by another tool",
    });
  const { codec, footer } = found;
  const member = await volume.read(footer.offset, footer.offset + footer.length, options);
  const whole = await unpack({ volume, codec }, member, tarLength({ header: BLOCK, size: footer.size }));
  const header = parseTarHeader(whole.subarray(0, BLOCK));
  if (header?.path !== INDEX_PATH || header.size !== footer.size)
    throw corrupt(name, "there is no index where its footer says");
  return { codec, entries: parseIndex(codec, whole.subarray(BLOCK, BLOCK + footer.size), footer, name) };
}

/** The footer at the end of the volume; undefined where there is none. Throws UNSUPPORTED for what is no archive at all. */
async function findFooter(volume: Volume, options: Call): Promise<{ codec: Codec; footer: Footer } | undefined> {
  const { name, size } = volume;
  const format = sniffFormat(await volume.read(0, Math.min(SNIFFED, size), options));
  if (!format) throw new AppError("UNSUPPORTED", `Cannot open "${name}": it is no gzip, zstd or tar file`);
  const codec = codecFor(format);
  const from = size - footerLength(codec);
  const footer = from < 0 ? undefined : parseFooter(codec, await volume.read(from, size, options), size, name);
  return footer && { codec, footer };
}

/** A member's bytes, exactly `size`. */
async function unpack({ codec, volume }: Opened, member: Bytes, size: number): Promise<Bytes> {
  try {
    if (codec.packing) return await codec.packing.unpack(member, size);
  } catch (error) {
    throw corrupt(volume.name, `a part of it cannot be unpacked: ${reasonOf(error)}`, error);
  }
  if (member.length !== size) throw corrupt(volume.name, "a part of it has a wrong length");
  return member;
}

function treeFile(archive: Opened, entry: Placed | undefined): TreeFile | undefined {
  return entry && { size: entry.size, open: (options) => content(archive, entry, options) };
}

async function* content(archive: Opened, entry: Placed, options: Range & Call = {}): ByteStream {
  const { header, size } = entry;
  const start = Math.max(0, options.start ?? 0);
  const end = Math.min(size, options.end ?? size);
  const from = start === 0 ? 0 : header + start;
  let first = true;
  for await (const bytes of tarBytes(archive, entry, from, header + end, options)) {
    // Whoever reads from the start gets the header for nothing: what tar would unpack must be what the index says.
    const skip = first && start === 0 ? header : 0;
    if (skip > 0) requireHeader(archive, entry, bytes.subarray(0, skip));
    if (bytes.length > skip) yield bytes.subarray(skip);
    first = false;
  }
}

function requireHeader(archive: Opened, entry: Placed, bytes: Bytes): void {
  const found = parseTarHeader(bytes);
  if (found?.path !== entry.path || found.size !== entry.size || found.type !== entry.type)
    throw corrupt(archive.volume.name, `"${entry.path}" is not where its index says`);
}

/** Bytes `[start, end)` of an entry's headers, content and padding. */
function tarBytes(archive: Opened, entry: Placed, start: number, end: number, call: Call): ByteStream {
  return entry.method === "packed"
    ? packedBytes(archive, entry, start, end, call)
    : storedBytes(archive, entry, start, end, call);
}

async function* storedBytes(archive: Opened, entry: Placed, start: number, end: number, call: Call): ByteStream {
  const { framing } = archive.codec;
  const total = tarLength(entry);
  for (const span of spansOf(framing, total, start, end)) {
    const bytes = await archive.volume.read(entry.offset + span.from, entry.offset + span.to, call);
    const stored = unframe(framing, total, span, bytes);
    if (!stored) throw corrupt(archive.volume.name, `"${entry.path}" is damaged`);
    yield stored;
  }
}

async function* packedBytes(archive: Opened, entry: Placed, start: number, end: number, call: Call): ByteStream {
  const total = tarLength(entry);
  async function member({ offset, length, at }: Member): Promise<Bytes> {
    const bytes = await archive.volume.read(offset, offset + length, call);
    return unpack(archive, bytes, Math.min(PIECE, total - at));
  }
  let at = start - (start % PIECE);
  const pool = { concurrency: AT_ONCE, ahead: AT_ONCE, signal: call.signal };
  for await (const bytes of ordered(membersOf(entry, start, end), member, pool)) {
    yield bytes.subarray(Math.max(0, start - at), Math.min(bytes.length, end - at));
    at += bytes.length;
  }
}

interface Member {
  readonly offset: number;
  readonly length: number;
  /** The first byte of the entry that it holds. */
  readonly at: number;
}

/** The members that hold bytes `[start, end)`. */
function* membersOf(entry: Placed, start: number, end: number): Generator<Member> {
  let { offset } = entry;
  for (const [number, length] of (entry.members ?? [entry.length]).entries()) {
    const at = number * PIECE;
    if (at + PIECE > start && at < end) yield { offset, length, at };
    offset += length;
  }
}
