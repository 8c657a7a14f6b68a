/** The last bytes of an archive of Dray's, which say where its index is. */
import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { type ByteStream, type Bytes, concat, encode } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import type { Codec } from "./codec.ts";

/** The largest index that is read, in bytes: that many entries with long names. */
export const INDEX_LIMIT: number = 80 << 20;

/** Of index and footer. */
export const VERSION = 1;
const MAGIC: Bytes = encode("DRAYIDX");
const FOOTER_SIZE = 64;

/** Where the index entry stands, what it must hold. */
export interface Footer {
  readonly offset: number;
  /** Of its one member, or of all of it in a plain tar. */
  readonly length: number;
  /** Of the index itself. */
  readonly size: number;
  readonly sha256: Bytes;
}

/** The footer of `index`, whose entry takes `[offset, offset + length)` of the archive. */
export function formatFooter(codec: Codec, index: Bytes, offset: number, length: number): Bytes {
  const numbers = new DataView(new ArrayBuffer(24));
  for (const [at, value] of [offset, length, index.length].entries()) numbers.setBigUint64(at * 8, BigInt(value), true);
  return codec.footer(
    concat([
      MAGIC,
      Uint8Array.of(VERSION),
      new Uint8Array(numbers.buffer),
      createHash("sha256").update(index).digest(),
    ]),
  );
}

export function footerLength(codec: Codec): number {
  return codec.footer(new Uint8Array(FOOTER_SIZE)).length;
}

/**
 * The footer in the last bytes of a file of `fileSize` bytes, undefined where it is not ours.
 * Throws INTEGRITY where it points outside of the file, UNSUPPORTED where a later Dray wrote it.
 */
export function parseFooter(codec: Codec, tail: Bytes, fileSize: number, archive: string): Footer | undefined {
  const payload = tail.slice(codec.payloadAt, codec.payloadAt + FOOTER_SIZE);
  if (!isSame(payload.subarray(0, MAGIC.length), MAGIC)) return undefined;
  if (!isSame(codec.footer(payload), tail)) return undefined;
  requireVersion(payload[MAGIC.length], archive);
  const view = new DataView(payload.buffer, MAGIC.length + 1);
  const [offset, length, size] = [0, 8, 16].map((at) => Number(view.getBigUint64(at, true))) as [
    number,
    number,
    number,
  ];
  const inside = [offset, length, size].every(Number.isSafeInteger) && offset + length + tail.length <= fileSize;
  if (!inside) throw corrupt(archive, "its footer points to no index");
  if (size > INDEX_LIMIT) throw corrupt(archive, `its index has ${size} bytes, more than are read`);
  return { offset, length, size, sha256: payload.subarray(32) };
}

/** Throws UNSUPPORTED for any other than ours. */
export function requireVersion(version: unknown, archive: string): void {
  if (version === VERSION) return;
  throw new AppError("UNSUPPORTED", `Cannot open "${archive}": its index is of version ${version}`, {
    hint: "it was written by a later Dray: use that one, or unpack it with tar",
  });
}

/** Whether a footer comes by in a stream. Reads as far as that. */
export async function hasFooterIn(stream: ByteStream): Promise<boolean> {
  const magic = concat([MAGIC, Uint8Array.of(VERSION)]);
  let end: Bytes = new Uint8Array(0);
  for await (const bytes of stream) {
    const both = concat([end, bytes]);
    if (Buffer.from(both.buffer, both.byteOffset, both.length).includes(magic)) return true;
    end = both.slice(1 - magic.length);
  }
  return false;
}

/** Whether they are the same bytes. */
export function isSame(one: Bytes, other: Bytes): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** An INTEGRITY error that names the archive. */
export function corrupt(archive: string, reason: string, cause?: unknown): AppError {
  return new AppError("INTEGRITY", `Cannot read "${archive}": ${reason}`, {
    cause,
    hint: "compare its checksum with that of the original, and copy it again",
  });
}
