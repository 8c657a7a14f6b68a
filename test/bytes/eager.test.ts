/** Reading ahead. */
import { expect, test } from "bun:test";
import { eager } from "../../src/bytes/eager.ts";

async function* upTo(count: number, failure?: Error): AsyncGenerator<number> {
  for (let at = 0; at < count; at++) yield at;
  if (failure) throw failure;
}

test("reads everything before anybody asks", async () => {
  let read = 0;
  async function* items(): AsyncGenerator<number> {
    for (; read < 5; read++) yield read;
  }
  const ahead = eager(items());
  await ahead.drained;
  expect(read).toBe(5);
  expect(await Array.fromAsync(ahead)).toEqual([0, 1, 2, 3, 4]);
});

test("gives what is there while the rest is still read", async () => {
  const gate = Promise.withResolvers<void>();
  async function* items(): AsyncGenerator<string> {
    yield "first";
    await gate.promise;
    yield "second";
  }
  const iterator = eager(items())[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toBe("first");
  const second = iterator.next();
  gate.resolve();
  expect((await second).value).toBe("second");
  expect((await iterator.next()).done).toBe(true);
});

test("what the reading threw comes after the last item, and from drained", async () => {
  const ahead = eager(upTo(2, new Error("no more")));
  const seen: number[] = [];
  async function read(): Promise<void> {
    for await (const item of ahead) seen.push(item);
  }
  await expect(read()).rejects.toThrow("no more");
  expect(seen).toEqual([0, 1]);
  await expect(ahead.drained).rejects.toThrow("no more");
});
