/** Stored bytes between the heads of their blocks: taken out of a member at any place. */
import type { Bytes } from "../bytes/stream.ts";
import type { Framing } from "./codec.ts";

/** About as much is read at once. */
const SPAN: number = 512 << 10;

/** Bytes of a member that stores `total` bytes, which are at least one. */
export function framedLength(framing: Framing, total: number): number {
  return total + framing.overhead(total - 1) + framing.tail(total, 0).length;
}

/** Bytes that stand from `at` on among the stored `total`, with the heads of the blocks that begin among them. */
export function* framed(framing: Framing, total: number, at: number, bytes: Bytes): Generator<Bytes> {
  for (let from = 0; from < bytes.length; ) {
    const used = (at + from) % framing.block;
    if (used === 0) yield framing.head(at + from, total);
    const part = bytes.subarray(from, from + framing.block - used);
    yield part;
    from += part.length;
  }
}

/** Whole blocks of a member as they are read at once. */
export interface Span {
  /** Which of the stored bytes they hold. */
  readonly start: number;
  readonly end: number;
  /** Where they stand in the member, their heads included. */
  readonly from: number;
  readonly to: number;
}

/** The spans that hold bytes `[start, end)` of a member of `total`; the first may begin, the last end inside of a block. */
export function* spansOf(framing: Framing, total: number, start: number, end: number): Generator<Span> {
  const { block } = framing;
  const step = block * Math.max(1, Math.floor(SPAN / block));
  for (let at = start; at < end; ) {
    const stop = Math.min(end, at - (at % block) + step);
    const head = at % block === 0 ? framing.head(at, total).length : 0;
    yield { start: at, end: stop, from: at + framing.overhead(at) - head, to: stop + framing.overhead(stop - 1) };
    at = stop;
  }
}

/** The stored bytes of a span, moved together in `bytes`; undefined where a head is not what it must be. */
export function unframe(framing: Framing, total: number, span: Span, bytes: Bytes): Bytes | undefined {
  const { block } = framing;
  let from = 0;
  let to = 0;
  for (let at = span.start; at < span.end; ) {
    if (at % block === 0) {
      const head = framing.head(at, total);
      if (head.some((byte, index) => bytes[from + index] !== byte)) return undefined;
      from += head.length;
    }
    const length = Math.min(block - (at % block), span.end - at);
    if (from !== to) bytes.copyWithin(to, from, from + length);
    from += length;
    to += length;
    at += length;
  }
  return bytes.subarray(0, to);
}
