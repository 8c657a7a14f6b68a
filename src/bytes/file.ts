/** Files as byte streams, written by rename. */
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { ByteStream, Bytes, Range } from "./stream.ts";

/** Large enough to read at the speed of the disk, small enough for twenty readers at once. */
const CHUNK = 1 << 20;

export interface FileRange extends Range {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Bytes `[start, end)` of an open file, which stays open and must stay so until the stream has ended. The next chunk is read
 * while the reader is busy with this one. Each is a fresh array, unless `reuse` is set.
 */
export async function* readHandle(
  file: FileHandle,
  { start = 0, end, reuse, signal }: FileRange & { readonly end: number },
): ByteStream {
  const pages: Bytes[] = [];
  let turn = 0;
  function page(size: number): Bytes {
    if (!reuse) return new Uint8Array(size);
    turn = 1 - turn;
    pages[turn] ??= new Uint8Array(Math.min(CHUNK, end - start));
    return pages[turn]!.subarray(0, size);
  }
  async function readAt(at: number): Promise<Bytes> {
    const size = Math.max(0, Math.min(CHUNK, end - at));
    if (size === 0) return new Uint8Array(0);
    const bytes = page(size);
    const { bytesRead } = await file.read(bytes, 0, size, at);
    return bytes.subarray(0, bytesRead);
  }
  let next = readAt(start);
  try {
    for (let at = start; at < end; ) {
      signal?.throwIfAborted();
      const chunk = await next;
      if (chunk.length === 0) return;
      at += chunk.length;
      next = readAt(at);
      yield chunk;
    }
  } finally {
    await next.catch(() => {}); // the caller may close the file now
  }
}

/** Bytes of a file that is opened when the first is asked for, and closed after the last or when the reader leaves. */
export async function* readFile(path: string, size: number, options: FileRange = {}): ByteStream {
  const file = await open(path);
  try {
    yield* readHandle(file, { ...options, end: options.end ?? size });
  } finally {
    await file.close();
  }
}

/** Writes all chunks from `position` on, else where the file stands, however many bytes the system takes at a time. */
export async function writeFully(file: FileHandle, chunks: readonly Bytes[], position?: number): Promise<void> {
  let rest = chunks.filter(({ length }) => length > 0);
  for (let at = position; rest.length > 0; ) {
    let { bytesWritten } = await file.writev(rest, at);
    if (at !== undefined) at += bytesWritten;
    while (rest[0] && bytesWritten >= rest[0].length) {
      bytesWritten -= rest[0].length;
      rest = rest.slice(1);
    }
    if (rest[0] && bytesWritten > 0) rest = [rest[0].subarray(bytesWritten), ...rest.slice(1)];
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
      await writeFully(file, [bytes]);
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
