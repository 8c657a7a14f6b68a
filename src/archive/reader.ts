/** Opens archives that Dray wrote, by the index at their end: nothing is unpacked, any range is read where it stands. */
import { type FileHandle, open } from "node:fs/promises";
import { ordered } from "../bytes/pool.ts";
import type { ByteStream, Bytes, Range } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import type { Call, Tree, TreeFile } from "../store/store.ts";
import { type Codec, PIECE } from "./codec.ts";
import { codecFor } from "./codec-for.ts";
import { corrupt, footerLength, INDEX_PATH, type Placed, parseFooter, parseIndex, tarLength } from "./contents.ts";
import { type Format, SNIFFED, sniffFormat } from "./format.ts";
import { spansOf, unframe } from "./framing.ts";
import { BLOCK, parseTarHeader } from "./tar.ts";

/** Packed members that are read and unpacked at once. */
const AT_ONCE = 4;

export interface Archive extends Tree {
  readonly format: Format;
  /** Everything that the archive holds, in its order: directories, links, and what a later entry of the same path replaced. */
  readonly entries: readonly Placed[];
}

/** An open file with what is needed to speak of it, and to read its members. */
interface Opened {
  readonly path: string;
  readonly file: FileHandle;
  readonly codec: Codec;
}

/**
 * Opens the archive `path` for readers of any number and order, and holds it open until it is disposed. Of entries with
 * one path the last is seen; links and directories are not files. Content is checked for its length and framing, not
 * against digests. Throws NOT_FOUND, STORAGE; UNSUPPORTED where Dray did not write it, or not to its end; and INTEGRITY,
 * also from the streams of its files, where it is corrupt.
 */
export async function openArchive(path: string, options: Call = {}): Promise<Archive> {
  const file = await openFile(path);
  try {
    const { codec, entries } = await readContents(path, file, options);
    const files = new Map<string, Placed>();
    for (const entry of entries)
      if (entry.type === "file") files.set(entry.path, entry);
      else files.delete(entry.path);
    return {
      format: codec.format,
      entries,
      paths: () => files.keys(),
      file: (name) => treeFile({ path, file, codec }, files.get(name)),
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new AppError("NOT_FOUND", `Cannot open "${path}": there is no such file`, { cause: error });
    throw new AppError("STORAGE", `Cannot open "${path}": ${reasonOf(error)}`, { cause: error });
  }
}

async function readContents(path: string, file: FileHandle, { signal }: Call) {
  const stats = await file.stat();
  if (!stats.isFile()) throw new AppError("UNSUPPORTED", `Cannot open "${path}": it is no regular file`);
  const format = sniffFormat(await readExactly(path, file, 0, Math.min(SNIFFED, stats.size)));
  if (!format) throw new AppError("UNSUPPORTED", `Cannot open "${path}": it is no gzip, zstd or tar file`);
  const codec = codecFor(format);
  const from = stats.size - footerLength(codec);
  const tail = from < 0 ? undefined : await readExactly(path, file, from, stats.size);
  const footer = tail && parseFooter(codec, tail, stats.size, path);
  if (!footer)
    throw new AppError("UNSUPPORTED", `Cannot open "${path}": it has no Dray index at its end`, {
      hint: "it was cut short on its way, or written by another tool",
    });
  signal?.throwIfAborted();
  const member = await readExactly(path, file, footer.offset, footer.offset + footer.length);
  const whole = await unpack({ path, file, codec }, member, tarLength({ header: BLOCK, size: footer.size }));
  const header = parseTarHeader(whole.subarray(0, BLOCK));
  if (header?.path !== INDEX_PATH || header.size !== footer.size)
    throw corrupt(path, "there is no index where its footer says");
  return { codec, entries: parseIndex(codec, whole.subarray(BLOCK, BLOCK + footer.size), footer, path) };
}

/** Every byte of the file's `[start, end)`; throws INTEGRITY where it ends before. */
async function readExactly(path: string, file: FileHandle, start: number, end: number): Promise<Bytes> {
  const bytes = new Uint8Array(end - start);
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at).catch((error: unknown) => {
      throw new AppError("STORAGE", `Cannot read "${path}": ${reasonOf(error)}`, { cause: error });
    });
    if (bytesRead === 0) throw corrupt(path, "it ends before it should");
    at += bytesRead;
  }
  return bytes;
}

/** A member's bytes, exactly `size`. */
async function unpack({ codec, path }: Opened, member: Bytes, size: number): Promise<Bytes> {
  try {
    if (codec.packing) return await codec.packing.unpack(member, size);
  } catch (error) {
    throw corrupt(path, `a part of it cannot be unpacked: ${reasonOf(error)}`, error);
  }
  if (member.length !== size) throw corrupt(path, "a part of it has a wrong length");
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
    throw corrupt(archive.path, `"${entry.path}" is not where its index says`);
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
    call.signal?.throwIfAborted();
    const bytes = await readExactly(archive.path, archive.file, entry.offset + span.from, entry.offset + span.to);
    const stored = unframe(framing, total, span, bytes);
    if (!stored) throw corrupt(archive.path, `"${entry.path}" is damaged`);
    yield stored;
  }
}

async function* packedBytes(archive: Opened, entry: Placed, start: number, end: number, call: Call): ByteStream {
  const total = tarLength(entry);
  async function member({ offset, length, at }: Member): Promise<Bytes> {
    call.signal?.throwIfAborted();
    const bytes = await readExactly(archive.path, archive.file, offset, offset + length);
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
