/** Cache folders that others filled, and that a run of ours adds to. */
import { expect, test } from "bun:test";
import { mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openCache } from "../../src/layout/cache.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { copy } from "../../src/operations/copy.ts";
import { namedImages } from "../../src/operations/named.ts";
import { openStore } from "../../src/operations/open.ts";
import { wantedIn } from "../../src/operations/stored.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { hangarFiles, imageToolsFiles } from "../support/foreign-layouts.ts";
import type { Files } from "../support/memory-tree.ts";
import { multiPlatform } from "../support/random-image.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";

const artifact = multiPlatform(["linux/amd64", "linux/arm64"], { format: "docker" });
const images = [{ name: "docker.io/a/b", tag: "1", artifact }];

async function write(folder: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

test.each([
  ["Hangar", hangarFiles(images)],
  ["image-tools", imageToolsFiles(images)],
])("what %s saved can be named anew, and is all there then", async (_, files) => {
  await using folder = await temporaryFolder();
  await write(folder.path, files);
  const warnings: string[] = [];
  const options = { jobs: 2, onWarning: (message: string) => void warnings.push(message) };
  {
    await using cache = await openCache(folder.path);
    await cache.name(await namedImages(cache, options), new Date(0));
  }
  expect(warnings).toEqual([]);
  expect(JSON.parse(await readFile(join(folder.path, "saved-images-list.json"), "utf8"))).toMatchObject({
    Version: "v1.1.0",
  });
  await using store = await openStore(folder.path);
  await using registry = memoryStore();
  const wanted = await wantedIn(store, (name) => registry.repository(name));
  const summary = await copy(wanted, { selection: EVERYTHING, strict: false, jobs: 2, onEvent: () => {} });
  expect(summary).toMatchObject({ done: 1, failed: 0 });
});

test("an image that is damaged where image-tools has it is left out, with a warning", async () => {
  await using folder = await temporaryFolder();
  const files = imageToolsFiles(images);
  const layer = artifact.blobs.at(-1)!.descriptor;
  const path = Object.keys(files).find((each) => each.endsWith(layer.digest.slice(7)))!;
  await write(folder.path, { ...files, [path]: "x".repeat(layer.size) });
  const warnings: string[] = [];
  await using cache = await openCache(folder.path);
  expect(await namedImages(cache, { jobs: 2, onWarning: (message) => void warnings.push(message) })).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining('leaves "docker.io/a/b:1" out of the list')]);
});

test("a folder without a list names nothing", async () => {
  await using folder = await temporaryFolder();
  await using cache = await openCache(folder.path);
  expect(await namedImages(cache, { jobs: 2, onWarning: (message) => expect(message).toBeUndefined() })).toEqual([]);
});

test.each(["moved.json", "nowhere"])(
  "a list that is a link to %s is not taken for none, which would lose it",
  async (to) => {
    await using folder = await temporaryFolder();
    await write(folder.path, hangarFiles(images));
    const list = join(folder.path, "saved-images-list.json");
    await rename(list, join(folder.path, "moved.json"));
    await symlink(to, list);
    await using cache = await openCache(folder.path);
    expect(await errorOf(() => namedImages(cache, { jobs: 2, onWarning: () => {} }))).toBe(
      `UNSUPPORTED: Cannot read "${list}": it is no file, and links are not followed`,
    );
  },
);
