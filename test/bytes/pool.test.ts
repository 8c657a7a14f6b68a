/** Bounded parallel work: order, bounds, failures, and that nobody is left behind. */
import { describe, expect, test } from "bun:test";
import { ordered, runAll } from "../../src/bytes/pool.ts";

/** Works that end when they are told to, so that tests decide about the order. */
function bench() {
  const gates = new Map<number, PromiseWithResolvers<void>>();
  const started: number[] = [];
  const aborted: number[] = [];
  let running = 0;
  let most = 0;
  function gate(item: number): PromiseWithResolvers<void> {
    if (!gates.has(item)) gates.set(item, Promise.withResolvers());
    return gates.get(item)!;
  }
  return {
    started,
    aborted,
    most: () => most,
    running: () => running,
    open: (...items: number[]) => {
      for (const item of items) gate(item).resolve();
    },
    fail: (item: number) => gate(item).reject(new Error(`work ${item} failed`)),
    async work(item: number, signal: AbortSignal): Promise<number> {
      started.push(item);
      most = Math.max(most, ++running);
      const stop = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => {
        aborted.push(item);
        // Ends late, as a connection does that is being closed.
        setTimeout(() => stop.reject(signal.reason));
      });
      try {
        await Promise.race([gate(item).promise, stop.promise]);
        return item * 10;
      } finally {
        running--;
      }
    },
  };
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

describe("runAll", () => {
  test("runs everything, so many at once and no more", async () => {
    const { work, started, most, open } = bench();
    const done = runAll([0, 1, 2, 3, 4], work, { concurrency: 2 });
    await settle();
    expect(started).toEqual([0, 1]);
    open(1);
    await settle();
    expect(started).toEqual([0, 1, 2]);
    open(0, 2, 3, 4);
    await done;
    expect(started).toEqual([0, 1, 2, 3, 4]);
    expect(most()).toBe(2);
  });

  test("the first failure stops the others, and is seen when they have ended", async () => {
    const { work, aborted, running, fail, started } = bench();
    const done = runAll([0, 1, 2, 3], work, { concurrency: 3 });
    await settle();
    fail(1);
    await expect(done).rejects.toThrow("work 1 failed");
    expect(aborted.sort()).toEqual([0, 1, 2]);
    expect(running()).toBe(0);
    await settle();
    expect(started).toEqual([0, 1, 2]);
  });

  test("an abort is seen when all has ended", async () => {
    const { work, running, started } = bench();
    const control = new AbortController();
    const done = runAll([0, 1, 2], work, { concurrency: 2, signal: control.signal });
    await settle();
    control.abort(new Error("enough"));
    await expect(done).rejects.toThrow("enough");
    expect(running()).toBe(0);
    await settle();
    expect(started).toEqual([0, 1]);
  });

  test("starts nothing when it is aborted before", async () => {
    const { work, started } = bench();
    await expect(runAll([0], work, { concurrency: 1, signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow(
      "no",
    );
    expect(started).toEqual([]);
  });

  test("a failure of the items stops the work", async () => {
    const { work, running } = bench();
    async function* items(): AsyncGenerator<number> {
      yield 0;
      await settle();
      throw new Error("no more items");
    }
    await expect(runAll(items(), work, { concurrency: 2 })).rejects.toThrow("no more items");
    expect(running()).toBe(0);
  });
});

test.each([1, 2, 3, 8])(
  "a source that breaks while %d works may run is an error, however it is asked",
  async (concurrency) => {
    const gate = Promise.withResolvers<void>();
    async function* items(): AsyncGenerator<number> {
      yield 1;
      await gate.promise;
      throw new Error("the source broke");
    }
    const work = async (): Promise<void> => {
      setTimeout(() => gate.resolve(), 5);
    };
    await expect(runAll(items(), work, { concurrency })).rejects.toThrow("the source broke");
  },
);

describe("ordered", () => {
  test("yields in the order of the items, whichever is done first", async () => {
    const { work, open } = bench();
    const results = ordered([0, 1, 2], work, { concurrency: 3 });
    const first = results.next();
    await settle();
    open(2, 1);
    await settle();
    open(0);
    expect((await first).value).toBe(0);
    expect(await Array.fromAsync(results)).toEqual([10, 20]);
  });

  test("a slow reader holds the work back", async () => {
    const { work, started, open } = bench();
    const results = ordered(numbers(), work, { concurrency: 2, ahead: 4 });
    open(...Array.from({ length: 100 }, (_, at) => at));
    await results.next();
    await settle();
    expect(started.length).toBe(5);
    await results.next();
    await settle();
    expect(started.length).toBe(6);
    await results.return(undefined);
  });

  test("without a limit it works ahead of its reader", async () => {
    const { work, started, open } = bench();
    open(...Array.from({ length: 30 }, (_, at) => at));
    const results = ordered(
      Array.from({ length: 30 }, (_, at) => at),
      work,
      { concurrency: 2 },
    );
    await results.next();
    await settle();
    expect(started.length).toBe(30);
    await results.return(undefined);
  });

  test("never runs more at once than it may", async () => {
    const { work, most, open, started } = bench();
    const results = ordered(numbers(), work, { concurrency: 3, ahead: 50 });
    const first = results.next();
    await settle();
    expect(started).toEqual([0, 1, 2]);
    open(0, 1, 2);
    await first;
    await settle();
    expect(most()).toBe(3);
    await results.return(undefined);
  });

  test("throws the first failure at its place, after the results before it", async () => {
    const { work, open, fail, running } = bench();
    const results = ordered([0, 1, 2, 3], work, { concurrency: 4 });
    const first = results.next();
    await settle();
    fail(1);
    await settle();
    open(0);
    expect((await first).value).toBe(0);
    await expect(results.next()).rejects.toThrow("work 1 failed");
    expect(running()).toBe(0);
  });

  test("leaving early stops what runs and waits for it", async () => {
    const { work, open, running, aborted, started } = bench();
    open(0);
    for await (const _ of ordered([0, 1, 2, 3, 4, 5, 6], work, { concurrency: 3 })) {
      await settle();
      break;
    }
    expect(running()).toBe(0);
    expect(aborted).toContain(1);
    const count = started.length;
    await settle();
    expect(started.length).toBe(count);
  });

  test("an abort stops what runs", async () => {
    const { work, running } = bench();
    const control = new AbortController();
    const results = ordered([0, 1, 2], work, { concurrency: 2, signal: control.signal });
    const first = results.next();
    await settle();
    control.abort(new Error("enough"));
    await expect(first).rejects.toThrow("enough");
    expect(running()).toBe(0);
  });
});

function* numbers(): Generator<number> {
  for (let at = 0; at < 1000; at++) yield at;
}
