/** Entries and memory outputs for tests of archives. */
import type { Output } from "../../src/archive/output.ts";
import { type Entry, type WriteOptions, writeArchive } from "../../src/archive/writer.ts";
import { type ByteStream, type Bytes, concat } from "../../src/bytes/stream.ts";

/** The same pseudo-random bytes for the same seed; they do not shrink. */
export function noise(size: number, seed = 1): Bytes {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = (seed * 0x9e3779b9) >>> 0 || 1;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state >>> 0;
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** Bytes that shrink well and differ everywhere. */
export function prose(size: number): Bytes {
  const lines: string[] = [];
  for (let at = 0, length = 0; length < size; at++) {
    const line = `line ${at} of a text that says little and repeats itself\n`;
    lines.push(line);
    length += line.length;
  }
  return new TextEncoder().encode(lines.join("").slice(0, size)) as Bytes;
}

/** A file entry whose bytes come in chunks of `chunk` bytes. */
export function fileEntry(path: string, bytes: Bytes, more: Partial<Entry> & { chunk?: number } = {}): Entry {
  const { chunk = 50_000, ...rest } = more;
  return { path, size: bytes.length, open: () => chunked(bytes, chunk), ...rest };
}

export function directoryEntry(path: string): Entry {
  return { path, type: "directory", size: 0, open: () => chunked(new Uint8Array(0), 1) };
}

export function linkEntry(path: string, target: string): Entry {
  return { path, type: "link", target, size: 0, open: () => chunked(new Uint8Array(0), 1) };
}

async function* chunked(bytes: Bytes, chunk: number): ByteStream {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
}

export async function* each<T>(items: Iterable<T>): AsyncIterable<T> {
  yield* items;
}

/** An output that keeps what it is given. */
export function memoryOutput(): Output & { bytes(): Bytes } {
  let held: Bytes[] = [];
  let position = 0;
  return {
    get position() {
      return position;
    },
    bytes: () => concat([new Uint8Array(0), ...held]),
    async write(bytes) {
      held.push(bytes.slice());
      position += bytes.length;
    },
    async truncate(to) {
      held = [concat([new Uint8Array(0), ...held]).slice(0, to)];
      position = to;
    },
    async finish() {},
    async [Symbol.asyncDispose]() {},
  };
}

/** The archive of some entries. */
export async function archiveOf(entries: Iterable<Entry>, options: WriteOptions): Promise<Bytes> {
  const output = memoryOutput();
  await writeArchive(each(entries), output, options);
  return output.bytes();
}

/** What `work` rejects with. */
export async function failure(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}
