/** The codec of a format. */
import type { Codec } from "./codec.ts";
import type { Format } from "./format.ts";
import { gzipCodec } from "./gzip.ts";
import { plainCodec } from "./plain.ts";
import { zstdCodec } from "./zstd.ts";

/** `level` is the format's own: gzip 1-9, default 6; zstd 1-22, default 3; nothing to tar. */
export function codecFor(format: Format, level?: number): Codec {
  if (format === "gzip") return gzipCodec(level);
  if (format === "zstd") return zstdCodec(level);
  return plainCodec();
}
