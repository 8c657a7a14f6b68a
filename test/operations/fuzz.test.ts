/** Archives with random damage: whatever they hold, they open, or are refused with one of our errors, and nothing hangs. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type Bytes, concat, decode, encode } from "../../src/bytes/stream.ts";
import { AppError } from "../../src/errors.ts";
import type { Event } from "../../src/events.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { copy } from "../../src/operations/copy.ts";
import { openStore } from "../../src/operations/open.ts";
import { wantedIn } from "../../src/operations/stored.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { archiveOf, fileEntry } from "../support/archive-entries.ts";
import { dockerFiles, hangarFiles, hangarZipFiles, imageToolsFiles, ociFiles } from "../support/foreign-layouts.ts";
import type { Files } from "../support/memory-tree.ts";
import { image, index, multiPlatform, randomNumbers, referrer } from "../support/random-image.ts";
import { pax, rawTar } from "../support/raw-tar.ts";
import { rawZip } from "../support/raw-zip.ts";
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
  async (random) => damaged(await pick(OWN, random), random),
];

/** Archives of ours, of the smallest sort. */
const OWN = (["gzip", "zstd", "tar"] as const).map((format) =>
  archiveOf(
    Object.entries(LAYOUTS[2]!).map(([path, content]) => fileEntry(`saved-image-cache/${path}`, bytesOf(content))),
    { format },
  ),
);

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
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

/** What is no error of ours, if anything; and whether all images came through. */
async function outcome(bytes: Bytes): Promise<{ bug?: unknown; result: "refused" | "failed" | "done" }> {
  const path = join(folder.path, "x");
  await writeFile(path, bytes);
  const errors: unknown[] = [];
  try {
    await using store = await openStore(path, { spoolFolder: folder.path });
    await using registry = memoryStore();
    const wanted = await wantedIn(store, (name) => registry.repository(name));
    const onEvent = (event: Event): void => {
      if (event.type === "image" && event.error) errors.push(event.error);
    };
    await copy(wanted, { selection: EVERYTHING, strict: false, jobs: 2, onEvent });
  } catch (error) {
    return { bug: bugIn(error), result: "refused" };
  }
  return { bug: errors.map(bugIn).find(Boolean), result: errors.length > 0 ? "failed" : "done" };
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
      expect(await outcome(bytes)).toEqual({ bug: undefined, result: "done" });
  for (const bytes of OWN) expect(await outcome(await bytes)).toEqual({ bug: undefined, result: "done" });
});

test(
  `${CASES} damaged archives and lying documents are refused, or read`,
  async () => {
    const results = { refused: 0, failed: 0, done: 0 };
    for (let number = 0; number < CASES; number++) {
      const random = randomNumbers(`fuzz ${number}`);
      const bytes = await (number % 2 === 0 ? lying : CONTAINERS[(number >> 1) % CONTAINERS.length]!)(random);
      const { bug, result } = await outcome(bytes);
      if (bug !== undefined) throw new Error(`case ${number} ends with an error that is not ours`, { cause: bug });
      results[result]++;
    }
    for (const count of Object.values(results)) expect(count).toBeGreaterThan(CASES / 50);
  },
  CASES * 40 + 5000,
);
