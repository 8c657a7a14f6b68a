/** The store in memory keeps the promises of every store, and its own. */
import { expect, test } from "bun:test";
import { memoryStore } from "../../src/store/memory.ts";
import { testStore } from "../contract/store.ts";
import { pushTo } from "../support/push.ts";
import { image, schema1 } from "../support/random-image.ts";

testStore("memory", async () => {
  const store = memoryStore();
  return { store, close: async () => await store[Symbol.asyncDispose]() };
});

test("references come in the order in which they were made", async () => {
  const store = memoryStore();
  for (const tag of ["b", "a", "c"]) await pushTo(store.repository("z"), image(), tag);
  await pushTo(store.repository("y"), image(), "b");
  const names = (await Array.fromAsync(store.references())).map(({ path, tag }) => `${path}:${tag}`);
  expect(names).toEqual(["z:b", "z:a", "z:c", "y:b"]);
});

test("asking leaves no repository behind", async () => {
  const store = memoryStore();
  await store.repository("x").resolve("latest");
  expect(await Array.fromAsync(store.references())).toEqual([]);
});

test("blob() finds content of any repository", async () => {
  const store = memoryStore();
  const { blobs } = image();
  expect(await store.blob?.(blobs[0]!.descriptor.digest)).toBeUndefined();
  await pushTo(store.repository("x"), image());
  expect((await store.blob?.(blobs[0]!.descriptor.digest))?.descriptor.size).toBe(blobs[0]!.bytes.length);
});

test("what is discarded is gone, and can be put again", async () => {
  const store = memoryStore();
  const repository = store.repository("x");
  const one = image().blobs[0]!;
  await repository.put(one);
  await repository.discard?.(one.descriptor);
  expect(await repository.has(one.descriptor)).toBe(false);
  await repository.put(one);
  expect(await repository.has(one.descriptor)).toBe(true);
});

test("two stores lend each other nothing", async () => {
  const [left, right] = [memoryStore().repository("x"), memoryStore().repository("x")];
  const one = image().blobs[0]!;
  await left.put(one);
  expect(await right.mount?.(one.descriptor, left.place)).toBe(false);
});

test("holds schema 1 manifests, so that tests can refuse them", async () => {
  const repository = memoryStore().repository("x");
  const old = schema1();
  await pushTo(repository, old, "latest");
  expect((await repository.resolve("latest"))?.mediaType).toContain("manifest.v1+prettyjws");
});
