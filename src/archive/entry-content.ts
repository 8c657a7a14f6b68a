/** The bytes of one entry of an archive that has an index, read where they stand and nowhere else. */
import { ordered } from "../bytes/pool.ts";
import type { ByteStream, Bytes, Range } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import { hashFor, splitDigest } from "../oci/digest.ts";
import type { Call } from "../store/store.ts";
import { type Codec, PIECE } from "./codec.ts";
import { type Placed, tarLength } from "./contents.ts";
import { spansOf, unframe } from "./framing.ts";
import { parseTarHeader } from "./tar.ts";
import { placeOf, type Volume } from "./volume.ts";

/** Packed members that are read and unpacked at once. */
const AT_ONCE = 4;

/** An open archive, as far as its entries are read from it. */
export interface Opened {
  readonly volume: Volume;
  readonly codec: Codec;
}

interface ContentOptions extends Range, Call {
  /** The header is not looked at. Default: it is, where the content is read from its start. */
  readonly unheaded?: boolean | undefined;
}

/** What is read at a time. */
interface Stretch {
  /** What messages call it. */
  readonly name: string;
  /** Where it stands in the volume. */
  readonly offset: number;
  readonly length: number;
}

/**
 * Bytes of an entry's content: framing, checksums of packed members and, where it is read from its start, its header are
 * checked. Throws INTEGRITY that names the part, the place and the entry.
 */
export async function* entryContent(archive: Opened, entry: Placed, options: ContentOptions = {}): ByteStream {
  const { header, size } = entry;
  const start = Math.max(0, options.start ?? 0);
  if (options.unheaded) return yield* tarBytes(archive, entry, header + start, header + size, options);
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

/**
 * The content of a document, which nobody else has a digest of: compared with the one in the index when it has been read from
 * start to end. Throws INTEGRITY then.
 */
export async function* documentContent(archive: Opened, entry: Placed, options: Range & Call = {}): ByteStream {
  const { digest, size, path } = entry;
  const isNamed = digest === undefined || path.endsWith(splitDigest(digest).hex);
  if (isNamed || (options.start ?? 0) > 0 || (options.end ?? size) < size)
    return yield* entryContent(archive, entry, options);
  const hash = hashFor(digest);
  for await (const bytes of entryContent(archive, entry, options)) {
    hash.update(bytes);
    yield bytes;
  }
  if (`${splitDigest(digest).algorithm}:${hash.digest("hex")}` !== digest)
    throw damaged(archive, stretchOf(entry), "it is not what the index says");
}

function requireHeader(archive: Opened, entry: Placed, bytes: Bytes): void {
  const found = parseTarHeader(bytes);
  if (found?.path !== entry.path || found.size !== entry.size || found.type !== entry.type)
    throw damaged(archive, stretchOf(entry), "it does not begin where the index says");
}

/** Bytes `[start, end)` of an entry's headers, content and padding. */
export function tarBytes(archive: Opened, entry: Placed, start: number, end: number, call: Call): ByteStream {
  return entry.method === "packed"
    ? packedBytes(archive, entry, start, end, call)
    : storedBytes(archive, entry, start, end, call);
}

async function* storedBytes(archive: Opened, entry: Placed, start: number, end: number, call: Call): ByteStream {
  const { framing } = archive.codec;
  const total = tarLength(entry);
  for (const span of spansOf(framing, total, start, end)) {
    const stretch = { name: entry.path, offset: entry.offset + span.from, length: span.to - span.from };
    const bytes = await readStretch(archive, stretch, call);
    const stored = unframe(framing, total, span, bytes);
    if (!stored) throw damaged(archive, stretch, "what stands between its blocks is wrong");
    yield stored;
  }
}

async function* packedBytes(archive: Opened, entry: Placed, start: number, end: number, call: Call): ByteStream {
  const total = tarLength(entry);
  async function member({ offset, length, at }: Member): Promise<Bytes> {
    return unpack(archive, { name: entry.path, offset, length }, Math.min(PIECE, total - at), call);
  }
  let at = start - (start % PIECE);
  const pool = { concurrency: AT_ONCE, ahead: AT_ONCE, signal: call.signal };
  const members = [...membersOf(entry, start, end)];
  // Most entries have one: a pool would cost more than it saves.
  const unpacked = members.length === 1 ? single(member(members[0]!)) : ordered(members, member, pool);
  for await (const bytes of unpacked) {
    yield bytes.subarray(Math.max(0, start - at), Math.min(bytes.length, end - at));
    at += bytes.length;
  }
}

async function* single(bytes: Promise<Bytes>): ByteStream {
  yield await bytes;
}

/** The bytes of one packed member, exactly `size`. */
async function unpack(archive: Opened, stretch: Stretch, size: number, call: Call): Promise<Bytes> {
  const { packing } = archive.codec;
  const member = await readStretch(archive, stretch, call);
  try {
    if (packing) return await packing.unpack(member, size);
  } catch (error) {
    throw damaged(archive, stretch, `it cannot be unpacked: ${reasonOf(error)}`, error);
  }
  if (member.length !== size) throw damaged(archive, stretch, "it has a wrong length");
  return member;
}

/** What the volume says of a part that is short or missing, said of the entry too. */
async function readStretch({ volume }: Opened, { name, offset, length }: Stretch, call: Call): Promise<Bytes> {
  try {
    return await volume.read(offset, offset + length, call);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "INTEGRITY") throw error;
    const message = `${error.message}, and "${name}" is in it`;
    throw new AppError(error.code, message, { cause: error, hint: error.hint });
  }
}

interface Member {
  readonly offset: number;
  readonly length: number;
  /** The first byte of the entry that it holds. */
  readonly at: number;
}

/** The members that hold bytes `[start, end)`. */
export function* membersOf(entry: Placed, start: number, end: number): Generator<Member> {
  let { offset } = entry;
  for (const [number, length] of (entry.members ?? [entry.length]).entries()) {
    const at = number * PIECE;
    if (at + PIECE > start && at < end) yield { offset, length, at };
    offset += length;
  }
}

function stretchOf({ path, offset, length }: Placed): Stretch {
  return { name: path, offset, length };
}

/** An INTEGRITY error that names the part with the place in it, and the entry. */
export function damaged(
  { volume }: Opened,
  { name, offset, length }: Stretch,
  reason: string,
  cause?: unknown,
): AppError {
  const place = placeOf(volume, offset, offset + length);
  return new AppError("INTEGRITY", `Cannot read "${name}" in ${place}: ${reason}`, {
    cause,
    hint: "dray verify tells all that is damaged, dray repair fetches it again",
  });
}
