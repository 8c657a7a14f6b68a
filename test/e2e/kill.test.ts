/**
 * `kill -9` in the middle: nothing looks finished that is not, and the next run ends with the same bytes as if nothing had
 * happened. What may stay of the killed run until then are names with a dot in front, and `.partial` and `.lock` in the
 * cache. `DRAY_KILLS=100 bun test test/e2e/kill.test.ts` kills a save 100 times instead of 20, and the others more often too.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cp, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { digestOf } from "../../src/oci/digest.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import {
  atStart,
  type CountingRegistry,
  type Counts,
  everything,
  imagesAt,
  killAt,
  measure,
  startCountingRegistry,
  type Trial,
  undisturbed,
} from "../support/killed.ts";
import { type Kind, momentsOf } from "../support/moments.ts";
import { pushTo } from "../support/push.ts";
import { attested, chart, image, layer, multiPlatform } from "../support/random-image.ts";
import { errorOf } from "../support/thrown.ts";

setDefaultTimeout(60_000);

const KILLS = Number(process.env.DRAY_KILLS ?? 20);
const LOCAL: readonly Kind[] = ["last calls", "calls"];
const ALL: readonly Kind[] = [...LOCAL, "requests", "served"];

const shared = layer("kill shared", 400_000);
const IMAGES = {
  small: image({ seed: "kill small", size: 30_000 }),
  one: image({ seed: "kill one", layers: [shared, layer("kill one", 700_000)] }),
  two: multiPlatform(["linux/amd64", "linux/arm64"], { seed: "kill two", size: 300_000, compression: "zstd" }),
  plain: image({ seed: "kill plain", layers: [shared, layer("kill plain", 500_000, "none")] }),
  attested: attested(["linux/amd64"], { seed: "kill attested", size: 100_000 }),
  chart: chart("kill"),
};

let registry: CountingRegistry;
let before: Workplace;
const lines = (...names: string[]): string => names.map((name) => `${registry.host}/test/${name}:v1\n`).join("");

beforeAll(async () => {
  registry = await startCountingRegistry();
  before = await openWorkplace();
  for (const [name, artifact] of Object.entries(IMAGES))
    await pushTo(registry.store.repository(`test/${name}`), artifact, "v1");
});

afterAll(async () => {
  await before[Symbol.asyncDispose]();
  await registry.close();
});

interface Matter {
  readonly name: string;
  /** How often it is killed. */
  readonly kills: number;
  readonly kinds: readonly Kind[];
  /** What it leaves, which is the older one or the newer one whenever one looks. */
  readonly result: string;
  /** What is there before: runs with these arguments, over these images. */
  readonly prepare: readonly (readonly [args: readonly string[], ...names: string[]])[];
  readonly args: readonly string[];
  readonly names?: readonly string[];
}

const SAVED = Object.keys(IMAGES).filter((name) => name !== "small");
const RENAMING: readonly Kind[] = ["renames", ...ALL];
const once = Math.ceil(KILLS / 20);

const MATTERS: readonly Matter[] = [
  {
    name: "save",
    kills: KILLS,
    kinds: ALL,
    result: "saved-images.tar.gz",
    prepare: [[["save"], "small"]],
    args: ["save"],
    names: SAVED,
  },
  {
    name: "save in parts",
    kills: once * RENAMING.length,
    kinds: RENAMING,
    result: "saved-images.tar.zstd",
    prepare: [[["save", "-c", "zstd", "--part-size", "64k"], "small", "chart"]],
    args: ["save", "-c", "zstd", "--part-size", "1M"],
    names: SAVED,
  },
  {
    name: "save to a folder",
    kills: once * RENAMING.length,
    kinds: RENAMING,
    result: "saved-images",
    prepare: [[["save", "-c", "dir"], "small"]],
    args: ["save", "-c", "dir"],
    names: SAVED,
  },
  {
    name: "sync",
    kills: once * ALL.length,
    kinds: ALL,
    result: "saved-image-cache",
    prepare: [[["sync", "-d", "saved-image-cache"], "small"]],
    args: ["sync", "-d", "saved-image-cache"],
    names: SAVED,
  },
  {
    name: "compress",
    kills: 2 * once * LOCAL.length,
    kinds: LOCAL,
    result: "saved-images.tar.gz",
    prepare: [
      [["save"], "small"],
      [["sync", "-d", "saved-image-cache"], ...SAVED],
    ],
    args: ["compress"],
  },
  {
    name: "decompress",
    kills: 2 * once * LOCAL.length,
    kinds: LOCAL,
    result: "saved-images",
    prepare: [
      [["save", "-c", "dir"], "small"],
      [["save", "-d", "all.tar.gz", "--cache-dir", "other"], ...SAVED],
    ],
    args: ["decompress", "-f", "all.tar.gz", "-d", "saved-images"],
  },
  {
    name: "sync of an archive",
    kills: once * LOCAL.length,
    kinds: LOCAL,
    result: "saved-image-cache",
    prepare: [
      [["sync", "-d", "saved-image-cache"], "small"],
      [["save", "-d", "all.tar.gz", "--cache-dir", "other"], ...SAVED],
    ],
    args: ["sync", "-s", "all.tar.gz", "-d", "saved-image-cache"],
  },
];

describe.each([...MATTERS])("$name", ({ name, kills, kinds, result, prepare, args, names = [] }) => {
  let trial: Trial;
  let counts: Counts;
  let older: readonly string[] | undefined;
  let newer: readonly string[] | undefined;
  let whole: Readonly<Record<string, string>>;

  beforeAll(async () => {
    await using place = await openWorkplace();
    for (const [args, ...names] of prepare)
      expect(await undisturbed({ args, input: lines(...names), before: "" }, place)).toMatchObject({ code: 0 });
    older = await imagesAt(place.file(result));
    const folder = join(before.path, name);
    await cp(place.path, folder, { recursive: true, verbatimSymlinks: true });
    trial = { args, input: lines(...names), before: folder };
    await using other = await atStart(trial);
    expect(await undisturbed(trial, other)).toMatchObject({ code: 0 });
    newer = await imagesAt(other.file(result));
    expect([older, newer].map((images) => (images ?? []).length > 0)).toEqual([true, true]);
    expect(newer).not.toEqual(older);
    whole = await everything(other.path);
    await using last = await atStart(trial);
    counts = await measure(trial, last, registry);
    expect(await everything(last.path)).toEqual(whole);
  });

  test.each([...momentsOf(name, kinds, kills)])("killed at $percent % of its $kind", async (moment) => {
    await using place = await atStart(trial);
    const ended = await killAt(trial, place, registry, moment, counts);
    expect(ended.code, ended.stderr).toBe(-1);
    if (await isMixed(place.path, result))
      expect(await errorOf(() => imagesAt(place.file(result)))).toStartWith("INTEGRITY: ");
    else await checkResult(place.file(result), older, newer);
    await checkCache(place.file("saved-image-cache"));
    const names = (await readdir(place.path)).filter((one) => !one.startsWith(".") && one !== "saved-image-cache");
    expect(names.filter((one) => !(one in whole))).toEqual([]);
    expect(await undisturbed(trial, place)).toMatchObject({ code: 0 });
    expect(await everything(place.path)).toEqual(whole);
  });
});

/** Parts cannot take the place of others at once: in between, there are some of both, which nobody may take for an archive. */
async function isMixed(folder: string, result: string): Promise<boolean> {
  const names = await readdir(folder);
  const unfinished = names.filter((name) => name.startsWith(`.${result}.part`));
  return unfinished.length > 0 && !unfinished.includes(`.${result}.part0.incomplete`);
}

async function checkResult(
  path: string,
  older: readonly string[] | undefined,
  newer: readonly string[] | undefined,
): Promise<void> {
  // A folder cannot take the place of another at once: in between, the older one is beside it, and the next run puts it back.
  const found = (await imagesAt(path)) ?? (await imagesAt(join(dirname(path), `.${basename(path)}.old`)));
  if (JSON.stringify(found) !== JSON.stringify(older)) expect(found).toEqual(newer);
}

/** What its list names is whole; what has a digest for a name has those bytes. */
async function checkCache(folder: string): Promise<void> {
  for (const algorithm of await readdir(join(folder, "share")).catch(() => []))
    for (const hex of await readdir(join(folder, "share", algorithm)))
      expect(digestOf(await Bun.file(join(folder, "share", algorithm, hex)).bytes())).toBe(
        `${algorithm}:${hex}` as never,
      );
  if (await Bun.file(join(folder, "saved-images-list.json")).exists()) await imagesAt(folder);
}
