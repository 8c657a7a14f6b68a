/** Sources with a nearer place for small content. */
import { expect, test } from "bun:test";
import { IntegrityError } from "../../src/errors.ts";
import { cached } from "../../src/store/cached.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { inMemory, readAll } from "../../src/store/read.ts";
import { pushTo } from "../support/push.ts";
import { image, part, randomBytes } from "../support/random-image.ts";
import { type Journal, recordSource, spoiltSource } from "../support/recording.ts";
import { thrownBy } from "../support/thrown.ts";

const ONE = image();
const MANIFEST = ONE.manifests[0]!;

test("what is near is not asked for from afar", async () => {
  const [far, near] = [memoryStore().repository("far"), memoryStore().repository("near")];
  const journal: Journal = [];
  const source = cached(recordSource(far, journal), near);
  await near.put(MANIFEST);
  expect(await readAll(source.get(MANIFEST.descriptor), 1 << 20)).toEqual(MANIFEST.bytes);
  expect(journal).toEqual([]);
});

test("what is not near comes from afar", async () => {
  const [far, near] = [memoryStore().repository("far"), memoryStore().repository("near")];
  await pushTo(far, ONE, "v1");
  const journal: Journal = [];
  const source = cached(recordSource(far, journal), near);
  expect((await source.resolve("v1"))?.digest).toBe(ONE.root.digest);
  expect(await readAll(source.get(MANIFEST.descriptor), 1 << 20)).toEqual(MANIFEST.bytes);
  expect(journal).toEqual(["far resolve v1", `far read ${ONE.root.digest}`]);
});

test("what is near is verified", async () => {
  const near = memoryStore().repository("near");
  await near.put(MANIFEST);
  const other = randomBytes("x", MANIFEST.bytes.length);
  const wrong = spoiltSource(near, MANIFEST.descriptor.digest, () => inMemory(MANIFEST.descriptor, other));
  const source = cached(memoryStore().repository("far"), wrong);
  expect(await thrownBy(() => readAll(source.get(MANIFEST.descriptor), 1 << 20))).toBeInstanceOf(IntegrityError);
});

test("layers are not looked for near: who moves them asks the destination", async () => {
  const [far, near] = [memoryStore().repository("far"), memoryStore().repository("near")];
  const layer = part("a/b", randomBytes("large", (4 << 20) + 1));
  for (const repository of [far, near]) await repository.put(layer);
  const journal: Journal = [];
  await readAll(cached(recordSource(far, journal), near).get(layer.descriptor), 8 << 20);
  expect(journal).toEqual([`far read ${layer.descriptor.digest}`]);
});
