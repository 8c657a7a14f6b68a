/** Bounded parallel work that nobody leaves behind: when one fails, or the signal does, the others end before the error is seen. */
import pMap, { pMapIterable } from "p-map";
import { either } from "./signal.ts";

interface PoolOptions {
  /** Works at once. */
  readonly concurrency: number;
  readonly signal?: AbortSignal | undefined;
}

export interface OrderedOptions extends PoolOptions {
  /** Results that may wait for their turn, those still at work counted. Default: no limit. */
  readonly ahead?: number | undefined;
}

type Items<T> = Iterable<T> | AsyncIterable<T>;
type Work<T, R> = (item: T, signal: AbortSignal) => Promise<R>;

/** Runs `work` over every item, in whatever order it gets done. Rejects with the first failure, after all that ran has ended. */
export async function runAll<T>(items: Items<T>, work: Work<T, unknown>, options: PoolOptions): Promise<void> {
  const crew = hire(work, options.signal);
  let broken: { readonly error: unknown } | undefined;
  // When several items have been asked for, p-map takes the end behind a failure for the end of all.
  async function* watched(): AsyncGenerator<T> {
    try {
      yield* items;
    } catch (error) {
      broken = { error };
      throw error;
    }
  }
  try {
    await pMap(watched(), crew.work, { concurrency: options.concurrency, signal: crew.signal });
    if (broken) throw broken.error;
  } finally {
    await crew.dismiss();
  }
}

/**
 * Yields the results of `work` in the order of the items, started as early as `concurrency` and `ahead` allow. Throws the
 * first failure at its place in the order. Leaving early aborts what runs and waits for it.
 */
export async function* ordered<T, R>(items: Items<T>, work: Work<T, R>, options: OrderedOptions): AsyncGenerator<R> {
  const { concurrency, ahead = Number.POSITIVE_INFINITY } = options;
  const crew = hire(work, options.signal);
  try {
    const backpressure = Math.max(ahead, concurrency);
    yield* pMapIterable(items, crew.work, { concurrency, backpressure }) as AsyncIterable<R>;
  } finally {
    await crew.dismiss();
  }
}

/** p-map rejects at once and lets started mappers run on; here they are told to stop, and awaited. */
function hire<T, R>(work: Work<T, R>, outer: AbortSignal | undefined) {
  const own = new AbortController();
  const signal = either(outer, own.signal);
  const running = new Set<Promise<R>>();
  return {
    signal,
    async work(item: T): Promise<R> {
      signal.throwIfAborted();
      const job = work(item, signal);
      running.add(job);
      try {
        return await job;
      } finally {
        running.delete(job);
      }
    },
    async dismiss(): Promise<void> {
      own.abort();
      await Promise.allSettled(running);
    },
  };
}
