/** Images beside those that a cache folder names already. */
import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { openCache } from "../../src/layout/cache.ts";
import { MOST_IMAGES } from "../../src/layout/document.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { add } from "../../src/operations/add.ts";
import type { Wanted } from "../../src/operations/plan.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { wantedImage } from "../support/laid.ts";
import { pushTo } from "../support/push.ts";
import { image } from "../support/random-image.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";

const OPTIONS = {
  selection: EVERYTHING,
  strict: false,
  jobs: 2,
  savedTime: new Date(0),
  onEvent() {},
  onWarning() {},
};

test("more images than a list can name are refused before anything moves, those counted that are there", async () => {
  await using folder = await temporaryFolder();
  await using cache = await openCache(folder.path);
  const from = memoryStore().repository("a/b");
  await pushTo(from, image(), "first");
  const wanted = (tag: string): Wanted => wantedImage(1, from, cache.repository("a/b"), tag);
  expect(await add([wanted("first")], cache, OPTIONS)).toMatchObject({ done: 1 });
  const blobs = await readdir(join(folder.path, "share/sha256"));
  await pushTo(from, image({ seed: 2 }), "0");
  const many = Array.from({ length: MOST_IMAGES }, (_, at) => wanted(String(at)));
  expect(await errorOf(() => add(many, cache, OPTIONS))).toBe(
    "UNSUPPORTED: Cannot list 7001 images: 7000 are the most",
  );
  expect(await readdir(join(folder.path, "share/sha256"))).toEqual(blobs);
});
