/** Every kind of damage to an archive in three parts: found before anything wrong is anywhere, told where it is, mended. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFile, mkdir, open, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Archive, openArchive } from "../../src/archive/reader.ts";
import { AppError } from "../../src/errors.ts";
import type { Event } from "../../src/events.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { parseName } from "../../src/oci/reference.ts";
import { openLoadable } from "../../src/operations/loadable.ts";
import { repair } from "../../src/operations/repair.ts";
import { wantedIn } from "../../src/operations/stored.ts";
import { type Verdict, verify } from "../../src/operations/verify.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { read } from "../../src/store/read.ts";
import type { Sink, Store } from "../../src/store/store.ts";
import { packImages } from "../support/packed-archive.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, attested, image, layer, multiPlatform, randomNumbers } from "../support/random-image.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";
import { thrownBy } from "../support/thrown.ts";

const shared = layer("shared", 90_000);
const IMAGES: Readonly<Record<string, Artifact>> = {
  "docker.io/team/one:1": image({ seed: "one", layers: [shared, layer("own", 60_000)] }),
  "quay.io/team/two:2": multiPlatform(["linux/amd64", "linux/arm64"], { seed: "two", size: 40_000 }),
  "quay.io/other/three:3": image({ seed: "three", layers: [shared, layer("plain", 70_000, "none")] }),
  "quay.io/other/four:4": attested(["linux/amd64"], { seed: "four", size: 50_000 }),
};
const NAMES = Object.keys(IMAGES).sort();

let whole: TemporaryFolder;
let sizes: number[];
/** Bytes of every part but the last. */
const PART = 200_000;

beforeAll(async () => {
  whole = await temporaryFolder();
  await packImages(join(whole.path, "x.tar.gz"), IMAGES, { partSize: PART });
  sizes = await Promise.all([0, 1, 2].map(async (number) => (await readFile(partIn(whole.path, number))).length));
});
afterAll(() => whole[Symbol.asyncDispose]());

function partIn(folder: string, number: number): string {
  return join(folder, `x.tar.gz.part${number}`);
}

/** A copy of the archive that may be damaged. */
async function copied(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  for (const number of sizes.keys()) await copyFile(partIn(whole.path, number), partIn(folder.path, number));
  await copyFile(join(whole.path, "x.tar.gz.sha256"), join(folder.path, "x.tar.gz.sha256"));
  return folder;
}

interface Loaded {
  /** The names that the destination has, with their digests. */
  readonly names: readonly string[];
  readonly failed: readonly string[];
  readonly error: AppError | undefined;
}

async function load(folder: string, keepGoing = false): Promise<Loaded> {
  const store = memoryStore();
  const failed: string[] = [];
  function onEvent(event: Event): void {
    if (event.type === "image" && event.result === "failed") failed.push(event.image.name);
  }
  async function work(): Promise<void> {
    await using source = await openLoadable([join(folder, "x.tar.gz")], { holes: keepGoing, onWarning: () => {} });
    const wanted = await wantedIn(source.store, (name) => store.repository(name));
    await source.copy(wanted, { selection: EVERYTHING, strict: true, jobs: 4, stopAtDamage: !keepGoing, onEvent });
  }
  const error = await work().catch((thrown: unknown) => thrown);
  if (error !== undefined && !(error instanceof AppError)) throw error;
  await requireTrue(store);
  const names: string[] = [];
  for await (const { path, tag, root } of store.references()) {
    const name = `${path}:${tag}`;
    expect(root.digest).toBe(IMAGES[name]!.root.digest);
    await requireWhole(store.repository(path), IMAGES[name]!);
    names.push(name);
  }
  return { names: names.sort(), failed: failed.sort(), error };
}

/** Nothing in a destination is anything else than its digest says. */
async function requireTrue(store: Store<Sink>): Promise<void> {
  for (const { blobs, manifests } of Object.values(IMAGES))
    for (const { descriptor } of [...blobs, ...manifests]) {
      const content = await store.blob?.(descriptor.digest);
      if (content) for await (const _ of read({ ...content, descriptor }));
    }
}

async function requireWhole(repository: Sink, { blobs, manifests }: Artifact): Promise<void> {
  for (const { descriptor } of [...blobs, ...manifests]) expect(await repository.has(descriptor)).toBe(true);
}

async function flip(path: string, bit: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    const byte = new Uint8Array(1);
    await file.read(byte, 0, 1, bit >> 3);
    byte[0]! ^= 1 << (bit & 7);
    await file.write(byte, 0, 1, bit >> 3);
  } finally {
    await file.close();
  }
}

async function registry(): Promise<(name: string) => Sink> {
  const store = memoryStore();
  for (const [name, artifact] of Object.entries(IMAGES))
    await pushTo(store.repository(parseName(name.replace(/:\d$/, "")).repository), artifact, "x");
  return (name) => store.repository(parseName(name).repository);
}

async function isOriginal(folder: string): Promise<boolean> {
  for (const number of sizes.keys())
    if (!(await readFile(partIn(folder, number))).equals(await readFile(partIn(whole.path, number)))) return false;
  return true;
}

test("the archive has three parts, and nothing is wrong with it", async () => {
  expect(sizes.map((size) => size === PART)).toEqual([true, true, false]);
  expect(await verify([join(whole.path, "x.tar.gz")], {})).toEqual({
    findings: [],
    images: 4,
    damaged: [],
    hasChecksums: true,
  });
  expect(await load(whole.path)).toEqual({ names: NAMES, failed: [], error: undefined });
});

/** What a bit did, for the sum at the end. */
type Outcome = "stopped" | "means nothing";

describe("a flipped bit", () => {
  test("at any of 200 places is found, told, and mended or left to be copied again", async () => {
    await using folder = await copied();
    const archive = join(folder.path, "x.tar.gz");
    const random = randomNumbers("bits");
    const from = await registry();
    const outcomes: Outcome[] = [];
    let mended = 0;
    for (let round = 0; round < 200; round++) {
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const bit = random(total * 8);
      const number = Math.min(2, Math.floor(bit / 8 / PART));
      const path = partIn(folder.path, number);
      await flip(path, bit - number * PART * 8);
      const loaded = await load(folder.path);
      const { error, names } = loaded;
      if (error) expect(error.code).toBe("INTEGRITY");
      else expect(names).toEqual(NAMES);
      outcomes.push(error ? "stopped" : "means nothing");
      const verdict = await verify([archive], {});
      expect(verdict.findings[0]).toMatchObject({ kind: "part", file: path });
      if (error) expectTold(loaded, verdict);
      const went = await load(folder.path, true);
      expect(went.names).toEqual(
        expect.arrayContaining(NAMES.filter((name) => verdict.images > 0 && !verdict.damaged.includes(name))),
      );
      const repaired = await repair([archive], { from, onWarning: () => {} });
      if (repaired.isWhole) mended++;
      else expect(repaired.copyAgain).toContain(path);
      if (repaired.isWhole && error) expect(await isOriginal(folder.path)).toBe(true);
      if (!(await isOriginal(folder.path))) {
        await copyFile(partIn(whole.path, number), path);
      }
      await copyFile(join(whole.path, "x.tar.gz.sha256"), join(folder.path, "x.tar.gz.sha256"));
    }
    expect(outcomes.filter((one) => one === "stopped").length).toBeGreaterThan(150);
    expect(mended).toBeGreaterThan(180);
  }, 240_000);
});

/** The part, the place in it, and the images. */
function expectTold({ error, failed }: Loaded, { findings, damaged }: Verdict): void {
  const content = findings.find(({ kind }) => kind === "content");
  if (!content) return;
  expect(error!.message).toContain(`"${content.file}" at byte `);
  expect(failed.length).toBeGreaterThan(0);
  expect([...damaged].sort()).toEqual(expect.arrayContaining([...failed]));
}

test("images of an archive whose list is damaged are loaded by the index beside it", async () => {
  await using folder = await copied();
  const { entries } = await archiveOf(whole.path);
  const list = entries.find((entry) => entry.path.endsWith("/saved-images-list.json"))!;
  await flip(partIn(folder.path, 0), (list.offset + list.length / 2) * 8);
  expect((await load(folder.path)).error?.message).toContain(`"${list.path}" in "${partIn(folder.path, 0)}" at byte`);
  expect((await load(folder.path, true)).names).toEqual(NAMES);
  const { findings, damaged } = await verify([join(folder.path, "x.tar.gz")], {});
  expect(findings.at(-1)).toMatchObject({ kind: "structure", entry: list.path, file: partIn(folder.path, 0) });
  expect([...damaged].sort()).toEqual(NAMES);
});

test("manifests, configs and documents are mended too", async () => {
  await using folder = await copied();
  const { entries } = await archiveOf(whole.path);
  const { root, blobs } = IMAGES["docker.io/team/one:1"]!;
  const ends = [root.digest.slice(7), blobs[0]!.descriptor.digest.slice(7), "/index.json", "/oci-layout"];
  const damaged = ends.map((end) => entries.findLast(({ path }) => path.endsWith(end))!);
  for (const { offset, length } of damaged) await flip(partIn(folder.path, 0), (offset + Math.floor(length / 2)) * 8);
  const repaired = await repair([join(folder.path, "x.tar.gz")], { from: await registry(), onWarning: () => {} });
  expect(repaired.mended.map(({ entry }) => entry).sort()).toEqual(damaged.map(({ path }) => path).sort());
  expect(repaired).toMatchObject({ isWhole: true, copyAgain: [] });
  expect(await isOriginal(folder.path)).toBe(true);
});

async function archiveOf(folder: string): Promise<Archive> {
  await using archive = await openArchive(join(folder, "x.tar.gz"));
  return archive;
}

describe("a part", () => {
  const damages: readonly (readonly [name: string, damage: (folder: string) => Promise<void>, part: number])[] = [
    ...[0, 1, 2].map(
      (number) =>
        [`${number} is cut short`, (folder: string) => truncate(partIn(folder, number), 9000), number] as const,
    ),
    ...[0, 1, 2].map(
      (number) => [`${number} is missing`, (folder: string) => rm(partIn(folder, number)), number] as const,
    ),
    ["0 and another are swapped", (folder) => swap(folder, 0, 1), 0],
    ["2 and another are swapped", (folder) => swap(folder, 1, 2), 1],
    ...[0, 1, 2].map(
      (number) => [`${number} is from another archive`, (folder: string) => replace(folder, number), number] as const,
    ),
  ];

  test.each(damages)("%s", async (_, damage, number) => {
    await using folder = await copied();
    await damage(folder.path);
    const archive = join(folder.path, "x.tar.gz");
    const { error, names } = await load(folder.path);
    expect(error?.code).toBe("INTEGRITY");
    expect(names.length).toBeLessThan(NAMES.length);
    const { findings, damaged, images } = await verify([archive], {});
    expect(findings.filter(({ kind }) => kind === "part").map(({ file }) => file)).toContain(
      partIn(folder.path, number),
    );
    const went = await load(folder.path, true);
    if (images > 0) expect(went.names).toEqual(expect.arrayContaining(NAMES.filter((name) => !damaged.includes(name))));
    const repaired = await repair([archive], { from: await registry(), onWarning: () => {} });
    if (!repaired.isWhole) expect(repaired.copyAgain).toContain(partIn(folder.path, number));
    else expect(await load(folder.path)).toMatchObject({ names: NAMES, error: undefined });
  });

  test("the first images of an archive that lost its last part are loaded", async () => {
    await using folder = await copied();
    await rm(partIn(folder.path, 2));
    expect((await load(folder.path, true)).names.length).toBeGreaterThan(0);
  });

  test("that is left over is found", async () => {
    await using folder = await copied();
    await writeFile(partIn(folder.path, 3), new Uint8Array(PART));
    const { findings } = await verify([join(folder.path, "x.tar.gz")], {});
    expect(findings).toMatchObject([{ kind: "part", file: partIn(folder.path, 3) }]);
    expect(await load(folder.path)).toMatchObject({ names: NAMES, error: undefined });
  });

  test("in another folder is read there", async () => {
    await using folder = await copied();
    const other = join(folder.path, "other");
    await mkdir(other);
    await rename(partIn(folder.path, 1), partIn(other, 1));
    const paths = [partIn(folder.path, 0), partIn(other, 1)];
    expect((await verify(paths, {})).findings).toEqual([]);
    const error = await thrownBy(() => openLoadable([partIn(folder.path, 0)], { onWarning: () => {} }));
    expect(error).toMatchObject({
      code: "INTEGRITY",
      message: expect.stringContaining("part 1 of it cannot be found"),
    });
  });
});

async function swap(folder: string, one: number, other: number): Promise<void> {
  await rename(partIn(folder, one), join(folder, "aside"));
  await rename(partIn(folder, other), partIn(folder, one));
  await rename(join(folder, "aside"), partIn(folder, other));
}

/** By the part of an archive of other images, of the same size where that is known. */
async function replace(folder: string, number: number): Promise<void> {
  await using other = await temporaryFolder();
  const images = Object.fromEntries(
    Object.keys(IMAGES).map((name) => [name, image({ seed: `other ${name}`, size: 60_000 })]),
  );
  await packImages(join(other.path, "x.tar.gz"), images, { partSize: PART });
  await copyFile(partIn(other.path, number), partIn(folder, number));
}
