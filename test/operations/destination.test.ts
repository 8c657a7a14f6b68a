/** Names that collide where images go. */
import { expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { copy } from "../../src/operations/copy.ts";
import { settleCollisions } from "../../src/operations/destination.ts";
import { below, wantedIn } from "../../src/operations/stored.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { wantedImage } from "../support/laid.ts";
import { pushTo } from "../support/push.ts";
import { image } from "../support/random-image.ts";
import { type Journal, recordSource } from "../support/recording.ts";
import { thrownBy } from "../support/thrown.ts";

test("names that do not collide are not looked up", async () => {
  const journal: Journal = [];
  const from = recordSource(memoryStore().repository("a"), journal);
  const to = memoryStore();
  const wanted = [
    wantedImage(1, from, to.repository("x"), "1"),
    wantedImage(2, from, to.repository("x"), "2"),
    wantedImage(3, from, to.repository("y"), "1"),
    wantedImage(4, from, memoryStore().repository("x"), "1"),
  ];
  expect(await settleCollisions(wanted)).toEqual(wanted);
  expect(journal).toEqual([]);
});

test("what is wanted twice is taken once", async () => {
  const [from, to] = [memoryStore().repository("a"), memoryStore().repository("x")];
  const [one, two] = [wantedImage(1, from, to, "1"), wantedImage(2, from, to, "1")];
  expect(await settleCollisions([one, two])).toEqual([one]);
});

test("the same image from two places is no collision", async () => {
  const [left, right] = [memoryStore().repository("a"), memoryStore().repository("b")];
  for (const source of [left, right]) await pushTo(source, image(), "1");
  const to = memoryStore().repository("x");
  const [one, two] = [wantedImage(1, left, to, "1"), wantedImage(2, right, to, "1")];
  expect(await settleCollisions([one, two])).toEqual([one]);
});

test("different images under one name are refused, both named", async () => {
  const [left, right] = [memoryStore().repository("a"), memoryStore().repository("b")];
  await pushTo(left, image({ seed: "left" }), "1");
  await pushTo(right, image({ seed: "right" }), "1");
  const to = memoryStore().repository("x");
  const error = await thrownBy(() => settleCollisions([wantedImage(1, left, to, "1"), wantedImage(2, right, to, "1")]));
  expect(error).toMatchObject({
    code: "USAGE",
    message: 'Cannot put "docker.io/b:1" at "x:1": "docker.io/a:1" goes there too, and is another image',
  });
});

test("an image that is missing or cannot be read fails by itself, and the other one takes the name", async () => {
  const there = memoryStore().repository("a");
  await pushTo(there, image(), "1");
  const missing = memoryStore().repository("b");
  const broken = {
    ...memoryStore().repository("c"),
    resolve: async () => {
      throw new AppError("NETWORK", "nobody answers");
    },
  };
  for (const order of [
    [there, missing, broken],
    [missing, broken, there],
    [broken, there, missing],
  ]) {
    const to = memoryStore().repository("x");
    const events: string[] = [];
    const summary = await copy(
      order.map((from, at) => wantedImage(at + 1, from, to, "1")),
      {
        selection: EVERYTHING,
        strict: false,
        jobs: 2,
        onEvent: (event) => void (event.type === "image" && events.push(`${event.image.name} ${event.result}`)),
      },
    );
    expect(summary).toMatchObject({ done: 1, failed: 2 });
    expect(events.toSorted()).toEqual(["docker.io/a:1 done", "docker.io/b:1 failed", "docker.io/c:1 failed"]);
    expect((await to.resolve("1"))?.digest).toBe(image().root.digest);
  }
});

test("what a store holds goes below a prefix, without its registry", async () => {
  const [from, to] = [memoryStore(), memoryStore()];
  await pushTo(from.repository("docker.io/library/nginx"), image(), "1");
  await pushTo(from.repository("quay.io/org/app"), image(), "2");
  const wanted = await wantedIn(from, below(to, { registry: "host", path: "mirror" }));
  expect(wanted.map(({ name, to, tag }) => `${name.id} ${name.name} -> ${to.place.path}:${tag}`)).toEqual([
    "1 docker.io/library/nginx:1 -> mirror/library/nginx:1",
    "2 quay.io/org/app:2 -> mirror/org/app:2",
  ]);
});

test("an image without a tag is wanted by its digest", async () => {
  const { root } = image();
  const store = { ...memoryStore(), references: () => listOf({ path: "quay.io/a/b", root }) };
  const [wanted] = await wantedIn(store, below(memoryStore(), { registry: "host", path: "" }));
  expect(wanted).toMatchObject({
    reference: root.digest,
    tag: undefined,
    name: { name: `quay.io/a/b@${root.digest}` },
  });
});

async function* listOf<T>(...items: T[]): AsyncGenerator<T> {
  yield* items;
}
