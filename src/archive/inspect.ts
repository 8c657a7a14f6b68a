/**
 * Every byte of an archive that Dray wrote, compared with what Dray would have written: framing, headers, padding, checksums,
 * digests. What other readers pass over is found too.
 */
import type { Hash } from "node:crypto";
import type { Bytes } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import { type Digest, digestOfPath, hashFor, splitDigest } from "../oci/digest.ts";
import type { Call } from "../store/store.ts";
import type { Codec } from "./codec.ts";
import { INDEX_PATH, type Placed, tarLength } from "./contents.ts";
import { membersOf, type Opened, tarBytes } from "./entry-content.ts";
import { type Footer, footerLength } from "./footer.ts";
import { indexEntry } from "./index-entry.ts";
import type { Archive } from "./reader.ts";
import { END_OF_TAR, tarHeader } from "./tar.ts";

/** Something that is not as it was written. */
export interface Flaw {
  /** The entry, or another part of the archive's structure. */
  readonly path: string;
  /** Where it begins in the volume. */
  readonly offset: number;
  /** Bytes of the whole entry. */
  readonly length: number;
  /** Of the content, where it has one. */
  readonly digest?: Digest | undefined;
  /** One line: what is wrong, in which part. */
  readonly reason: string;
  /** Absent for what is no entry of the index. */
  readonly entry?: Placed | undefined;
}

export interface InspectOptions extends Call {
  /** Hears how many bytes more were compared, of all that inspectedBytes() says. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** What inspect() compares. */
export function inspectedBytes({ entries }: Archive): number {
  return entries.reduce((sum, entry) => sum + tarLength(entry), 0);
}

/** All flaws, in the order of the archive: one at most for each entry, and for each gap between two. Reads everything. */
export async function* inspect(
  { opened, entries, footer }: Archive,
  options: InspectOptions = {},
): AsyncGenerator<Flaw> {
  let next = 0;
  for (const entry of entries) {
    const { path, offset, length } = entry;
    if (offset !== next)
      yield { path, offset: next, length: offset - next, reason: "it does not begin where the entry before it ends" };
    next = offset + length;
    const reason = await flawOf(opened, entry, options);
    if (reason !== undefined) yield { path, offset, length, digest: digestIn(entry), reason, entry };
  }
  if (footer.offset !== next)
    yield {
      path: INDEX_PATH,
      offset: next,
      length: footer.offset - next,
      reason: "there is something between the last entry and the index",
    };
  yield* inspectEnd(opened, footer, options);
}

/** The digest that an entry's content must have: what its name says, by which it is looked for, else what the index says. */
function digestIn({ path, digest }: Placed): Digest | undefined {
  return digestOfPath(path) ?? digest;
}

/** What is wrong with an entry; undefined where nothing is. */
export async function flawOf(archive: Opened, entry: Placed, options: InspectOptions): Promise<string | undefined> {
  let left = tarLength(entry);
  const onBytes = (bytes: number): void => {
    left -= bytes;
    options.onBytes?.(bytes);
  };
  try {
    const call = { signal: options.signal, onBytes };
    return (await contentFlaw(archive, entry, call)) ?? (await frameFlaw(archive, entry, call));
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof AppError && error.code !== "INTEGRITY") throw error;
    return reasonOf(error);
  } finally {
    // What cannot be read is done with too.
    if (left > 0) options.onBytes?.(left);
  }
}

/** Header, content and padding, and the checksum that a stored member ends with. */
async function contentFlaw(archive: Opened, entry: Placed, call: InspectOptions): Promise<string | undefined> {
  const { volume, codec } = archive;
  const { header, size } = entry;
  const total = tarLength(entry);
  const head: Bytes = new Uint8Array(header);
  const digest = digestIn(entry);
  if (entry.digest && digest !== entry.digest) return `the index says that it is "${entry.digest}"`;
  const hash: Hash | undefined = digest && hashFor(digest);
  let at = 0;
  let checksum = 0;
  let isPadded = true;
  for await (const bytes of tarBytes(archive, entry, 0, total, call)) {
    if (at < header) head.set(bytes.subarray(0, header - at), at);
    hash?.update(bytes.subarray(Math.max(0, header - at), Math.max(0, header + size - at)));
    isPadded &&= bytes.subarray(Math.max(0, header + size - at)).every((byte) => byte === 0);
    if (entry.method === "stored" && codec.framing.checksum) checksum = codec.framing.checksum(bytes, checksum);
    at += bytes.length;
    call.onBytes?.(bytes.length);
  }
  if (!isEqual(head, headerOf(entry))) return "its header is not the one that it was written with";
  if (digest && `${splitDigest(digest).algorithm}:${hash?.digest("hex")}` !== digest)
    return `its content is not that of its digest "${digest}"`;
  if (!isPadded) return "there is something in its padding";
  const tail = entry.method === "packed" ? new Uint8Array(0) : codec.framing.tail(total, checksum);
  const end = entry.offset + entry.length;
  if (!isEqual(await volume.read(end - tail.length, end, call), tail)) return "its checksum is wrong";
  return undefined;
}

/** The bytes that packed members begin with, of which decompressors do not look at all. */
async function frameFlaw(archive: Opened, entry: Placed, call: Call): Promise<string | undefined> {
  if (entry.method !== "packed") return undefined;
  for (const { offset } of membersOf(entry, 0, tarLength(entry)))
    if (!isMemberHead(archive.codec, await archive.volume.read(offset, offset + MEMBER_HEAD, call)))
      return "a compressed member does not begin as it was written";
  return undefined;
}

const MEMBER_HEAD = 10;

/** RFC 1952 section 2.3: no flags, no time, the level in the ninth byte. RFC 8878 section 3.1.1.1: a checksum, no content size. */
function isMemberHead({ format }: Codec, bytes: Bytes): boolean {
  const expected = format === "gzip" ? [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, undefined, 0xff] : [0x28, 0xb5, 0x2f, 0xfd, 4];
  if (format === "gzip" && ![0, 2, 4].includes(bytes[8]!)) return false;
  return expected.every((byte, at) => byte === undefined || byte === bytes[at]);
}

/** The index, of which the reader has checked the content, and what lies between it and the footer. */
async function* inspectEnd(archive: Opened, footer: Footer, call: Call): AsyncGenerator<Flaw> {
  const { volume, codec } = archive;
  const header = tarHeader({ path: INDEX_PATH, type: "file", size: footer.size });
  const found: Bytes = new Uint8Array(header.length);
  const place = { path: INDEX_PATH, offset: footer.offset, length: footer.length };
  let isPadded = true;
  let at = 0;
  for await (const bytes of indexEntry(archive, footer, call)) {
    if (at < header.length) found.set(bytes.subarray(0, header.length - at), at);
    isPadded &&= bytes.subarray(Math.max(0, header.length + footer.size - at)).every((byte) => byte === 0);
    at += bytes.length;
  }
  const isHead =
    !codec.packing || isMemberHead(codec, await volume.read(footer.offset, footer.offset + MEMBER_HEAD, call));
  if (!isHead || !isEqual(found, header) || !isPadded)
    yield { ...place, reason: "what is around the index is not as it was written" };
  const end = footer.offset + footer.length;
  const tail = await volume.read(end, volume.size - footerLength(codec), call);
  if (!(await isEndOfTar(codec, tail)))
    yield { path: "the end of the tar", offset: end, length: tail.length, reason: "it is not as it was written" };
}

async function isEndOfTar(codec: Codec, tail: Bytes): Promise<boolean> {
  if (!codec.packing) return tail.length === 0;
  try {
    return isMemberHead(codec, tail) && isEqual(await codec.packing.unpack(tail, END_OF_TAR.length), END_OF_TAR);
  } catch {
    return false;
  }
}

function headerOf({ path, type, size, target }: Placed): Bytes {
  return tarHeader({ path, type, size, target });
}

function isEqual(one: Bytes, other: Bytes): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
