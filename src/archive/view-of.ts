/** Bytes as the numbers that a format has in them. */
import type { Bytes } from "../bytes/stream.ts";

/** The same memory. */
export function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
