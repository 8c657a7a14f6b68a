/** Work on the same thing, one at a time. */
import { expect, test } from "bun:test";
import { createTurns } from "../../src/bytes/turns.ts";

test("work on one key waits for its turn, whatever became of the work before; other keys do not wait", async () => {
  const inTurn = createTurns<string>();
  const gate = Promise.withResolvers<void>();
  const seen: string[] = [];
  async function work(name: string): Promise<void> {
    seen.push(name);
  }
  const first = inTurn("a", undefined, async () => {
    await work("first");
    await gate.promise;
    throw new Error("broken");
  });
  const rest = [inTurn("a", undefined, () => work("second")), inTurn("a", undefined, () => work("third"))];
  await inTurn("b", undefined, () => work("other"));
  expect(seen).toEqual(["first", "other"]);
  gate.resolve();
  await expect(first).rejects.toThrow("broken");
  await Promise.all(rest);
  expect(seen.slice(2).sort()).toEqual(["second", "third"]);
});

test("two of those who waited never work at once", async () => {
  const inTurn = createTurns<string>();
  let working = 0;
  let most = 0;
  async function work(): Promise<void> {
    most = Math.max(most, ++working);
    await Bun.sleep(0);
    working--;
  }
  await Promise.all(Array.from({ length: 5 }, () => inTurn("a", undefined, work)));
  expect(most).toBe(1);
});

test("who waits can give up, and its work never begins", async () => {
  const inTurn = createTurns<string>();
  const gate = Promise.withResolvers<void>();
  const first = inTurn("a", undefined, () => gate.promise);
  const control = new AbortController();
  let began = false;
  const second = inTurn("a", control.signal, async () => {
    began = true;
  });
  control.abort(new Error("enough"));
  await expect(second).rejects.toThrow("enough");
  gate.resolve();
  await first;
  expect(began).toBe(false);
});
