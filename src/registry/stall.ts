/** The watchdog over an exchange: it has no total time limit, but some byte must move. */
import type { ByteStream, Bytes } from "../bytes/stream.ts";
import type { Exchange, Transport, Upload } from "./exchange.ts";

/** A registry moves a large blob into place before it answers; it gets this many times longer for that. */
const PATIENCE = 10;
/** Bodies are sent in pieces of this many bytes, so that a slow line is not taken for a dead one. */
const STEP = 128 << 10;

/**
 * Aborts an exchange in which no byte has moved for `stall` milliseconds while the other side had its turn: a reader, or
 * a source of our own, may take its time. The exchange then fails like a cut connection.
 */
export function withStall(next: Transport, stall: number): Transport {
  return async (url, exchange) => {
    const { signal } = exchange;
    signal?.throwIfAborted();
    const watch = startWatch(stall, signal);
    try {
      watch.arm(stall);
      const response = await next(url, { ...exchange, ...watched(exchange, watch, stall), signal: watch.signal });
      watch.disarm();
      if (!response.body) {
        watch.end();
        return response;
      }
      const { status, statusText, headers } = response;
      return new Response(watchedBody(response.body, watch, stall), { status, statusText, headers });
    } catch (error) {
      watch.end();
      throw watch.signal.aborted ? watch.signal.reason : error;
    }
  };
}

interface Watch {
  readonly signal: AbortSignal;
  /** Nothing happens after the end: a runtime may ask for the end of a body when the answer to it is here already. */
  arm(milliseconds: number): void;
  disarm(): void;
  /** Disarms for good, and forgets the caller's signal. */
  end(): void;
}

function startWatch(stall: number, outer: AbortSignal | undefined): Watch {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  function disarm(): void {
    clearTimeout(timer);
  }
  function stop(): void {
    controller.abort(outer?.reason);
  }
  function fail(): void {
    controller.abort(new Error(`no byte came for ${Math.round(stall / 100) / 10} seconds`));
  }
  outer?.addEventListener("abort", stop, { once: true });
  return {
    signal: controller.signal,
    arm(milliseconds) {
      clearTimeout(timer);
      if (!ended) timer = setTimeout(fail, milliseconds);
    },
    disarm,
    end() {
      ended = true;
      disarm();
      outer?.removeEventListener("abort", stop);
    },
  };
}

function watched({ upload }: Exchange, watch: Watch, stall: number): { upload?: Upload } {
  if (upload === undefined || upload instanceof Uint8Array) return {};
  async function* open({ open }: Upload): ByteStream {
    watch.disarm();
    for await (const chunk of open()) {
      for (let at = 0; at < chunk.length; at += STEP) {
        watch.arm(stall);
        yield chunk.subarray(at, at + STEP);
        watch.disarm();
      }
    }
    watch.arm(stall * PATIENCE);
  }
  return { upload: { ...upload, open: () => open(upload) } };
}

function watchedBody(body: ReadableStream<Bytes>, watch: Watch, stall: number): ReadableStream<Bytes> {
  const reader = body.getReader();
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        try {
          watch.arm(stall);
          const { done, value } = await reader.read();
          watch.disarm();
          if (!done) return controller.enqueue(value);
          watch.end();
          controller.close();
        } catch (error) {
          watch.end();
          throw watch.signal.aborted ? watch.signal.reason : error;
        }
      },
      async cancel(reason) {
        watch.end();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
