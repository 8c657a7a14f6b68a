/** The bodies of answers, read or let go of, while layers of the client look on. */
import type { ByteStream, Bytes } from "../../bytes/stream.ts";
import { ofNetwork } from "./mistake.ts";

/** A watchdog: told when a chunk is waited for, and when the wait is over. */
export interface ReadingWatch {
  /** Aborted when it lost patience: its reason is what went wrong. */
  readonly signal: AbortSignal;
  arm(): void;
  disarm(): void;
}

/** Resolves when so many bytes may be given to the reader. */
export type ReadingPace = (bytes: number) => Promise<void>;

/** One body, from the headers of its answer to its end. */
interface Held {
  watch?: ReadingWatch;
  pace?: ReadingPace;
  /** Bytes that are given to the reader at once where there is a pace. */
  step: number;
  /** Called once: the body was read to its end, cut, or cancelled. */
  readonly ends: (() => void)[];
  /** Its reader waits for a chunk. */
  waiting: boolean;
  /** Chunks that came. */
  chunks: number;
}

/** By the body, which stays the same when a response is given other headers. */
const bodies = new WeakMap<ReadableStream, Held>();

function held(body: ReadableStream): Held {
  let one = bodies.get(body);
  if (!one) bodies.set(body, (one = { step: Number.POSITIVE_INFINITY, ends: [], waiting: false, chunks: 0 }));
  return one;
}

/** Watches the reading of a body; does nothing where there is none. */
export function watchReading({ body }: Response, watch: ReadingWatch): void {
  if (body) held(body).watch = watch;
}

/** Slows the reading of a body, in steps of so many bytes. */
export function paceReading({ body }: Response, pace: ReadingPace, step: number): void {
  if (body) Object.assign(held(body), { pace, step });
}

/** Calls `end` once, when the body was read to its end, cut, or cancelled: at once where there is none. */
export function afterReading({ body }: Response, end: () => void): void {
  if (body) held(body).ends.push(end);
  else end();
}

/**
 * Tells how far the reading of a body is: a number that stays the same while its reader does something else, undefined
 * while it waits for bytes. Does not keep the body itself.
 */
export function idleReading({ body }: Response): () => number | undefined {
  const one = body ? held(body) : undefined;
  return () => (one && !one.waiting ? one.chunks : undefined);
}

/** The bytes of a response, under the eyes of its layers; none where it has no body. To be read once, or cancelled. */
export async function* bodyOf({ body }: Response): ByteStream {
  if (!body) return;
  const one = held(body);
  const { watch, pace } = one;
  try {
    one.waiting = true;
    watch?.arm();
    for await (const chunk of body as unknown as ByteStream) {
      watch?.disarm();
      one.waiting = false;
      one.chunks++;
      // Nothing is awaited between chunks but where a pace is.
      if (pace) yield* paced(chunk, pace, one.step);
      else yield chunk;
      one.waiting = true;
      watch?.arm();
    }
  } catch (error) {
    throw watch?.signal.aborted ? watch.signal.reason : ofNetwork(error);
  } finally {
    end(body);
  }
}

/** Lets go of a body that nobody reads, and of its connection. Never throws: one that is broken is gone already. */
export async function cancelBody({ body }: Response): Promise<void> {
  if (!body) return;
  end(body);
  await body.cancel().catch(() => {});
}

function end(body: ReadableStream): void {
  const { ends = [] } = bodies.get(body) ?? {};
  bodies.delete(body);
  for (const one of ends) one();
}

/** A chunk in steps, each as soon as its bytes may go. */
export async function* paced(chunk: Bytes, pace: ReadingPace, step: number): ByteStream {
  for (let at = 0; at < chunk.length; at += step) {
    const some = chunk.length <= step ? chunk : chunk.subarray(at, at + step);
    await pace(some.length);
    yield some;
  }
}
