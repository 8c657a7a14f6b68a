/** The compression of an archive, told from its first bytes: names and flags lie. */
import type { Bytes } from "../bytes/stream.ts";

export type Format = "gzip" | "zstd" | "tar";

/** As many bytes as {@link sniffFormat} looks at. */
export const SNIFFED = 512;

/** What the first bytes of a file announce, undefined where that is nothing we know. POSIX ustar, RFC 1952, RFC 8878. */
export function sniffFormat(firstBytes: Bytes): Format | undefined {
  if (startsWith(firstBytes, 0, [0x1f, 0x8b, 0x08])) return "gzip";
  if (startsWith(firstBytes, 0, [0x28, 0xb5, 0x2f, 0xfd])) return "zstd";
  // Parallel zstd compressors begin with a skippable frame.
  if (startsWith(firstBytes, 1, [0x2a, 0x4d, 0x18]) && firstBytes[0]! >> 4 === 5) return "zstd";
  if (startsWith(firstBytes, 257, [0x75, 0x73, 0x74, 0x61, 0x72])) return "tar";
  return undefined;
}

function startsWith(bytes: Bytes, at: number, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[at + index] === byte);
}
