/** Pauses between tries. */
import { expect, test } from "bun:test";
import { backoff, pause } from "../../src/bytes/retry.ts";

const POLICY = { attempts: 9, delay: 100, maximum: 1000 };

test.each([
  [2, 100],
  [3, 200],
  [4, 400],
  [9, 1000],
])("the pause before try %p is any part of %p milliseconds", (attempt, most) => {
  const pauses = Array.from({ length: 500 }, () => backoff(POLICY, attempt));
  expect(Math.max(...pauses)).toBeWithin(most * 0.9, most + 1);
  expect(Math.min(...pauses)).toBeWithin(0, most * 0.1);
});

test("no two waiters need come back at once", () => {
  expect(new Set(Array.from({ length: 50 }, () => backoff(POLICY, 9))).size).toBeGreaterThan(5);
});

test("a pause ends with the reason of its signal", async () => {
  const control = new AbortController();
  const waiting = pause(600_000, control.signal);
  control.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await expect(pause(600_000, control.signal)).rejects.toThrow("enough");
});

test("a pause ends by itself, and leaves no listener behind", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const [add, remove] = [signal.addEventListener, signal.removeEventListener];
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove.apply(signal, args);
  };
  await pause(0, signal);
  expect(listeners).toBe(0);
});
