/** What is known of images before anything of them has come. */
import { expect, test } from "bun:test";
import { rootsOf } from "../../../src/operations/pipe/planner.ts";
import type { Wanted } from "../../../src/operations/plan.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import type { Source } from "../../../src/store/store.ts";

function wantedFrom(resolve: Source["resolve"]): Wanted {
  const repository = memoryStore("nowhere").repository("a/b");
  const name = { id: 0, name: "a/b:1" };
  return { name, origin: "a/b", reference: "1", from: { ...repository, resolve }, to: repository, tag: "1" };
}

test("an image whose root cannot be looked up is ready, to be told of", async () => {
  const wanted = wantedFrom(() => Promise.reject(new Error("no")));
  const { expected, ready } = await rootsOf([wanted], {});
  expect(expected.size).toBe(0);
  expect([...ready]).toEqual([wanted]);
});

test("an abort while roots are looked up is no lack of a root", async () => {
  const control = new AbortController();
  const wanted = wantedFrom(() => {
    control.abort(new Error("enough"));
    return Promise.reject(control.signal.reason);
  });
  await expect(rootsOf([wanted], { signal: control.signal })).rejects.toThrow("enough");
});
