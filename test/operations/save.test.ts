/** Saves and packings: what is in an archive, whatever happened while it was written. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openArchive } from "../../src/archive/reader.ts";
import { decode } from "../../src/bytes/stream.ts";
import type { Event } from "../../src/events.ts";
import { type Cache, openCache } from "../../src/layout/cache.ts";
import { blobPath, type SavedList } from "../../src/layout/hangar.ts";
import { EVERYTHING, parseSelection } from "../../src/oci/platform.ts";
import { compress } from "../../src/operations/compress.ts";
import { copy } from "../../src/operations/copy.ts";
import { type FillSummary, fill } from "../../src/operations/fill.ts";
import { openStore } from "../../src/operations/open.ts";
import { type SaveOptions, save } from "../../src/operations/save.ts";
import { below, wantedIn } from "../../src/operations/stored.ts";
import type { Summary } from "../../src/operations/summary.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Content, Sink, Source } from "../../src/store/store.ts";
import { wantedImage } from "../support/laid.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, attested, chart, image, layer, randomNumbers } from "../support/random-image.ts";
import { failing, spoiltSource } from "../support/recording.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";
import { thrownBy } from "../support/thrown.ts";

let folder: TemporaryFolder;
let path: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  path = join(folder.path, "out.tar.gz");
});
afterEach(() => folder[Symbol.asyncDispose]());

const OPTIONS: SaveOptions = {
  selection: EVERYTHING,
  strict: false,
  jobs: 4,
  onEvent() {},
  savedTime: new Date(1_700_000_000_000),
};
const shared = layer("shared", 20_000);
const ARTIFACTS = {
  one: image({ seed: 1, layers: [shared] }),
  two: attested(["linux/amd64", "linux/arm64"], { seed: 2, layers: 3 }),
  three: chart(),
  four: image({ seed: 4, layers: [layer("own", 3000), shared] }),
};

async function source(artifacts: Readonly<Record<string, Artifact>> = ARTIFACTS): Promise<Sink> {
  const repository = memoryStore().repository("library/app");
  for (const [tag, artifact] of Object.entries(artifacts)) await pushTo(repository, artifact, tag);
  return repository;
}

async function saved(
  from: Source,
  options: Partial<SaveOptions> = {},
  { tags = Object.keys(ARTIFACTS), cacheFolder = "cache" }: { tags?: string[]; cacheFolder?: string } = {},
): Promise<FillSummary> {
  await using cache = await openCache(join(folder.path, cacheFolder));
  const wanted = tags.map((tag, at) => wantedImage(at + 1, from, cache.repository(""), tag));
  return await save(wanted, { cache, archive: { path, format: "gzip" } }, { ...OPTIONS, ...options });
}

/** What a registry has after the archive was loaded into it. */
async function loaded(archive = path): Promise<{ tags: string[]; repository: Sink; summary: Summary }> {
  await using store = await openStore(archive);
  const to = memoryStore();
  const wanted = await wantedIn(store, below(to, { registry: "host", path: "" }));
  const summary = await copy(wanted, { selection: EVERYTHING, strict: false, jobs: 2, onEvent() {} });
  const repository = to.repository("library/app");
  return { tags: await Array.fromAsync(repository.tags!()), repository, summary };
}

test("what is saved can be loaded, with the same digests", async () => {
  expect(await saved(await source())).toMatchObject({ done: 4, failed: 0 });
  const { repository, tags } = await loaded();
  expect(tags).toEqual(["four", "one", "three", "two"]);
  for (const [tag, { root }] of Object.entries(ARTIFACTS))
    expect((await repository.resolve(tag))?.digest).toBe(root.digest);
});

test("each blob is in the archive once, and nothing that no image needs", async () => {
  {
    await using cache = await openCache(join(folder.path, "cache"));
    await cache.repository("").put(image({ seed: "earlier" }).blobs[0]!);
  }
  await saved(await source());
  await using archive = await openArchive(path);
  const blobs = archive.entries.map((entry) => entry.path).filter((each) => each.includes("/share/sha256/"));
  const all = Object.values(ARTIFACTS).flatMap(({ blobs, manifests }) => [...blobs, ...manifests]);
  const needed = new Set(all.map(({ descriptor }) => `saved-image-cache/${blobPath(descriptor.digest)}`));
  expect(blobs.toSorted()).toEqual([...needed].toSorted());
});

test("the head says all that a reader of a pipe must know, before the first layer", async () => {
  await saved(await source());
  await using archive = await openArchive(path);
  const paths = archive.entries.map((entry) => entry.path.replace("saved-image-cache/", ""));
  const layers = Object.values(ARTIFACTS).flatMap(({ blobs }) =>
    blobs.filter(({ descriptor }) => !descriptor.mediaType.includes("config")),
  );
  const first = Math.min(...layers.map(({ descriptor }) => paths.indexOf(blobPath(descriptor.digest))));
  const head = paths.slice(0, first);
  const documents = Object.values(ARTIFACTS).flatMap(({ manifests, blobs }) => [
    ...manifests,
    ...blobs.filter(({ descriptor }) => descriptor.mediaType.includes("config")),
  ]);
  for (const { descriptor } of documents) expect(head).toContain(blobPath(descriptor.digest));
  expect(head).toContain("saved-images-list.json");
  expect(head.indexOf("blobs")).toBeGreaterThan(head.indexOf("index.json"));
  expect(archive.entries.find((entry) => entry.path.endsWith("/blobs"))?.type).toBe("link");
});

test("the order in which blobs arrive does not show", async () => {
  const from = await source();
  const archives: Buffer[] = [];
  for (const seed of [1, 2, 3]) {
    const random = randomNumbers(seed);
    const shuffled = delayed(from, () => random(6));
    await saved(shuffled, { jobs: 1 + seed * 2 }, { cacheFolder: `cache ${seed}` });
    archives.push(await readFile(path));
  }
  expect(archives[1]!.equals(archives[0]!)).toBe(true);
  expect(archives[2]!.equals(archives[0]!)).toBe(true);
});

test("neither does a cache that was full before", async () => {
  await saved(await source());
  const first = await readFile(path);
  expect(await saved(await source())).toMatchObject({ copied: 0 });
  expect((await readFile(path)).equals(first)).toBe(true);
});

test("the time is the only thing in it that is not in the images", async () => {
  await saved(await source());
  const first = await readFile(path);
  await saved(await source(), { savedTime: new Date(0) });
  expect((await readFile(path)).equals(first)).toBe(false);
});

describe("an image that fails", () => {
  const lost = ARTIFACTS.four.blobs.find(
    ({ descriptor }) => descriptor.digest === layer("own", 3000).descriptor.digest,
  )!;

  async function savedWithLoss(): Promise<FillSummary> {
    const late = spoiltSource(await source(), lost.descriptor.digest, (content) => ({
      ...content,
      async *open(options) {
        yield (await content.open(options)[Symbol.asyncIterator]().next()).value!.subarray(0, 100);
        await new Promise((resolve) => setTimeout(resolve, 30));
        throw new Error("gone");
      },
    }));
    return saved(late);
  }

  test("late is not in the list, and the others load", async () => {
    const summary = await savedWithLoss();
    expect(summary).toMatchObject({ done: 3, failed: 1 });
    expect(summary.images.map(({ tag }) => tag)).toEqual(["one", "two", "three"]);
    const { tags } = await loaded();
    expect(tags).toEqual(["one", "three", "two"]);
  });

  test("late is said in a list that is no shorter than the first", async () => {
    await savedWithLoss();
    await using archive = await openArchive(path);
    for (const name of ["saved-images-list.json", "index.json"]) {
      const versions = archive.entries.filter((entry) => entry.path === `saved-image-cache/${name}`);
      expect(versions.length).toBe(2);
      expect(versions[1]!.size).toBe(versions[0]!.size);
    }
    const bytes = await Array.fromAsync(archive.file("saved-image-cache/saved-images-list.json")!.open());
    const list = JSON.parse(bytes.map((chunk) => decode(chunk)).join("")) as SavedList;
    expect(list.List.map(({ Tag }) => Tag)).toEqual(["one", "two"]);
  });

  test("takes no room for what only it needs, from its first loss on", async () => {
    const [first, second] = [layer("first", 3000), layer("second", 3000)];
    const artifacts = { whole: image(), broken: image({ seed: "broken", layers: [first, second] }) };
    const from = spoiltSource(await source(artifacts), first.descriptor.digest, failing(new Error("gone")));
    expect(await saved(from, {}, { tags: ["whole", "broken"] })).toMatchObject({ done: 1, failed: 1 });
    await using archive = await openArchive(path);
    for (const { descriptor } of [first, second])
      expect(archive.file(`saved-image-cache/${blobPath(descriptor.digest)}`)).toBeUndefined();
  });

  test("while it is planned costs the archive nothing", async () => {
    const from = spoiltSource(await source(), ARTIFACTS.four.root.digest, failing(new Error("gone")));
    expect(await saved(from)).toMatchObject({ done: 3, failed: 1 });
    const withLoss = await readFile(path);
    await saved(await source(), {}, { tags: ["one", "two", "three"] });
    expect((await readFile(path)).equals(withLoss)).toBe(true);
  });
});

describe("without any image", () => {
  test("an older archive stays as it is, and nothing is left beside it", async () => {
    await writeFile(path, "the last good one");
    const from = spoiltSource(await source(), shared.descriptor.digest, failing(new Error("gone")));
    const summary = await saved(from, {}, { tags: ["one", "none"] });
    expect(summary).toMatchObject({ done: 0, failed: 2, images: [] });
    expect(summary.archived).toBeUndefined();
    expect(await readFile(path, "utf8")).toBe("the last good one");
    expect((await readdir(folder.path)).sort()).toEqual(["cache", "out.tar.gz"]);
  });

  test("none is made", async () => {
    await saved(await source(), { selection: parseSelection("riscv64", "linux") }, { tags: ["one"] });
    expect(await readdir(folder.path)).toEqual(["cache"]);
  });
});

describe("when it cannot go on", () => {
  test("an abort leaves the older archive, and nothing runs on", async () => {
    await writeFile(path, "the last good one");
    const from = await source();
    const control = new AbortController();
    let opened = 0;
    const slow = delayed(from, () => {
      if (++opened === 6) control.abort(new Error("enough"));
      return 1;
    });
    expect(((await thrownBy(() => saved(slow, { signal: control.signal }))) as Error).message).toBe("enough");
    const count = opened;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(opened).toBe(count);
    expect(await readFile(path, "utf8")).toBe("the last good one");
    expect((await readdir(folder.path)).sort()).toEqual(["cache", "out.tar.gz"]);
    expect(await readdir(join(folder.path, "cache"))).not.toContain(".lock");
  });

  test("a cache that cannot be written stops it with the disk's reason", async () => {
    const from = await source();
    await using cache = await openCache(join(folder.path, "cache"));
    await rm(join(folder.path, "cache/.partial"), { recursive: true });
    const wanted = Object.keys(ARTIFACTS).map((tag, at) => wantedImage(at + 1, from, cache.repository(""), tag));
    const error = await thrownBy(() => save(wanted, { cache, archive: { path, format: "tar" } }, OPTIONS));
    expect(error).toMatchObject({ code: "STORAGE", message: expect.stringContaining("its folder does not exist") });
    expect(await readdir(folder.path)).toEqual(["cache"]);
  });

  test("an archive whose folder is not there is refused before anything moves", async () => {
    const events: Event[] = [];
    path = join(folder.path, "none/out.tar.gz");
    const error = await thrownBy(async () => saved(await source(), { onEvent: (event) => events.push(event) }));
    expect(error).toMatchObject({ code: "STORAGE" });
    expect(events).toEqual([]);
  });
});

test("a subset of platforms has an index of its own for readers of OCI layouts, and the original for us", async () => {
  const whole = ARTIFACTS.two;
  const { images } = await saved(await source(), { selection: parseSelection("arm64", "linux") }, { tags: ["two"] });
  const offered = images[0]!.offered.descriptor;
  await using archive = await openArchive(path);
  for (const { digest } of [offered, whole.root])
    expect(archive.file(`saved-image-cache/${blobPath(digest)}`)).toBeDefined();
  const { repository } = await loaded();
  expect((await repository.resolve("two"))?.digest).toBe(offered.digest);
});

describe("a cache folder", () => {
  async function filled(cacheFolder: string): Promise<void> {
    await using cache: Cache = await openCache(cacheFolder);
    const from = await source();
    const wanted = Object.keys(ARTIFACTS).map((tag, at) => wantedImage(at + 1, from, cache.repository(""), tag));
    const { images, archived } = await fill(wanted, cache, OPTIONS);
    expect(archived).toBeUndefined();
    await cache.name(images, OPTIONS.savedTime);
  }

  test("is packed into the same archive that save writes", async () => {
    const cacheFolder = join(folder.path, "folder");
    await filled(cacheFolder);
    await using store = await openStore(cacheFolder);
    expect(await compress(store, { path, format: "gzip" }, OPTIONS)).toMatchObject({ done: 4, failed: 0 });
    const { tags } = await loaded();
    expect(tags).toEqual(["four", "one", "three", "two"]);
    const packed = await readFile(path);
    await compress(store, { path, format: "gzip" }, { ...OPTIONS, jobs: 1 });
    expect((await readFile(path)).equals(packed)).toBe(true);
  });

  test("has what its OCI layout offers of a subset", async () => {
    await using cache = await openCache(join(folder.path, "folder"));
    const wanted = [wantedImage(1, await source(), cache.repository(""), "two")];
    const options = { ...OPTIONS, selection: parseSelection("arm64", "linux") };
    const [laid] = (await fill(wanted, cache, options)).images;
    expect(laid!.offered.descriptor.digest).not.toBe(ARTIFACTS.two.root.digest);
    expect(await cache.repository("").has(laid!.offered.descriptor)).toBe(true);
  });

  test("with a wrong blob is packed without the images that need it", async () => {
    const cacheFolder = join(folder.path, "folder");
    await filled(cacheFolder);
    const file = join(cacheFolder, blobPath(shared.descriptor.digest));
    const bytes = await readFile(file);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(file, bytes);
    await using store = await openStore(cacheFolder);
    const summary = await compress(store, { path, format: "gzip" }, OPTIONS);
    expect(summary).toMatchObject({ done: 2, failed: 2, damaged: true });
    const { tags, summary: after } = await loaded();
    expect(tags).toEqual(["three", "two"]);
    expect(after).toMatchObject({ failed: 0 });
    await using archive = await openArchive(path);
    for (const { descriptor } of [shared, layer("own", 3000)])
      expect(archive.file(`saved-image-cache/${blobPath(descriptor.digest)}`)).toBeUndefined();
  });

  test.each([
    ["whole", false],
    ["with a wrong blob", true],
  ])("%s: what is planned is moved or lost, once", async (_, isWrong) => {
    const cacheFolder = join(folder.path, "folder");
    await filled(cacheFolder);
    if (isWrong)
      await writeFile(join(cacheFolder, blobPath(shared.descriptor.digest)), new Uint8Array(shared.descriptor.size));
    await using store = await openStore(cacheFolder);
    const counts = { planned: 0, moved: 0, lost: 0, moving: 0 };
    function onEvent(event: Event): void {
      if (event.type === "planned" || event.type === "moving") counts[event.type] += event.bytes;
      if (event.type === "moved" || event.type === "lost") counts[event.type] += event.descriptor.size;
    }
    await compress(store, { path, format: "gzip" }, { ...OPTIONS, onEvent });
    expect(counts.planned).toBe(counts.moved + counts.lost);
    expect(counts.moving).toBe(counts.moved);
    expect(counts.lost > 0).toBe(isWrong);
  });

  test("without a manifest that its list names is packed without that image", async () => {
    const cacheFolder = join(folder.path, "folder");
    await filled(cacheFolder);
    await rm(join(cacheFolder, blobPath(ARTIFACTS.one.root.digest)));
    await using store = await openStore(cacheFolder);
    expect(await compress(store, { path, format: "gzip" }, OPTIONS)).toMatchObject({ done: 3, failed: 1 });
  });

  test("in which nothing is right leaves the older archive", async () => {
    const cacheFolder = join(folder.path, "folder");
    await filled(cacheFolder);
    await writeFile(path, "the last good one");
    await rm(join(cacheFolder, "share"), { recursive: true });
    await mkdir(join(cacheFolder, "share"));
    await using store = await openStore(cacheFolder);
    const summary = await compress(store, { path, format: "gzip" }, OPTIONS);
    expect(summary).toMatchObject({ done: 0, failed: 4 });
    expect(summary.archived).toBeUndefined();
    expect(await readFile(path, "utf8")).toBe("the last good one");
  });

  test.each([
    [false, { done: 1, skipped: 3, failed: 0 }],
    [true, { done: 1, skipped: 0, failed: 3 }],
  ])("in which an image has none of the platforms asked for: strict %p", async (strict, counts) => {
    const cacheFolder = join(folder.path, "folder");
    await filled(cacheFolder);
    await using store = await openStore(cacheFolder);
    const selection = parseSelection("riscv64", "linux");
    expect(await compress(store, { path, format: "gzip" }, { ...OPTIONS, selection, strict })).toMatchObject(counts);
  });
});

test("what is neither an archive nor a folder of images is said to be so", async () => {
  await writeFile(path, "just text");
  expect(await thrownBy(() => openStore(path))).toMatchObject({ code: "UNSUPPORTED" });
  expect(await thrownBy(() => openStore(join(folder.path, "none")))).toMatchObject({ code: "NOT_FOUND" });
  await mkdir(join(folder.path, "empty"));
  expect(await thrownBy(() => openStore(join(folder.path, "empty")))).toMatchObject({
    code: "UNSUPPORTED",
    message: `Cannot open "${join(folder.path, "empty")}": there are no images in it that Dray knows how to read`,
  });
});

test("an archive is known by its bytes, not by its name", async () => {
  await saved(await source());
  const other = join(folder.path, "bundle.zip");
  await copyFile(path, other);
  expect((await loaded(other)).tags.length).toBe(4);
});

/** A source that waits some milliseconds before each content. */
function delayed(from: Sink, milliseconds: () => number): Sink {
  return {
    ...from,
    get: (descriptor): Content => ({
      descriptor,
      async *open(options) {
        await new Promise((resolve) => setTimeout(resolve, milliseconds()));
        yield* from.get(descriptor).open(options);
      },
    }),
  };
}
