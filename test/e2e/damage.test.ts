/** Every kind of damage to an archive in three parts: found before anything wrong is anywhere, told where it is, mended. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Format } from "../../src/archive/format.ts";
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
import { damages } from "../support/damages.ts";
import {
  archiveIn,
  flipBit,
  IMAGES,
  NAMES,
  openParted,
  PART,
  type PartedArchive,
  partIn,
  replacePart,
} from "../support/parted-archive.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, randomNumbers } from "../support/random-image.ts";
import { thrownBy } from "../support/thrown.ts";

setDefaultTimeout(60_000);

/** With how many random bits are flipped in it. */
const FORMATS: readonly (readonly [format: Format, bits: number])[] = [
  ["gzip", 200],
  ["zstd", 50],
  ["tar", 50],
];

let whole: PartedArchive;

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
    await using source = await openLoadable([archiveIn(folder)], { holes: keepGoing, onWarning: () => {} });
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

async function registry(): Promise<(name: string) => Sink> {
  const store = memoryStore();
  for (const [name, artifact] of Object.entries(IMAGES))
    await pushTo(store.repository(parseName(name.replace(/:\d$/, "")).repository), artifact, "x");
  return (name) => store.repository(parseName(name).repository);
}

/** What a bit did, for the sum at the end. */
type Outcome = "stopped" | "means nothing";

/** The part, the place in it, and the images. */
function expectTold({ error, failed }: Loaded, { findings, damaged }: Verdict): void {
  const content = findings.find(({ kind }) => kind === "content");
  if (!content) return;
  expect(error!.message).toContain(`"${content.file}" at byte `);
  expect(failed).toEqual([...damaged].sort());
}

async function archiveOf(folder: string): Promise<Archive> {
  await using archive = await openArchive(archiveIn(folder));
  return archive;
}

/** Of each part; undefined where that is missing. */
async function bytesOf(folder: string): Promise<readonly (Uint8Array | undefined)[]> {
  return Promise.all([0, 1, 2].map((number) => readFile(partIn(folder, number)).catch(() => undefined)));
}

describe.each(FORMATS)("%s", (format, bits) => {
  beforeAll(async () => {
    whole = await openParted(format);
  });
  afterAll(() => whole[Symbol.asyncDispose]());

  test("the archive has three parts, and nothing is wrong with it", async () => {
    expect(whole.sizes.map((size) => size === PART)).toEqual([true, true, false]);
    expect(await verify([archiveIn(whole.path)], {})).toEqual({
      findings: [],
      images: 4,
      damaged: [],
      hasChecksums: true,
    });
    expect(await load(whole.path)).toEqual({ names: NAMES, failed: [], error: undefined });
  });

  describe("a flipped bit", () => {
    test(`at any of ${bits} places is found, told, and mended or left to be copied again`, async () => {
      await using folder = await whole.copied();
      const archive = archiveIn(folder.path);
      const random = randomNumbers("bits");
      const from = await registry();
      const outcomes: Outcome[] = [];
      let mended = 0;
      for (let round = 0; round < bits; round++) {
        const total = whole.sizes.reduce((sum, size) => sum + size, 0);
        const bit = random(total * 8);
        const number = Math.min(2, Math.floor(bit / 8 / PART));
        const path = partIn(folder.path, number);
        await flipBit(path, bit - number * PART * 8);
        const loaded = await load(folder.path);
        const { error, names } = loaded;
        if (error) expect(error.code).toBe("INTEGRITY");
        else expect(names).toEqual(NAMES);
        outcomes.push(error ? "stopped" : "means nothing");
        const verdict = await verify([archive], {});
        expect(verdict.findings[0]).toMatchObject({ kind: "part", file: path });
        if (error) expectTold(loaded, verdict);
        const went = await load(folder.path, true);
        const undamaged = NAMES.filter((name) => !verdict.damaged.includes(name));
        if (!error || verdict.images > 0) expect(went.names).toEqual(error ? undamaged : NAMES);
        else expect(went.names.length + went.failed.length).toBe(went.error ? 0 : NAMES.length);
        const repaired = await repair([archive], { from, onWarning: () => {} });
        if (repaired.isWhole) mended++;
        else expect(repaired.copyAgain).toContain(path);
        if (repaired.isWhole && error) expect(await whole.isOriginal(folder.path)).toBe(true);
        await whole.restore(folder.path, number);
      }
      expect(outcomes.filter((one) => one === "stopped").length).toBeGreaterThan(0.75 * bits);
      expect(mended).toBeGreaterThan(0.9 * bits);
    }, 240_000);
  });

  test("images of an archive whose list is damaged are loaded by the index beside it", async () => {
    await using folder = await whole.copied();
    const { entries } = await archiveOf(whole.path);
    const list = entries.find((entry) => entry.path.endsWith("/saved-images-list.json"))!;
    await flipBit(partIn(folder.path, 0), (list.offset + list.length / 2) * 8);
    expect((await load(folder.path)).error?.message).toContain(`"${list.path}" in "${partIn(folder.path, 0)}" at byte`);
    expect((await load(folder.path, true)).names).toEqual(NAMES);
    const { findings, damaged } = await verify([archiveIn(folder.path)], {});
    expect(findings.at(-1)).toMatchObject({ kind: "structure", entry: list.path, file: partIn(folder.path, 0) });
    expect([...damaged].sort()).toEqual([...NAMES]);
  });

  test("manifests, configs and documents are mended too", async () => {
    await using folder = await whole.copied();
    const { entries } = await archiveOf(whole.path);
    const { root, blobs } = IMAGES["docker.io/team/one:1"]!;
    const ends = [root.digest.slice(7), blobs[0]!.descriptor.digest.slice(7), "/index.json", "/oci-layout"];
    const damaged = ends.map((end) => entries.findLast(({ path }) => path.endsWith(end))!);
    for (const { offset, length } of damaged)
      await flipBit(partIn(folder.path, 0), (offset + Math.floor(length / 2)) * 8);
    const repaired = await repair([archiveIn(folder.path)], { from: await registry(), onWarning: () => {} });
    expect(repaired.mended.map(({ entry }) => entry).sort()).toEqual(damaged.map(({ path }) => path).sort());
    expect(repaired).toMatchObject({ isWhole: true, copyAgain: [] });
    expect(await whole.isOriginal(folder.path)).toBe(true);
  });

  describe("a part", () => {
    test.each(damages(format))("$name", async ({ damage, parts, ...expected }) => {
      await using folder = await whole.copied();
      await damage(folder.path);
      const archive = archiveIn(folder.path);
      const wrong = parts.map((number) => partIn(folder.path, number));
      const { error, names, failed } = await load(folder.path);
      expect(error?.code).toBe("INTEGRITY");
      const { findings, damaged, images } = await verify([archive], {});
      const inParts = findings.flatMap(({ kind, file }) => (kind === "part" ? [file] : []));
      expect(inParts).toEqual(wrong);
      expect(images).toBe(expected.isListed ? NAMES.length : 0);
      const undamaged = NAMES.filter((name) => !damaged.includes(name));
      // Nothing is begun where an archive cannot be opened; else it is told of all images that need what stopped the run.
      expect(undamaged).toEqual(expect.arrayContaining([...names]));
      const stopper = findings.find(({ entry }) => entry && error!.message.includes(entry));
      expect(failed).toEqual([...(stopper?.images ?? [])].sort());
      const went = await load(folder.path, true);
      expect(went.error?.code).toBe(expected.keeps === "nothing" ? "INTEGRITY" : undefined);
      if (expected.keeps === "undamaged") expect(went.names).toEqual(undamaged);
      else expect(went.names.length).toBeLessThan(expected.keeps === "nothing" ? 1 : NAMES.length);
      if (!went.error) expect([...went.names, ...went.failed].sort()).toEqual([...NAMES]);
      const before = await bytesOf(folder.path);
      const repaired = await repair([archive], { from: await registry(), onWarning: () => {} });
      expect(repaired).toMatchObject({ isWhole: expected.isMended, copyAgain: expected.isMended ? [] : wrong });
      if (expected.isMended) expect(await whole.isOriginal(folder.path)).toBe(true);
      // What was right stays as it is.
      const after = await bytesOf(folder.path);
      for (const number of [0, 1, 2]) if (!parts.includes(number)) expect(after[number]).toEqual(before[number]);
    });

    test.each([true, false])(
      "0 of another archive gives none of its images where no index is left (checksums: %p)",
      async (isKnown) => {
        await using folder = await whole.copied();
        await replacePart(folder.path, 0, format);
        await rm(partIn(folder.path, 2));
        if (!isKnown) await rm(`${archiveIn(folder.path)}.sha256`);
        const { error, names } = await load(folder.path, true);
        expect({ code: error?.code, names }).toEqual({ code: "INTEGRITY", names: [] });
      },
    );

    test("the first images of an archive that lost its last part are loaded", async () => {
      await using folder = await whole.copied();
      await rm(partIn(folder.path, 2));
      const { names, failed } = await load(folder.path, true);
      expect(names.length).toBeGreaterThan(0);
      expect([...names, ...failed].sort()).toEqual([...NAMES]);
    });

    test("that is left over is found", async () => {
      await using folder = await whole.copied();
      await writeFile(partIn(folder.path, 3), new Uint8Array(PART));
      const { findings } = await verify([archiveIn(folder.path)], {});
      expect(findings).toMatchObject([{ kind: "part", file: partIn(folder.path, 3) }]);
      expect(await load(folder.path)).toMatchObject({ names: NAMES, error: undefined });
    });

    test("in another folder is read there", async () => {
      await using folder = await whole.copied();
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
});
