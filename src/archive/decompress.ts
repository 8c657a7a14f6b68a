/** Compressed streams that anybody wrote, decompressed as they come: gzip with any members, zstd with any frames, bare deflate. */
import type { Transform } from "node:stream";
import { constants, createGunzip, createInflateRaw, createZstdDecompress } from "node:zlib";
import type { ByteStream, Bytes } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import { corrupt } from "./footer.ts";
import { WINDOW_LOG_MAX, zstdFrames } from "./zstd-frames.ts";

/** Bytes of output that are made at once. */
const CHUNK: number = 256 << 10;

/**
 * Frames of zstd that are read, whatever is in them, and bytes that must have come for each further one: each costs a
 * decompressor. The largest archive of Dray's out of a pipe has one for each of 120,000 entries, and one for each MiB.
 */
const MOST_FRAMES = 150_000;
const BYTES_OF_FRAME: number = 16 << 10;

export type Compression = "gzip" | "zstd" | "deflate";

/**
 * The bytes that `source` was compressed from. Fresh chunks. Throws INTEGRITY, naming `archive`, where the data is damaged or
 * cut short; UNSUPPORTED where reading it would take more than 128 MiB of memory, or its frames are too many for what is in
 * them, more than `mostFrames` and another for each 16 KiB; and what the source throws.
 */
export async function* decompressed(
  source: ByteStream,
  compression: Compression,
  archive: string,
  mostFrames: number = MOST_FRAMES,
): ByteStream {
  const options = { chunkSize: CHUNK };
  if (compression === "gzip") yield* through(createGunzip(options), source, archive);
  else if (compression === "deflate") yield* through(createInflateRaw(options), source, archive);
  else yield* framewise(source, archive, mostFrames);
}

async function* framewise(source: ByteStream, archive: string, mostFrames: number): ByteStream {
  const options = { chunkSize: CHUNK, params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX } };
  let frames = 0;
  let size = 0;
  for await (const frame of zstdFrames(source, archive)) {
    if (++frames > mostFrames + size / BYTES_OF_FRAME)
      throw new AppError("UNSUPPORTED", `Cannot read "${archive}": it has too many frames for what is in them`, {
        hint: "decompress it with zstd -d first",
      });
    for await (const chunk of through(createZstdDecompress(options), frame, archive)) {
      size += chunk.length;
      yield chunk;
    }
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
