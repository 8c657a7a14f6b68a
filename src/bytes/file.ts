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
 * Chunks that are read ahead into memory that is used again: the threads that read also write, and such a reader must not wait
 * for its turn among them. Fresh memory is read one ahead: there may be twenty such readers.
 */
const AHEAD = 4;

/**
 * Bytes `[start, end)` of an open file, which stays open and must stay so until the stream has ended. The next chunks are read
 * while the reader is busy with one. Each is a fresh array, unless `reuse` is set.
 */
export async function* readHandle(
  file: FileHandle,
  { start = 0, end, reuse, signal }: FileRange & { readonly end: number },
): ByteStream {
  const pages: Bytes[] = [];
  const reading: Promise<Bytes>[] = [];
  let previous: Bytes | undefined;
  let asked = start;
  function page(size: number): Bytes {
    const free = reuse ? pages.shift() : undefined;
    return free && free.length >= size ? free : new Uint8Array(size);
  }
  async function readAt(at: number, bytes: Bytes): Promise<Bytes> {
    const wanted = Math.min(bytes.length, end - at);
    let got = 0;
    for (let last = -1; got < wanted && last !== 0; got += last)
      last = (await file.read(bytes, got, wanted - got, at + got)).bytesRead;
    return bytes.subarray(0, got);
  }
  function readOn(): void {
    for (; asked < end && reading.length < (reuse ? AHEAD : 1); asked += CHUNK) {
      const next = readAt(asked, page(Math.min(CHUNK, end - asked)));
      next.catch(() => {}); // it is awaited at its turn; until then its failure must not count as unhandled
      reading.push(next);
    }
  }
  try {
    for (readOn(); reading.length > 0; ) {
      signal?.throwIfAborted();
      const chunk = (await reading.shift())!;
      if (chunk.length === 0) return;
      readOn();
      yield chunk;
      if (previous) pages.push(previous);
      if (reuse) previous = new Uint8Array(chunk.buffer);
    }
  } finally {
    await Promise.allSettled(reading); // the caller may close the file now
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

export interface AtomicOptions {
  /** Whether it outlives a power cut from now on; `false` for what can be written again. Default true. */
  readonly durable?: boolean;
  /** What it is called before, on the same file system; a killed process leaves it there. Default: a name beside it. */
  readonly temporary?: string;
}

/**
 * Puts a whole file in place at once: temporary name, sync, rename. Folders on the way are made. Whatever has the temporary name
 * is removed, never written through.
 */
export async function writeAtomic(
  path: string,
  bytes: Bytes,
  { durable = true, temporary = `${path}.${process.pid}.new` }: AtomicOptions = {},
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  try {
    await rm(temporary, { force: true });
    const file = await open(temporary, "wx");
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
