/**
 * A zstd stream taken apart into its frames, by their headers. RFC 8878 section 3.1. Neither Bun's nor Deno's decoder says
 * where a stream ends too early, and Deno's stumbles over skippable frames: so each frame is measured here, and decoded alone.
 */
import type { ByteStream, Bytes } from "../bytes/stream.ts";
import { concat } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import { corrupt } from "./footer.ts";
import { viewOf } from "./view-of.ts";

/** Hangar's archives have windows of 32 MiB; `zstd --long` makes 128 MiB. A larger one is memory that an archive asks for. */
export const WINDOW_LOG_MAX = 27;

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

/** Bytes of the dictionary id and of the content size, by their flags. */
const DICTIONARY_BYTES = [0, 1, 2, 4];
const SIZE_BYTES = [0, 2, 4, 8];

/** Every byte of `source` belongs to a frame. Each stream must be read to its end before the next is asked for. */
export async function* zstdFrames(source: ByteStream, archive: string): AsyncGenerator<ByteStream> {
  const bytes = cursor(source, archive);
  try {
    for (let magic = await bytes.first(4); magic; magic = await bytes.first(4)) {
      const number = viewOf(magic).getUint32(0, true);
      if (number === MAGIC) yield frame(bytes, magic, archive);
      else if ((number & 0xfffffff0) >>> 0 === SKIPPABLE) {
        const length = viewOf(await bytes.take(4)).getUint32(0, true);
        for await (const _ of bytes.pass(length));
      } else throw corrupt(archive, "there is something else than zstd between its frames, or behind them");
    }
  } finally {
    await bytes.close();
  }
}

async function* frame(bytes: Cursor, magic: Bytes, archive: string): ByteStream {
  const [descriptor = 0] = await bytes.take(1);
  const isSingle = (descriptor & 0x20) !== 0;
  const sizeBytes = SIZE_BYTES[descriptor >> 6]! || (isSingle ? 1 : 0);
  const rest = await bytes.take((isSingle ? 0 : 1) + DICTIONARY_BYTES[descriptor & 3]! + sizeBytes);
  if (DICTIONARY_BYTES[descriptor & 3]! > 0)
    throw new AppError("UNSUPPORTED", `Cannot read "${archive}": it was compressed with a dictionary`);
  requireWindow(isSingle ? sizeOf(rest) : windowOf(rest[0]!), archive);
  yield concat([magic, Uint8Array.of(descriptor), rest]);
  for (let isLast = false; !isLast; ) {
    const head = await bytes.take(3);
    const number = head[0]! | (head[1]! << 8) | (head[2]! << 16);
    isLast = (number & 1) === 1;
    yield head;
    // A block of one repeated byte says how often, and has it once.
    yield* bytes.pass((number & 6) === 2 ? 1 : number >> 3);
  }
  if ((descriptor & 4) !== 0) yield await bytes.take(4);
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** The content size of a frame that needs all of its content as its window. */
function sizeOf(field: Bytes): number {
  const value = field.reduceRight((total, byte) => total * 256 + byte, 0);
  return field.length === 2 ? value + 256 : value;
}

function requireWindow(window: number, archive: string): void {
  if (window <= 2 ** WINDOW_LOG_MAX) return;
  throw new AppError("UNSUPPORTED", `Cannot read "${archive}": reading it takes ${window} bytes of memory at once`, {
    hint: "decompress it with zstd -d --long=31 first",
  });
}

interface Cursor {
  /** Exactly `length` bytes, or undefined where none is left. */
  first(length: number): Promise<Bytes | undefined>;
  /** Exactly `length` bytes. */
  take(length: number): Promise<Bytes>;
  /** The next `length` bytes, in whatever chunks they come. */
  pass(length: number): ByteStream;
  close(): Promise<void>;
}

/** Throws INTEGRITY where the stream ends too early. */
function cursor(source: ByteStream, archive: string): Cursor {
  const chunks = source[Symbol.asyncIterator]();
  let held: Bytes = new Uint8Array(0);
  async function more(): Promise<boolean> {
    while (held.length === 0) {
      const next = await chunks.next();
      if (next.done) return false;
      held = next.value;
    }
    return true;
  }
  async function* pass(length: number): ByteStream {
    for (let left = length; left > 0; ) {
      if (!(await more())) throw corrupt(archive, "its compressed data is cut short");
      const part = held.subarray(0, left);
      held = held.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }
  async function take(length: number): Promise<Bytes> {
    if (held.length >= length) {
      const part = held.subarray(0, length);
      held = held.subarray(length);
      return part;
    }
    const parts: Bytes[] = [];
    for await (const part of pass(length)) parts.push(part);
    return concat(parts);
  }
  return {
    first: async (length) => ((await more()) ? take(length) : undefined),
    take,
    pass,
    async close() {
      await chunks.return?.();
    },
  };
}
