/** Pauses of a host. */
import { expect, test } from "bun:test";
import { createPauses } from "../../../src/registry/traffic/pauses.ts";

test("all wait for its end, and come back one after the other", async () => {
  const pauses = createPauses();
  const begin = performance.now();
  expect(pauses.begin(30, 60)).toBe(true);
  expect(pauses.isOn).toBe(true);
  const back = await Promise.all(
    Array.from({ length: 20 }, async () => {
      await pauses.over();
      expect(pauses.isOn).toBe(false);
      return performance.now() - begin;
    }),
  );
  expect(Math.min(...back)).toBeGreaterThanOrEqual(30);
  expect(Math.max(...back) - Math.min(...back)).toBeGreaterThan(10);
  const order: string[] = [];
  const later = Bun.sleep(0).then(() => order.push("later"));
  await pauses.over().then(() => order.push("at once"));
  await later;
  expect(order).toEqual(["at once", "later"]);
});

test("a longer one prolongs it, a shorter one does not; only what is much longer is told", async () => {
  const pauses = createPauses();
  const begin = performance.now();
  expect(pauses.begin(40, 0)).toBe(true);
  expect(pauses.begin(5, 0)).toBe(false);
  expect(pauses.begin(50, 0)).toBe(false);
  expect(pauses.begin(120, 0)).toBe(true);
  await pauses.over();
  expect(performance.now() - begin).toBeGreaterThanOrEqual(120);
  expect(pauses.begin(1, 0)).toBe(true);
});

test("one that begins while it is waited for is waited for too", async () => {
  const pauses = createPauses();
  const begin = performance.now();
  pauses.begin(20, 0);
  const waiting = pauses.over();
  await Bun.sleep(10);
  pauses.begin(40, 0);
  await waiting;
  expect(performance.now() - begin).toBeGreaterThanOrEqual(50);
});

test("a signal ends the wait", async () => {
  const pauses = createPauses();
  pauses.begin(600_000, 0);
  const control = new AbortController();
  const waiting = pauses.over(control.signal);
  control.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
});
