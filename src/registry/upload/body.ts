/** The content of an upload: read once, verified, and handed out in as many parts as there are requests. */
import { either } from "../../bytes/signal.ts";
import type { ByteStream, Bytes } from "../../bytes/stream.ts";
import { read } from "../../store/read.ts";
import type { Call, Content } from "../../store/store.ts";
import type { Upload } from "../wire/exchange.ts";

export interface Body extends AsyncDisposable {
  /**
   * Bytes `[start, end)` as the body of a request. Parts that follow each other share one reading; a part that is opened
   * again, or out of order, is read anew from the first byte, since only the whole can be verified. The last byte is only
   * given when size and digest are right.
   */
  part(start: number, end: number): Upload;
  /** Something was read: content that comes from a pipe cannot be read again. */
  readonly opened: boolean;
  /** The last byte was given away: whatever happened then, the registry may have all of it. */
  readonly finished: boolean;
  /** What the source threw, to be told apart from the network's failures. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** Opens nothing yet. Disposing ends the reading that is under way. */
export function openBody(content: Content, { signal }: Call = {}): Body {
  const { size } = content.descriptor;
  let reading: Reading | undefined;
  let failure: Body["failure"];
  let finished = false;

  async function* stream(start: number, end: number): ByteStream {
    try {
      if (reading?.at !== start || finished) {
        await reading?.close();
        reading = startReading(content, signal);
      }
      for (const own = reading; ; ) {
        // The end is asked for too: it is verified even where there is nothing to send.
        const chunk = await own.next(start, end);
        if (end === size && own.at === size) finished = true;
        if (chunk === undefined) return;
        yield chunk;
      }
    } catch (error) {
      failure ??= { error };
      throw error;
    }
  }

  return {
    part: (start, end) => ({ length: end - start, once: content.once, open: () => stream(start, end) }),
    get opened() {
      return reading !== undefined;
    },
    get finished() {
      return finished;
    },
    get failure() {
      return failure;
    },
    async [Symbol.asyncDispose]() {
      await reading?.close();
    },
  };
}

/** Verified bytes from the first to the last. */
interface Reading {
  /** Bytes that were given so far, or passed over. */
  readonly at: number;
  /** The next ones before `end`, after those before `start` were passed over; undefined where there are none. */
  next(start: number, end: number): Promise<Bytes | undefined>;
  close(): Promise<void>;
}

function startReading(content: Content, signal: AbortSignal | undefined): Reading {
  const control = new AbortController();
  const stream = read(content, { signal: either(signal, control.signal) })[Symbol.asyncIterator]();
  let at = 0;
  let left: Bytes | undefined;
  return {
    get at() {
      return at;
    },
    async next(start, end) {
      for (;;) {
        if (at >= end && end < content.descriptor.size) return undefined;
        const chunk = left ?? (await stream.next()).value;
        if (chunk === undefined) return undefined;
        const from = Math.min(chunk.length, Math.max(0, start - at));
        const to = Math.min(chunk.length, end - at);
        at += Math.max(from, to);
        left = to < chunk.length ? chunk.subarray(Math.max(from, to)) : undefined;
        if (to > from) return chunk.subarray(from, to);
      }
    },
    async close() {
      control.abort(new DOMException("the upload ended", "AbortError"));
      await stream.return?.().catch(() => {});
    },
  };
}
