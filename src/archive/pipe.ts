/** A tar as it comes out of a pipe: entry by entry, each read now or never. */
import { type ByteStream, type Bytes, concat } from "../bytes/stream.ts";
import type { Call } from "../store/store.ts";
import { entryNames, type NamedEntry } from "./entry-names.ts";
import { corrupt } from "./footer.ts";
import { tarEntries } from "./tar-entries.ts";

export interface PipedEntry {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "hardlink";
  /** Bytes of content. */
  readonly size: number;
  /** Where the content begins in the tar. */
  readonly offset: number;
  /** To be called before the next entry is asked for, and once. Fresh chunks. */
  open(): ByteStream;
}

export interface PipedOptions extends Call {
  /** Asked with the bytes that were passed over so far: throws where they are too many. Default: they never are. */
  readonly check?: ((passed: number) => void) | undefined;
}

/**
 * The entries of an uncompressed tar. What of a content is not read is passed over. When the tar has ended, the rest of
 * `source` is read to its end too, so that whoever writes it is not cut off, and damage behind the tar is heard of. Throws
 * INTEGRITY for a tar that is damaged, hostile, or ends too early; UNSUPPORTED for devices and sparse files; and what the
 * source and `check` throw.
 */
export async function* pipedEntries(
  source: ByteStream,
  name: string,
  { check, ...call }: PipedOptions = {},
): AsyncGenerator<PipedEntry> {
  const taken = new Map<string, NamedEntry["type"]>();
  const names = entryNames(name, (path) => taken.get(path));
  const bytes = forward(source, name, check);
  try {
    const volume = { name, size: Number.MAX_SAFE_INTEGER, read: bytes.read };
    for await (const entry of tarEntries(volume, call)) {
      call.signal?.throwIfAborted();
      const { offset, size, type } = entry;
      const path = names.take(entry);
      taken.set(path, type);
      if (path !== "") yield { path, type, size, offset, open: () => bytes.stream(offset, size) };
    }
    await bytes.drain();
  } finally {
    await bytes.close();
  }
}

/** The first bytes of a stream, up to `length` of them, and the stream with them. */
export async function peek(source: ByteStream, length: number): Promise<{ first: Bytes; whole: ByteStream }> {
  const chunks = source[Symbol.asyncIterator]();
  const held: Bytes[] = [];
  for (let size = 0; size < length; size += held.at(-1)!.length) {
    const next = await chunks.next();
    if (next.done) break;
    held.push(next.value);
  }
  const iterator: AsyncIterator<Bytes> = {
    next: async () => (held.length > 0 ? { done: false, value: held.shift()! } : chunks.next()),
    async return() {
      await chunks.return?.();
      return { done: true, value: undefined };
    },
  };
  const first = concat([new Uint8Array(0), ...held]).slice(0, length);
  // Not a generator: one that has not begun would not tell the source that nobody reads it any more.
  return { first, whole: { [Symbol.asyncIterator]: () => iterator } };
}

/** A stream that is read by position, forward only. */
interface Forward {
  /** Bytes `[start, end)`, fewer where it ends before. They can be read again until a later position was asked for. */
  read(start: number, end: number): Promise<Bytes>;
  /** The `size` bytes from `start` on, which are gone then. */
  stream(start: number, size: number): ByteStream;
  drain(): Promise<void>;
  close(): Promise<void>;
}

function forward(source: ByteStream, name: string, check?: (passed: number) => void): Forward {
  const chunks = source[Symbol.asyncIterator]();
  let held: Bytes[] = [];
  let position = 0;
  let length = 0;
  let passed = 0;
  async function more(): Promise<boolean> {
    const next = await chunks.next();
    if (next.done) return false;
    held.push(next.value);
    length += next.value.length;
    return true;
  }
  function shift(most: number): Bytes {
    const [first = new Uint8Array(0)] = held;
    const part = first.subarray(0, most);
    if (part.length === first.length) held.shift();
    else held[0] = first.subarray(part.length);
    position += part.length;
    length -= part.length;
    return part;
  }
  function pass(bytes: Bytes): void {
    passed += bytes.length;
    check?.(passed);
  }
  async function passTo(start: number): Promise<void> {
    while (position < start)
      if (length > 0 || (await more())) pass(shift(start - position));
      else throw cutShort(name);
  }
  return {
    async read(start, end) {
      await passTo(start);
      while (length < end - start && (await more()));
      if (length === 0) throw cutShort(name);
      if (held.length > 1) held = [concat(held)];
      return held[0]!.subarray(0, end - start);
    },
    async *stream(start, size) {
      await passTo(start);
      for (let left = size; left > 0; ) {
        if (length === 0 && !(await more())) throw cutShort(name);
        const part = shift(left);
        left -= part.length;
        if (part.length > 0) yield part;
      }
    },
    async drain() {
      held = [];
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) pass(next.value);
    },
    async close() {
      await chunks.return?.();
    },
  };
}

function cutShort(name: string): Error {
  return corrupt(name, "it ends before it should");
}
