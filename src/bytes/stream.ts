/** Byte streams: async iterables of chunks, pulled by their reader. */

/** Backed by an ArrayBuffer, so that fetch, Response and crypto take it without a cast. */
export type Bytes = Uint8Array<ArrayBuffer>;
export type ByteStream = AsyncIterable<Bytes>;

/** Bytes `[start, end)`; from the first or to the last where one is not given. */
export interface Range {
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  /**
   * The reader is done with a chunk when it asks for the one after the next: its memory may be used again, and who passes
   * chunks on can hold one back. Default: every chunk is fresh.
   */
  readonly reuse?: boolean | undefined;
}

/** A stream of bytes that are all here. */
export async function* streamOf(...chunks: readonly Bytes[]): ByteStream {
  for (const chunk of chunks) if (chunk.length > 0) yield chunk;
}

/** A stream that ends with `error` when its first byte is asked for. */
// biome-ignore lint/correctness/useYield: it has nothing to give
export async function* failing(error: unknown): ByteStream {
  throw error;
}

/** One array of several. */
export function concat(chunks: readonly Bytes[]): Bytes {
  if (chunks.length === 1) return chunks[0]!;
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** Collects a stream of at most `limit` bytes; undefined when there are more, and then the rest is not read. */
export async function collect(stream: ByteStream, limit: number): Promise<Bytes | undefined> {
  const chunks: Bytes[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return concat(chunks);
}

/** The way out to fetch and Response: pulled chunk by chunk, nothing queued; a cancel runs the generator's finally. */
export function toWeb(stream: ByteStream): ReadableStream<Bytes> {
  const iterator = stream[Symbol.asyncIterator]();
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 bytes of a text. */
export function encode(text: string): Bytes {
  return encoder.encode(text) as Bytes;
}

/** Text of UTF-8 bytes; throws a TypeError where they are not UTF-8. */
export function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
