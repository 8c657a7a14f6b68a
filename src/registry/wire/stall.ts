/** The watchdog over an exchange: it has no total time limit, but some byte must move. */
import type { ByteStream } from "../../bytes/stream.ts";
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
      if (response.body) watches.set(response.body, { watch, stall });
      else watch.end();
      return response;
    } catch (error) {
      watch.end();
      throw watch.signal.aborted ? watch.signal.reason : error;
    }
  };
}

/** By the body that it watches, which stays the same when a response is given other headers. */
const watches = new WeakMap<ReadableStream, { readonly watch: Watch; readonly stall: number }>();

/** The bytes of a response, under the watchdog of its exchange; none where it has no body. To be read once, or cancelled. */
export async function* bodyOf({ body }: Response): ByteStream {
  if (!body) return;
  const { watch, stall } = watches.get(body) ?? {};
  try {
    watch?.arm(stall!);
    for await (const chunk of body as unknown as ByteStream) {
      watch?.disarm();
      yield chunk;
      watch?.arm(stall!);
    }
  } catch (error) {
    throw watch?.signal.aborted ? watch.signal.reason : error;
  } finally {
    watch?.end();
  }
}

/** Lets go of a body that nobody reads, and of its connection. */
export async function cancelBody({ body }: Response): Promise<void> {
  if (!body) return;
  watches.get(body)?.watch.end();
  await body.cancel();
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
  let due = 0;
  let deadline = Number.POSITIVE_INFINITY;
  let ended = false;
  function schedule(milliseconds: number): void {
    clearTimeout(timer);
    due = performance.now() + milliseconds;
    timer = setTimeout(look, milliseconds);
  }
  function look(): void {
    timer = undefined;
    if (deadline === Number.POSITIVE_INFINITY) return;
    const left = deadline - performance.now();
    if (left > 0) schedule(left);
    else fail();
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
    // Once for each chunk: the timer is left running, and looks at the deadline when it fires.
    arm(milliseconds) {
      if (ended) return;
      deadline = performance.now() + milliseconds;
      if (timer === undefined || due > deadline) schedule(milliseconds);
    },
    disarm() {
      deadline = Number.POSITIVE_INFINITY;
    },
    end() {
      ended = true;
      clearTimeout(timer);
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
