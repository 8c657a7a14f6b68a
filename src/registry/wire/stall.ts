/** The watchdog over an exchange: it has no total time limit, but some byte must move. */
import type { ByteStream } from "../../bytes/stream.ts";
import type { Exchange, Transport, Upload } from "./exchange.ts";
import { afterReading, type ReadingWatch, watchReading } from "./reading.ts";

/** A registry moves a large blob into place before it answers; it gets this many times longer for that. */
const PATIENCE = 10;
/** Bodies are sent in pieces of this many bytes, so that a slow line is not taken for a dead one; what is sent at once gets the time of as many. */
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
      watch.arm(stall * (1 + (exchange.upload instanceof Uint8Array ? exchange.upload.length / STEP : 0)));
      const response = await next(url, { ...exchange, ...watched(exchange, watch, stall), signal: watch.signal });
      watch.disarm();
      watchReading(response, watch);
      afterReading(response, watch.end);
      return response;
    } catch (error) {
      watch.end();
      throw watch.signal.aborted ? watch.signal.reason : error;
    }
  };
}

interface Watch extends ReadingWatch {
  /**
   * For so many milliseconds; default the stall. Nothing happens after the end: a runtime may ask for the end of a body
   * when the answer to it is here already.
   */
  arm(milliseconds?: number): void;
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
    arm(milliseconds = stall) {
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
        watch.arm();
        yield chunk.subarray(at, at + STEP);
        watch.disarm();
      }
    }
    watch.arm(stall * PATIENCE);
  }
  return { upload: { ...upload, open: () => open(upload) } };
}
