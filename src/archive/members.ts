/** One entry as members of an archive: its tar bytes, stored between block heads or packed piece by piece. */
import { availableParallelism } from "node:os";
import { ordered } from "../bytes/pool.ts";
import { type ByteStream, type Bytes, concat, type Range } from "../bytes/stream.ts";
import { type AppError, IntegrityError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Call } from "../store/store.ts";
import { type Codec, type Packing, PIECE } from "./codec.ts";
import { type Placed, tarLength } from "./contents.ts";
import { framed } from "./framing.ts";
import type { Gathered } from "./gathered.ts";
import { type EntryType, paddingOf, tarHeader } from "./tar.ts";

/** Something to archive. The archive knows names and bytes, not images. */
export interface Entry {
  /** Relative, with `/`, also without one at the end of a directory's. */
  readonly path: string;
  /** Default `file`. */
  readonly type?: EntryType | undefined;
  /** Where a link points. */
  readonly target?: string | undefined;
  /** Bytes; 0 unless it is a file. */
  readonly size: number;
  /** The bytes are known to be compressed already: stored without trying. */
  readonly compressed?: boolean | undefined;
  /** Goes into the index. Not checked here. */
  readonly digest?: Digest | undefined;
  /** Called once, and only for files. */
  open(options?: Range & Call): ByteStream;
}

/** Where the first piece does not shrink to this part of itself, the entry is stored. */
const WORTHWHILE = 0.97;

/** Less than this is compressed at once: a thread costs more than it saves. */
const SMALL: number = 64 << 10;

/**
 * Writes an entry, and says where it stands. What shrinks is packed on all cores at once, with about 2 MiB of memory for each:
 * one PIECE, and what becomes of it. Throws INTEGRITY where the stream does not hold exactly `entry.size` bytes.
 */
export async function writeMembers(entry: Entry, codec: Codec, output: Gathered, call: Call): Promise<Placed> {
  const { path, type = "file", target, size, digest } = entry;
  const header = tarHeader({ path, type, size, target });
  const offset = output.position;
  const total = tarLength({ header: header.length, size });
  const bytes = tarBytes(entry, header, call);
  const members =
    codec.packing && !entry.compressed
      ? await packOrStore(bytes, total, { ...codec, packing: codec.packing }, output, call)
      : await store(bytes, total, codec, output);
  return {
    path,
    type,
    ...(type === "link" ? { target } : {}),
    offset,
    length: output.position - offset,
    size,
    header: header.length,
    method: codec.packing ? (members ? "packed" : "stored") : "raw",
    ...(digest ? { digest } : {}),
    ...(members && members.length > 1 ? { members } : {}),
  };
}

async function* tarBytes(entry: Entry, header: Bytes, call: Call): ByteStream {
  yield header;
  let seen = 0;
  if (entry.size > 0 || entry.type === undefined || entry.type === "file")
    for await (const chunk of entry.open({ ...call, reuse: entry.compressed === true })) {
      call.signal?.throwIfAborted();
      seen += chunk.length;
      if (seen > entry.size) throw mismatch(entry, `more than ${entry.size}`);
      yield chunk;
    }
  if (seen !== entry.size) throw mismatch(entry, String(seen));
  if (paddingOf(seen) > 0) yield new Uint8Array(paddingOf(seen));
}

function mismatch({ path, size }: Entry, actual: string): AppError {
  const message = `Cannot archive "${path}": expected ${size} bytes, got ${actual}`;
  return new IntegrityError(message, { expected: `${size} bytes`, actual: `${actual} bytes` });
}

/** One member, in which the bytes stand as they are. */
async function store(bytes: ByteStream, total: number, { framing }: Codec, output: Gathered): Promise<undefined> {
  let at = 0;
  let checksum = 0;
  for await (const chunk of bytes) {
    if (framing.checksum) checksum = framing.checksum(chunk, checksum);
    for (const part of framed(framing, total, at, chunk)) {
      const turn = output.push(part);
      if (turn !== undefined) await turn; // there are too many parts to wait for what is done already
    }
    at += chunk.length;
  }
  await output.push(framing.tail(total, checksum));
}

/** The lengths of the packed members; undefined where the bytes did not shrink, and were stored. */
async function packOrStore(
  bytes: ByteStream,
  total: number,
  codec: Codec & { readonly packing: Packing },
  output: Gathered,
  { signal }: Call,
): Promise<readonly number[] | undefined> {
  const { packing } = codec;
  const rest = pieces(bytes);
  try {
    const first = (await rest.next()).value as Bytes;
    const packed = total < SMALL ? packing.packSync(first) : await packing.pack(first);
    if (packed.length > first.length * WORTHWHILE) return await store(joined(first, rest), total, codec, output);
    await output.push(packed);
    const lengths = [packed.length];
    const concurrency = availableParallelism();
    const pool = { concurrency, ahead: concurrency + 2, signal };
    for await (const member of ordered(rest, packing.pack, pool)) {
      await output.push(member);
      lengths.push(member.length);
    }
    return lengths;
  } finally {
    await rest.return();
  }
}

async function* joined(first: Bytes, rest: ByteStream): ByteStream {
  yield first;
  yield* rest;
}

/** Fresh arrays of exactly one PIECE each, but for the last. There is at least one: every entry has a header. */
async function* pieces(bytes: ByteStream): AsyncGenerator<Bytes, void> {
  let waiting: Bytes[] = [];
  let held = 0;
  for await (const chunk of bytes)
    for (let from = 0; from < chunk.length; ) {
      const part = chunk.subarray(from, from + PIECE - held);
      waiting.push(part);
      held += part.length;
      from += part.length;
      if (held < PIECE) continue;
      yield concat(waiting);
      waiting = [];
      held = 0;
    }
  if (held > 0) yield concat(waiting);
}
