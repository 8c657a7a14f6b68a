/** Starts that keep their distance. */
import { expect, test } from "bun:test";
import { createPace } from "../../../src/registry/traffic/pace.ts";

test("starts are spread evenly, in order, with no burst at the beginning or after a rest", async () => {
  const pace = createPace(100);
  const starts: number[] = [];
  async function start(name: number): Promise<number> {
    await pace();
    starts.push(performance.now());
    return name;
  }
  const order: number[] = [];
  await Promise.all([1, 2, 3, 4, 5].map(async (name) => order.push(await start(name))));
  await Bun.sleep(50);
  await Promise.all([6, 7, 8].map(async (name) => order.push(await start(name))));
  expect(order).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  // A late timer may shorten one distance by half of it, never the sum.
  for (let at = 1; at < starts.length; at++) expect(starts[at]! - starts[at - 1]!).toBeGreaterThan(4);
  expect(starts[4]! - starts[0]!).toBeGreaterThan(38);
  expect(starts[7]! - starts[5]!).toBeGreaterThan(18);
});

test("whoever gives up waiting costs the others nothing", async () => {
  const pace = createPace(0.001);
  await pace();
  const control = new AbortController();
  const waiting = Array.from({ length: 20 }, () => pace(control.signal).catch((reason: unknown) => reason));
  control.abort("enough");
  expect(await Promise.all(waiting)).toEqual(Array.from({ length: 20 }, () => "enough"));
  const quick = createPace(10);
  await quick();
  const gone = new AbortController();
  const left = Array.from({ length: 20 }, () => quick(gone.signal).catch(() => {}));
  gone.abort();
  await Promise.all(left);
  const before = performance.now();
  await quick();
  expect(performance.now() - before).toBeLessThan(1500);
});
