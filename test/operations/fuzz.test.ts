/** Archives with random damage: whatever they hold, they open, or are refused with one of our errors, and nothing hangs. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Format } from "../../src/archive/format.ts";
import { type ByteStream, type Bytes, concat, decode, encode } from "../../src/bytes/stream.ts";
import { AppError } from "../../src/errors.ts";
import type { Event } from "../../src/events.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { copy } from "../../src/operations/copy.ts";
import { openStore } from "../../src/operations/open.ts";
import { type Loadable, openPipe } from "../../src/operations/pipe.ts";
import { repair } from "../../src/operations/repair.ts";
import { wantedIn } from "../../src/operations/stored.ts";
import { verify } from "../../src/operations/verify.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Sink, Store } from "../../src/store/store.ts";
import { dockerFiles, hangarFiles, hangarZipFiles, imageToolsFiles, ociFiles } from "../support/foreign-layouts.ts";
import type { Files } from "../support/memory-tree.ts";
import { packImages } from "../support/packed-archive.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, image, index, multiPlatform, randomNumbers, referrer } from "../support/random-image.ts";
import { pax, rawTar } from "../support/raw-tar.ts";
import { rawZip } from "../support/raw-zip.ts";
import { inLines, reindexed } from "../support/reindexed.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";

const CASES = Number(process.env.DRAY_FUZZ_CASES ?? 5000);

const oci = multiPlatform(["linux/amd64", "linux/arm/v7"], { layers: 1, size: 60 });
const docker = multiPlatform(["linux/amd64", "windows/amd64"], { layers: 1, size: 60, format: "docker" });
const plain = image({ layers: 2, size: 60, compression: "none", format: "docker" });
const signed = referrer(oci.root);
const named = (artifact: typeof oci, name = "docker.io/a/b") => [{ name, tag: "1", artifact }];

const LAYOUTS: readonly Files[] = [
  ociFiles([
    ...named(oci),
    ...named(index([oci, docker]), "docker.io/a/nested"),
    ...named(signed, "docker.io/a/signed"),
  ]),
  ociFiles(named(oci), () => ({ "org.opencontainers.image.ref.name": "1" })),
  hangarFiles(named(oci)),
  imageToolsFiles(named(docker)),
  hangarZipFiles(named(docker)),
  dockerFiles(named(plain)),
];

type Random = (below: number) => number;
type Case = (random: Random) => Bytes | Promise<Bytes>;

/** Archives whose bytes are damaged. */
const CONTAINERS: readonly Case[] = [
  (random) => damaged(tarOf(pick(LAYOUTS, random)), random),
  (random) => damaged(zipOf(pick(LAYOUTS, random), random), random),
  (random) => damaged(new Uint8Array(gzipSync(tarOf(pick(LAYOUTS, random)))), random),
  (random) => damaged(new Uint8Array(zstdCompressSync(tarOf(pick(LAYOUTS, random)))), random),
  (random) => new Uint8Array(gzipSync(damaged(tarOf(pick(LAYOUTS, random)), random))),
  (random) => damaged(pick(own, random).bytes, random),
  lyingIndex,
];

const PACKED: Readonly<Record<string, Artifact>> = {
  "docker.io/a/b:1": oci,
  "docker.io/a/c:1": docker,
  "quay.io/d:1": plain,
};

/** Archives of ours. */
let own: readonly { readonly format: Format; readonly bytes: Bytes }[];

/** One whose index says something else, and whose footer says that this is right. */
function lyingIndex(random: Random): Promise<Bytes> {
  const { format, bytes } = pick(own, random);
  return reindexed(format, bytes, (index) => {
    if (random(4) === 0) return damaged(encode(inLines(index)), random);
    const at = random(index.entries.length);
    if (random(4) === 0) return changed(index, random);
    const numbers = [-1, 1, 511, 512, -512, 2 ** 32].map((by) => (value: unknown) => Number(value) + by);
    const entry = index.entries[at]!;
    const field = pick(Object.keys(entry), random);
    entry[field] = typeof entry[field] === "number" ? pick(numbers, random)(entry[field]) : changed(entry, random);
    return undefined;
  });
}

const DOCUMENT = /(?:\.json|^[0-9a-f]{14}\/manifest\.json)$/;

/** A whole tar, of which one document says something else. */
function lying(random: Random): Bytes {
  const files = { ...pick(LAYOUTS, random) };
  const path = pick(
    Object.keys(files).filter((one) => DOCUMENT.test(one)),
    random,
  );
  const text = decode(bytesOf(files[path]!));
  files[path] = random(3) === 0 ? damaged(encode(text), random) : JSON.stringify(changed(JSON.parse(text), random));
  return tarOf(files);
}

const ODD: readonly unknown[] = [
  null,
  -1,
  0,
  1e300,
  2 ** 53,
  0.5,
  "",
  "../../x",
  "a\0b",
  "sha256:",
  `sha256:${"a".repeat(64)}`,
  "x".repeat(5000),
  [],
  {},
  [null],
  true,
  "__proto__",
  "v1.1.0",
  "1.0.0",
];

/** JSON with one value in it replaced, dropped or repeated. */
function changed(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random(6) === 0) return pick(ODD, random);
  if (Array.isArray(value)) {
    const at = random(value.length + 1);
    if (at === value.length) return [...value, ...value, pick(ODD, random)];
    return random(4) === 0 ? value.toSpliced(at, 1) : value.with(at, changed(value[at], random));
  }
  const keys = Object.keys(value);
  const key = pick([...keys, "manifests", "layers"], random);
  const { [key]: one, ...rest } = value as Record<string, unknown>;
  return random(5) === 0 ? rest : { ...value, [key]: changed(one, random) };
}

/** One to four places of it are others, gone, or there twice. */
function damaged(bytes: Bytes, random: Random): Bytes {
  let result = bytes.slice();
  for (let left = 1 + random(4); left > 0 && result.length > 0; left--) {
    const at = random(result.length);
    const length = 1 + random(random(3) === 0 ? 600 : 8);
    const kind = random(7);
    if (kind === 0) result[at]! ^= 1 << random(8);
    else if (kind === 1) result[at] = random(256);
    else if (kind === 2) result.fill(pick([0, 0xff, 0x30, 0x37, 0x80], random), at, at + length);
    else if (kind === 3) result = concat([result.slice(0, at), result.slice(at + length)]);
    else if (kind === 4) result = concat([result.slice(0, at + length), result.slice(at)]);
    else if (kind === 5) result.copyWithin(random(result.length), at, at + length);
    else result = result.slice(0, random(5) === 0 ? at : result.length);
  }
  return result;
}

function tarOf(files: Files): Bytes {
  return rawTar(
    ...Object.entries(files).flatMap(([path, content], at) => [
      ...(at % 5 === 0 ? [pax({ path: `./${path}` })] : []),
      { name: `./${path}`, content },
    ]),
  );
}

function zipOf(files: Files, random: Random): Bytes {
  const isLong = random(2) === 0;
  const method = random(2) * 8;
  return rawZip(
    Object.entries(files).map(([name, content]) => ({ name, content, isLong, method })),
    { isLong },
  );
}

function bytesOf(content: Bytes | string): Bytes {
  return typeof content === "string" ? encode(content) : content;
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[random(items.length)]!;
}

let folder: TemporaryFolder;
let originals: Store<Sink>;
beforeAll(async () => {
  folder = await temporaryFolder();
  const kinds = [{ format: "gzip" }, { format: "zstd" }, { format: "tar" }, { format: "tar", layout: "oci" }] as const;
  own = await Promise.all(
    kinds.map(async (kind, at) => {
      const path = join(folder.path, `own${at}`);
      await packImages(path, PACKED, kind);
      return { format: kind.format, bytes: new Uint8Array(await readFile(path)) };
    }),
  );
  originals = memoryStore();
  for (const artifact of Object.values(PACKED)) await pushTo(originals.repository("all"), artifact);
});
afterAll(() => folder[Symbol.asyncDispose]());

type Result = "refused" | "failed" | "done";

/** The ways into an archive at a path; each says whether all was well, or throws, or tells the errors of images. */
type Way = (path: string, errors: unknown[]) => Promise<boolean>;

const WAYS: Readonly<Record<string, Way>> = {
  async file(path, errors) {
    await using store = await openStore(path, { spoolFolder: folder.path });
    return await copied({ store, copy, async [Symbol.asyncDispose]() {} }, errors);
  },
  async pipe(path, errors) {
    await using piped = await openPipe(chunksOf([new Uint8Array(await readFile(path))]), {
      name: "the pipe",
      spoolFolder: folder.path,
    });
    return await copied(piped, errors);
  },
  async verify(path) {
    return (await verify([path], { spoolFolder: folder.path })).findings.length === 0;
  },
  async repair(path) {
    const from = (): Sink => originals.repository("all");
    return (await repair([path], { from, spoolFolder: folder.path, onWarning: () => {} })).isWhole;
  },
};

async function* chunksOf(chunks: readonly Bytes[]): ByteStream {
  yield* chunks;
}

async function copied({ store, copy }: Loadable, errors: unknown[]): Promise<boolean> {
  await using registry = memoryStore();
  const wanted = await wantedIn(store, (name) => registry.repository(name));
  const onEvent = (event: Event): void => {
    if (event.type === "image" && event.error) errors.push(event.error);
  };
  await copy(wanted, { selection: EVERYTHING, strict: false, jobs: 2, onEvent });
  return errors.length === 0;
}

/** What is no error of ours, if anything; and whether all images came through. */
async function outcome(bytes: Bytes, way: Way = WAYS.file!): Promise<{ bug?: unknown; result: Result }> {
  const path = join(folder.path, "x");
  await writeFile(path, bytes);
  const errors: unknown[] = [];
  try {
    const isWell = await way(path, errors);
    return { bug: errors.map(bugIn).find(Boolean), result: isWell ? "done" : "failed" };
  } catch (error) {
    return { bug: bugIn(error), result: "refused" };
  }
}

/** An error that is not one of ours, or was made one of ours only because nobody expected it. */
function bugIn(error: unknown): unknown {
  if (!(error instanceof AppError)) return error;
  return error.code === "NETWORK" || (error.code === "STORAGE" && error.cause instanceof TypeError)
    ? (error.cause ?? error)
    : undefined;
}

test("undamaged, all of them come through", async () => {
  for (const files of LAYOUTS)
    for (const bytes of [tarOf(files), zipOf(files, () => 1), new Uint8Array(gzipSync(tarOf(files)))])
      for (const way of Object.values(WAYS))
        expect(await outcome(bytes, way)).toEqual({ bug: undefined, result: "done" });
  for (const { format, bytes } of own)
    for (const whole of [bytes, await reindexed(format, bytes, () => {})])
      for (const way of Object.values(WAYS))
        expect(await outcome(whole, way)).toEqual({ bug: undefined, result: "done" });
});

test(
  `${CASES} damaged archives and lying documents are refused, or read`,
  async () => {
    const results = new Map(Object.keys(WAYS).map((way) => [way, { refused: 0, failed: 0, done: 0 }]));
    for (let number = 0; number < CASES; number++) {
      const random = randomNumbers(`fuzz ${number}`);
      const bytes = await (number % 2 === 0 ? lying : CONTAINERS[(number >> 1) % CONTAINERS.length]!)(random);
      const [name, way] = pick(Object.entries(WAYS), random);
      const { bug, result } = await outcome(bytes, way);
      if (bug !== undefined) throw new Error(`case ${number}, by ${name}, ends with a strange error`, { cause: bug });
      results.get(name)![result]++;
    }
    for (const counts of results.values())
      for (const count of Object.values(counts)) expect(count).toBeGreaterThan(CASES / 200);
  },
  CASES * 40 + 5000,
);
