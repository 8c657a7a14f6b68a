/** Bytes a second over all transfers of a run, each direction by itself. */
import { pause } from "../../bytes/retry.ts";
import type { ByteStream } from "../../bytes/stream.ts";
import type { Exchange, Transport, Upload } from "../wire/exchange.ts";
import { paced, paceReading } from "../wire/reading.ts";

export interface Meter {
  /** Bytes that are asked for at once, so that nothing moves in bursts. */
  readonly step: number;
  /** Resolves when so many bytes may move, in the order of the calls. Rejects with the signal's reason. */
  take(bytes: number, signal?: AbortSignal): Promise<void>;
}

export interface Rate {
  readonly down: Meter;
  readonly up: Meter;
}

/** Steps a second at least: each is so small. */
const STEPS = 16;
/** A gap of fewer milliseconds is a late timer's, and is made up for; after a longer one the count begins anew. */
const GAP = 100;
/** Shorter waits, in milliseconds, are added up instead of waited for: timers are not finer. */
const LEAST = 2;

/** At most so many bytes a second. */
export function createMeter(perSecond: number): Meter {
  /** When all bytes that were asked for so far have moved. */
  let free = Number.NEGATIVE_INFINITY;
  return {
    step: Math.max(1, Math.floor(perSecond / STEPS)),
    async take(bytes, signal) {
      const now = performance.now();
      free = (now - free < GAP ? free : now) + (bytes * 1000) / perSecond;
      if (free - now > LEAST) await pause(free - now, signal);
    },
  };
}

/** So many bytes a second in each direction. */
export function createRate(perSecond: number): Rate {
  return { down: createMeter(perSecond), up: createMeter(perSecond) };
}

/**
 * Slows the bodies of requests and answers to a rate; `next` itself where there is none. Outside of the watchdog: while a
 * body waits for its turn, the other side is not to blame.
 */
export function withRate(next: Transport, rate: Rate | undefined): Transport {
  if (!rate) return next;
  const { up, down } = rate;
  return async (url, exchange) => {
    const { upload, signal } = exchange;
    if (upload instanceof Uint8Array) await up.take(upload.length, signal);
    const response = await next(
      url,
      upload === undefined ? exchange : { ...exchange, upload: slowed(upload, up, signal) },
    );
    paceReading(response, (bytes) => down.take(bytes, signal), down.step);
    return response;
  };
}

function slowed(upload: NonNullable<Exchange["upload"]>, meter: Meter, signal: AbortSignal | undefined) {
  if (upload instanceof Uint8Array) return upload;
  async function* open(source: Upload): ByteStream {
    for await (const chunk of source.open()) yield* paced(chunk, (bytes) => meter.take(bytes, signal), meter.step);
  }
  return { ...upload, open: () => open(upload) };
}
