/** Archives that go where nothing can be taken back, and layouts that can say nothing again. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { openArchive } from "../../src/archive/reader.ts";
import { decode } from "../../src/bytes/stream.ts";
import { openCache } from "../../src/layout/cache.ts";
import { blobPath } from "../../src/layout/hangar.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import type { ArchiveTarget } from "../../src/operations/archive-target.ts";
import { compress } from "../../src/operations/compress.ts";
import { openStore } from "../../src/operations/open.ts";
import { type SaveOptions, save } from "../../src/operations/save.ts";
import type { Summary } from "../../src/operations/summary.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { wantedImage } from "../support/laid.ts";
import { pushTo } from "../support/push.ts";
import { image, layer } from "../support/random-image.ts";
import { failing, spoiltSource } from "../support/recording.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";
import { thrownBy } from "../support/thrown.ts";

const OPTIONS: SaveOptions = {
  selection: EVERYTHING,
  strict: false,
  jobs: 3,
  onEvent() {},
  savedTime: new Date(1_700_000_000_000),
};
const shared = layer("shared", 20_000);
const WRONG = layer("wrong", 30_000);
const IMAGES = { good: image({ seed: 1, layers: [shared] }), bad: image({ seed: 2, layers: [shared, WRONG] }) };

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** A stream that keeps what it gets. */
function kept() {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { stream, bytes: () => Buffer.concat(chunks) };
}

/** Saves both images, one of which has a wrong layer at its source unless it is `sound`. */
async function saved(archive: ArchiveTarget, sound = false): Promise<Summary> {
  const memory = memoryStore().repository("library/app");
  for (const [tag, artifact] of Object.entries(IMAGES)) await pushTo(memory, artifact, tag);
  const from = sound ? memory : spoiltSource(memory, WRONG.descriptor.digest, failing(new Error("it is gone")));
  await using cache = await openCache(join(folder.path, "cache"));
  const wanted = Object.keys(IMAGES).map((tag, at) => wantedImage(at + 1, from, cache.repository(""), tag));
  const summary = await save(wanted, { cache, archive }, OPTIONS);
  await cache.name(summary.images, OPTIONS.savedTime);
  return summary;
}

/** The paths in an archive, and how many images its index.json names in the end. */
async function contents(bytes: Uint8Array, root: string) {
  const path = join(folder.path, "received");
  await writeFile(path, bytes);
  await using archive = await openArchive(path);
  const index = Buffer.concat(await Array.fromAsync(archive.file(`${root}index.json`)!.open()));
  return { paths: archive.entries.map((entry) => entry.path), images: JSON.parse(decode(index)).manifests.length };
}

describe("save", () => {
  test("into a stream says at the end what did not arrive", async () => {
    const { stream, bytes } = kept();
    const target = { path: "a pipe", stream, format: "tar" } as const;
    expect(await saved(target)).toMatchObject({ done: 1, failed: 1, archived: bytes().length });
    const { paths, images } = await contents(bytes(), "saved-image-cache/");
    expect(paths.filter((path) => path === "saved-image-cache/index.json")).toHaveLength(2);
    expect(images).toBe(1);
  });

  test.each(["file", "stream"])("as an OCI layout names only what arrived, once: %s", async (kind) => {
    const { stream, bytes } = kept();
    const path = join(folder.path, "x.tar");
    const target = { path, format: "tar", layout: "oci", ...(kind === "stream" ? { stream } : {}) } as const;
    expect(await saved(target)).toMatchObject({ done: 1, failed: 1 });
    const written = kind === "stream" ? bytes() : await Bun.file(path).bytes();
    const { paths, images } = await contents(written, "");
    expect(paths.slice(0, 3)).toEqual(["oci-layout", "index.json", "manifest.json"]);
    expect(new Set(paths).size).toBe(paths.length);
    expect(images).toBe(1);
    expect(paths).not.toContain(`blobs/sha256/${WRONG.descriptor.digest.slice(7)}`);
  });
});

describe("compress", () => {
  async function compressed(target: ArchiveTarget): Promise<Summary> {
    await saved({ path: join(folder.path, "first.tar"), format: "tar" }, true);
    await writeFile(join(folder.path, "cache", blobPath(WRONG.descriptor.digest)), new Uint8Array(WRONG.bytes.length));
    await using store = await openStore(join(folder.path, "cache"));
    return await compress(store, target, OPTIONS);
  }

  test.each(["hangar", "oci"] as const)("into a stream writes nothing that is wrong: %s", async (layout) => {
    const { stream, bytes } = kept();
    const summary = await compressed({ path: "a pipe", stream, format: "tar", layout });
    expect(summary).toMatchObject({ done: 1, failed: 1, damaged: true, archived: bytes().length });
    const { paths, images } = await contents(bytes(), layout === "oci" ? "" : "saved-image-cache/");
    expect(new Set(paths).size).toBe(paths.length);
    expect(images).toBe(1);
    expect(paths.filter((path) => path.includes(WRONG.descriptor.digest.slice(7)))).toEqual([]);
  });

  test("of nothing that is right writes nothing at all into a stream", async () => {
    await saved({ path: join(folder.path, "first.tar"), format: "tar" }, true);
    await writeFile(join(folder.path, "cache", blobPath(shared.descriptor.digest)), "wrong");
    await using store = await openStore(join(folder.path, "cache"));
    const { stream, bytes } = kept();
    const summary = await compress(store, { path: "a pipe", stream, format: "gzip" }, OPTIONS);
    expect(summary).toMatchObject({ done: 0, failed: 2 });
    expect(summary.archived).toBeUndefined();
    expect(bytes().length).toBe(0);
  });

  test("onto a disk that cannot be written leaves nothing", async () => {
    const path = join(folder.path, "none", "x.tar");
    expect(await thrownBy(() => compressed({ path, format: "tar" }))).toMatchObject({ code: "STORAGE" });
    expect(await readdir(folder.path)).not.toContain("none");
  });
});
