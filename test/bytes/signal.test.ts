/** Signals as one, and waiting that they end. */
import { expect, test } from "bun:test";
import { either, within } from "../../src/bytes/signal.ts";

test.each(["outer", "own"] as const)("either: the %s signal aborts it, with its reason", (which) => {
  const controls = { outer: new AbortController(), own: new AbortController() };
  const signal = either(controls.outer.signal, controls.own.signal);
  controls[which].abort(which);
  expect(signal.reason).toBe(which);
});

test("either: without another it is the own one", () => {
  const { signal } = new AbortController();
  expect(either(undefined, signal)).toBe(signal);
});

test("within: what the work comes to", async () => {
  const { signal } = new AbortController();
  expect(await within(Promise.resolve(1), signal)).toBe(1);
  expect(await within(Promise.resolve(2), undefined)).toBe(2);
  await expect(within(Promise.reject(new Error("broken")), signal)).rejects.toThrow("broken");
});

test("within: an abort ends the waiting, also one of before", async () => {
  const control = new AbortController();
  const never = new Promise<void>(() => {});
  const waiting = within(never, control.signal);
  control.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await expect(within(never, control.signal)).rejects.toThrow("enough");
});
