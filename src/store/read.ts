/** The one place that checks bytes against the descriptor that promised them. */
import type { Hash } from "node:crypto";
import { countRead } from "../bytes/garbage.ts";
import { type ByteStream, type Bytes, concat, type Range, streamOf } from "../bytes/stream.ts";
import { AppError, IntegrityError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { digestOf, hashFor, splitDigest } from "../oci/digest.ts";
import type { Call, Content } from "./store.ts";

/** The largest manifest that is read: what registries must accept at least (distribution-spec v1.1 "Pushing Manifests"). */
export const MANIFEST_LIMIT: number = 4 << 20;

/** What a receiver has already: bytes `[0, size)` and their running hash. The hash is used up. */
export interface Held {
  readonly size: number;
  readonly hash: Hash;
}

interface ReadOptions extends Call, Pick<Range, "reuse"> {
  readonly held?: Held | undefined;
}

/**
 * The bytes of `content`, verified: throws an IntegrityError at the first excess byte, and holds the last chunk back until
 * size and digest agree, so that a receiver that was given everything was given the right thing.
 */
export async function* read(content: Content, options: ReadOptions = {}): ByteStream {
  const { digest, size } = content.descriptor;
  const hash = options.held?.hash ?? hashFor(digest);
  let seen = options.held?.size ?? 0;
  let last: Bytes | undefined;
  if (seen < size || seen === 0)
    for await (const chunk of content.open({ start: seen, reuse: options.reuse, signal: options.signal })) {
      if (chunk.length === 0) continue; // it would push out the one that is held back
      seen += chunk.length;
      if (seen > size) throw mismatch(content, `more than ${size} bytes`);
      hash.update(chunk);
      if (last) yield last;
      last = chunk;
    }
  if (seen !== size) throw mismatch(content, `${seen} bytes`);
  const actual = `${splitDigest(digest).algorithm}:${hash.digest("hex")}`;
  if (actual !== digest) throw mismatch(content, actual);
  if (last) yield last;
}

function mismatch({ descriptor: { digest, size }, where }: Content, actual: string): IntegrityError {
  const place = where?.();
  const what = place === undefined ? `"${digest}"` : `"${digest}" in ${place}`;
  return new IntegrityError(`Cannot read ${what}: expected ${size} bytes of that digest, got ${actual}`, {
    expected: `${digest} (${size} bytes)`,
    actual,
  });
}

/** All bytes, verified. Throws UNSUPPORTED where the descriptor promises more than `limit` bytes. */
export async function readAll(content: Content, limit: number, options: Call = {}): Promise<Bytes> {
  const { digest, size } = content.descriptor;
  if (size > limit)
    throw new AppError("UNSUPPORTED", `Cannot read "${digest}": ${size} bytes are more than the limit of ${limit}`);
  const chunks: Bytes[] = [];
  for await (const chunk of read(content, options)) chunks.push(chunk);
  countRead(size);
  return concat(chunks);
}

/** Content that is here already. */
export function inMemory(descriptor: Descriptor, bytes: Bytes): Content {
  return {
    descriptor,
    open: ({ start = 0, end = bytes.length } = {}) => streamOf(bytes.subarray(start, end)),
  };
}

/** The same, verified whenever it is opened. For small content: all of it is read first. */
export function verified(content: Content, limit: number): Content {
  // A generator of its own for each would take far more memory than what it stands for.
  return { ...content, open: (options) => openVerified(content, limit, options) };
}

async function* openVerified(content: Content, limit: number, options: Range & Call = {}): ByteStream {
  const bytes = await readAll(content, limit, options);
  yield* inMemory(content.descriptor, bytes).open(options);
}

/** Bytes as content under their own sha256 digest. */
export function contentOf(mediaType: string, bytes: Bytes): Content {
  return inMemory({ mediaType, digest: digestOf(bytes), size: bytes.length }, bytes);
}
