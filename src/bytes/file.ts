/** Files as byte streams, written by rename. */
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { ByteStream, Bytes, Range } from "./stream.ts";

/** Large enough to read at the speed of the disk, small enough for many readers at once. */
const CHUNK = 512 << 10;

/** Bytes `[start, end)` of an open file, which stays open. Each chunk is a fresh array. */
export async function* readHandle(
  file: FileHandle,
  range: { start: number; end: number; signal?: AbortSignal | undefined },
): ByteStream {
  for (let at = range.start; at < range.end; ) {
    range.signal?.throwIfAborted();
    const buffer = new Uint8Array(Math.min(CHUNK, range.end - at));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Bytes of a file that is opened when the first is asked for, and closed after the last or when the reader leaves. */
export async function* readFile(
  path: string,
  size: number,
  options: Range & { signal?: AbortSignal | undefined } = {},
): ByteStream {
  const file = await open(path);
  try {
    yield* readHandle(file, { start: options.start ?? 0, end: options.end ?? size, signal: options.signal });
  } finally {
    await file.close();
  }
}

/** Writes all of `bytes`, however many the system takes at a time. */
export async function writeFully(file: FileHandle, bytes: Bytes, position: number | null = null): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position === null ? null : position + at);
    at += bytesWritten;
  }
}

/**
 * Puts a whole file in place at once: temporary name, sync, rename. Folders on the way are made. `durable: false` leaves out
 * the sync, for what can be written again.
 */
export async function writeAtomic(path: string, bytes: Bytes, { durable = true } = {}): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  await mkdir(dirname(path), { recursive: true });
  try {
    const file = await open(temporary, "w");
    try {
      await writeFully(file, bytes);
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
