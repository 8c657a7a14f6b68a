/** How tar entries become members of an archive: the roles that gzip, zstd and plain tar fill. Interfaces only. */
import type { Bytes } from "../bytes/stream.ts";
import type { Format } from "./format.ts";

/**
 * How the bytes of a stored entry lie in its member: blocks of one size (the last may be shorter), a few bytes before each.
 * So where any byte stands is arithmetic. `total` is the bytes of the entry with its header and padding, never 0.
 */
export interface Framing {
  /** Bytes of every block but the last. */
  readonly block: number;
  /** What stands before the block that starts at byte `at`, a multiple of `block`. */
  head(at: number, total: number): Bytes;
  /** How many bytes of heads stand before byte `at`, those of its own block included. */
  overhead(at: number): number;
  /** What stands behind the last block. */
  tail(total: number, checksum: number): Bytes;
  /** Takes more bytes into the checksum that tail() gets, which begins as 0. Absent where there is none. */
  checksum?(bytes: Bytes, before: number): number;
}

/** Compression of up to {@link PIECE} bytes at a time into members of their own. */
export interface Packing {
  pack(bytes: Bytes): Promise<Bytes>;
  /** The same at once: faster for little. The bytes may differ from pack()'s. */
  packSync(bytes: Bytes): Bytes;
  /** The bytes of one member; rejects where it is corrupt, or where they are not exactly `size`. */
  unpack(member: Bytes, size: number): Promise<Bytes>;
}

export interface Codec {
  readonly format: Format;
  readonly framing: Framing;
  /** Absent where nothing is ever compressed. */
  readonly packing?: Packing | undefined;
  /** What ends the tar, where that stands before the footer. */
  end(): Bytes;
  /** The last bytes of an archive around a payload of fixed size; other tools see nothing in them. */
  footer(payload: Bytes): Bytes;
  /** Where in the footer the payload stands. */
  readonly payloadAt: number;
}

/** What a packed member holds of the tar stream, in bytes; the last one of an entry may hold less. */
export const PIECE: number = 1 << 20;
