/** When garbage is collected. */
import { expect, spyOn, test } from "bun:test";
import { collectGarbage, countRead } from "../../src/bytes/garbage.ts";

test("at once, when that is asked for", async () => {
  const things = Array.from({ length: 1000 }, () => new WeakRef({}));
  // Until then whoever made them holds them.
  await new Promise(setImmediate);
  collectGarbage();
  expect(things.filter((thing) => thing.deref()).length).toBeLessThan(10);
});

test("once that much was read in all, and not for every document", () => {
  // Others may have read something before.
  countRead(12 << 20);
  const collect = spyOn(Bun, "gc");
  try {
    const collections = [6, 6, 6, 5, 1].map((megabytes) => {
      countRead(megabytes << 20);
      return collect.mock.calls.length;
    });
    expect(collections).toEqual([0, 1, 1, 1, 2]);
  } finally {
    collect.mockRestore();
  }
});
