/** Places, taken and given back. */
import { expect, test } from "bun:test";
import { createSlots, type Place } from "../../../src/registry/traffic/slots.ts";

test("so many have one, the others wait in the order in which they came", async () => {
  const slots = createSlots(2);
  const order: string[] = [];
  const first = await slots.take();
  const second = await slots.take();
  async function taken(name: string): Promise<Place> {
    const place = await slots.take();
    order.push(name);
    return place;
  }
  const c = taken("c");
  const d = taken("d");
  await Promise.resolve();
  expect([slots.taken, order.length]).toEqual([2, 0]);
  second.leave();
  (await c).leave();
  await d;
  expect(order).toEqual(["c", "d"]);
  first.leave();
  (await d).leave();
  expect(slots.taken).toBe(0);
});

test("a place is given back once", async () => {
  const slots = createSlots(1);
  const place = await slots.take();
  place.leave();
  await slots.take();
  place.leave();
  expect(slots.taken).toBe(1);
});

test("nobody overtakes those who wait", async () => {
  const slots = createSlots(1);
  const first = await slots.take();
  const waiting = slots.take();
  first.leave();
  const late = slots.take();
  const order: string[] = [];
  for (const [name, call] of [
    ["late", late],
    ["waiting", waiting],
  ] as const)
    void call.then((place) => {
      order.push(name);
      place.leave();
    });
  await late;
  expect(order).toEqual(["waiting", "late"]);
});

test("whoever gives up waiting takes nothing", async () => {
  const slots = createSlots(1);
  const place = await slots.take();
  const control = new AbortController();
  const gone = slots.take(control.signal);
  const next = slots.take();
  control.abort(new Error("enough"));
  await expect(gone).rejects.toThrow("enough");
  place.leave();
  (await next).leave();
  expect(slots.taken).toBe(0);
  await expect(slots.take(control.signal)).rejects.toThrow("enough");
  expect(slots.taken).toBe(0);
});

test("a place that was given is not lost to an abort that comes right after", async () => {
  const slots = createSlots(1);
  const place = await slots.take();
  const control = new AbortController();
  const next = slots.take(control.signal);
  place.leave();
  control.abort();
  (await next).leave();
  expect(slots.taken).toBe(0);
});

test("an idle holder loses a lent place to who waits, a busy one does not", async () => {
  const slots = createSlots(2, 5);
  const idle = await slots.take();
  const busy = await slots.take();
  let chunks = 0;
  idle.lend(() => 7);
  busy.lend(() => chunks++);
  const third = await slots.take();
  expect(slots.taken).toBe(2);
  idle.leave();
  expect(slots.taken).toBe(2);
  busy.leave();
  third.leave();
  expect(slots.taken).toBe(0);
});

test("who waits for bytes is not idle", async () => {
  const slots = createSlots(1, 2);
  const place = await slots.take();
  place.lend(() => undefined);
  const control = new AbortController();
  const other = slots.take(control.signal).catch((reason: unknown) => reason);
  await Bun.sleep(20);
  control.abort("still waiting");
  expect(await other).toBe("still waiting");
});
