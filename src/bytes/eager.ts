/** An iterable that is read ahead of its reader, without limit. For small things only. */

export interface Eager<T> extends AsyncIterable<T> {
  /** Resolves when everything has been read; rejects with what the reading threw. */
  readonly drained: Promise<void>;
}

/** Starts to read `items` at once. To be iterated once; what the reading threw is thrown after the last item. */
export function eager<T>(items: AsyncIterable<T>): Eager<T> {
  const waiting: T[] = [];
  let ended = false;
  let bell = Promise.withResolvers<void>();
  function ring(): void {
    bell.resolve();
    bell = Promise.withResolvers();
  }
  async function drain(): Promise<void> {
    try {
      for await (const item of items) {
        waiting.push(item);
        ring();
      }
    } finally {
      ended = true;
      ring();
    }
  }
  const drained = drain();
  drained.catch(() => {}); // seen by whoever awaits `drained` or iterates
  return {
    drained,
    async *[Symbol.asyncIterator]() {
      for (let at = 0; ; ) {
        while (at < waiting.length) {
          yield waiting[at]!;
          waiting[at++] = undefined as T;
        }
        if (ended) return await drained;
        await bell.promise;
      }
    },
  };
}
