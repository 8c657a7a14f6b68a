/** Compressed streams that anybody wrote, decompressed as they come: gzip with any members, zstd with any frames, bare deflate. */
import type { Transform } from "node:stream";
import { constants, createGunzip, createInflateRaw, createZstdDecompress } from "node:zlib";
import type { ByteStream, Bytes } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import { corrupt } from "./footer.ts";
import { WINDOW_LOG_MAX, zstdFrames } from "./zstd-frames.ts";

/** Bytes of output that are made at once. */
const CHUNK: number = 256 << 10;

export type Compression = "gzip" | "zstd" | "deflate";

/**
 * The bytes that `source` was compressed from. Fresh chunks. Throws INTEGRITY, naming `archive`, where the data is damaged or
 * cut short; UNSUPPORTED where reading it would take more than 128 MiB of memory; and what the source throws.
 */
export async function* decompressed(source: ByteStream, compression: Compression, archive: string): ByteStream {
  const options = { chunkSize: CHUNK };
  if (compression === "gzip") yield* through(createGunzip(options), source, archive);
  else if (compression === "deflate") yield* through(createInflateRaw(options), source, archive);
  else
    for await (const frame of zstdFrames(source, archive)) {
      const params = { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX };
      yield* through(createZstdDecompress({ ...options, params }), frame, archive);
    }
}

/** What comes out of `transform` when `source` goes in. Whatever follows the end of the compressed data is not looked at. */
async function* through(transform: Transform, source: ByteStream, archive: string): ByteStream {
  let failure: { error: unknown } | undefined;
  async function feed(): Promise<void> {
    try {
      for await (const chunk of source) {
        if (transform.destroyed || transform.writableEnded) return;
        if (!transform.write(chunk)) await roomIn(transform);
      }
      transform.end();
    } catch (error) {
      failure = { error };
      transform.destroy(error as Error);
    }
  }
  const feeding = feed();
  try {
    for await (const chunk of transform) yield chunk as Bytes;
  } catch (error) {
    if (failure) throw failure.error;
    if (error instanceof AppError) throw error;
    throw corrupt(archive, `its compressed data is damaged or cut short: ${reasonOf(error)}`, error);
  } finally {
    transform.destroy();
    await feeding;
  }
}

/** Waits until the transform takes more, or is gone. */
async function roomIn(transform: Transform): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const events = ["drain", "close", "end"];
  for (const event of events) transform.on(event, resolve);
  try {
    if (!transform.destroyed && transform.writableNeedDrain) await promise;
  } finally {
    for (const event of events) transform.off(event, resolve);
  }
}
