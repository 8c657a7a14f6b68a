/** Who looks after the memory of a process. */
import { afterEach, expect, jest, spyOn, test } from "bun:test";
import { watchMemory } from "../../src/cli/memory.ts";

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

test("garbage is collected when much more is taken than before, until that ends", () => {
  jest.useFakeTimers();
  let taken = 100e6;
  const collect = spyOn(Bun, "gc").mockImplementation(() => undefined as never);
  spyOn(process.memoryUsage, "rss").mockImplementation(() => taken);
  const end = watchMemory();
  const collections = [100e6, 200e6, 205e6, 211e6, 213e6].map((bytes) => {
    taken = bytes;
    jest.advanceTimersByTime(200);
    return collect.mock.calls.length;
  });
  expect(collections).toEqual([0, 1, 1, 1, 2]);
  end();
  taken = 400e6;
  jest.advanceTimersByTime(200);
  expect(collect).toHaveBeenCalledTimes(2);
});
