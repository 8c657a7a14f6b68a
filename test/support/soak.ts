/** Saves and loads of a small list on bad days, with everything checked that came of them. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Event } from "../../src/events.ts";
import { openCache } from "../../src/layout/cache.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { type CopyOptions, copy } from "../../src/operations/copy.ts";
import { openStore } from "../../src/operations/open.ts";
import { save } from "../../src/operations/save.ts";
import { wantedIn } from "../../src/operations/stored.ts";
import type { Summary } from "../../src/operations/summary.ts";
import { openRegistry, type RegistryOptions } from "../../src/registry/registry.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { read } from "../../src/store/read.ts";
import type { Source } from "../../src/store/store.ts";
import { wantedImage } from "./laid.ts";
import { pushTo } from "./push.ts";
import { type BadDay, badDay, type Weather } from "./random-faults.ts";
import { type Artifact, attested, chart, image, layer, multiPlatform } from "./random-image.ts";
import { startRegistry } from "./registry.ts";
import { temporaryFolder } from "./temporary.ts";

/** What became of one run. */
export interface SoakRun {
  readonly kind: "save" | "load";
  readonly seed: number;
  readonly images: number;
  /** Images that are where they should be, each byte of them. */
  readonly arrived: number;
  /** Those that are not, named by the run itself: `name: why`. */
  readonly failed: readonly string[];
  readonly faults: number;
  readonly requests: number;
  /** No thing that was asked for failed as often in a row as it is tried. */
  readonly isWithinBudget: boolean;
  readonly milliseconds: number;
}

const TRIES = 5;
/** Timers a hundredth of their length, and less. */
const SCALED: RegistryOptions = { retry: { attempts: TRIES, delay: 1, maximum: 8 }, stall: 120 };
const shared = layer("soak shared", 90_000);
const LIST: Readonly<Record<string, Artifact>> = {
  one: image({ seed: "soak one", layers: [shared, layer("soak one", 30_000)] }),
  two: image({ seed: "soak two", layers: [shared, layer("soak two", 150_000)], compression: "zstd" }),
  both: multiPlatform(["linux/amd64", "linux/arm64"], { seed: "soak both", size: 20_000, format: "docker" }),
  attested: attested(["linux/amd64"], { seed: "soak attested", size: 50_000 }),
  chart: chart("soak"),
};
const PATHS = Object.keys(LIST).map((name) => `soak/${name}`);

export interface SoakOptions {
  readonly seed: number;
  /** Saves, and as many loads. */
  readonly count: number;
  /** Default: a fifth of the requests fails. */
  readonly weather?: Weather;
  /** Told each run as it ends. */
  readonly onRun: (run: SoakRun) => void;
}

/** Throws for a wrong byte, and for an image that nobody speaks of. */
export async function soak({ seed, count, weather = { share: 0.2 }, onRun }: SoakOptions): Promise<void> {
  await using folder = await temporaryFolder();
  const archive = join(folder.path, "all.tar.gz");
  await saveAll(archive, join(folder.path, "cache"), badDay("calm", { share: 0 }));
  for (let at = 0; at < count; at++) {
    onRun(await soakSave(seed + at, weather));
    onRun(await soakLoad(seed + at, weather, archive));
  }
}

async function soakSave(seed: number, weather: Weather): Promise<SoakRun> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "out.tar.gz");
  const cache = join(folder.path, "cache");
  const day = badDay(`save ${seed}`, weather);
  const started = performance.now();
  const result = await saveAll(path, cache, day);
  const run = report("save", seed, day, result, started);
  await checkBlobs(join(cache, "share", "sha256"));
  if (result.done.size > 0) {
    await using store = await openStore(path);
    for (const name of result.done) await checkImage(store.repository(`docker.io/${name}`), LIST[name.slice(5)]!);
  }
  return run;
}

async function soakLoad(seed: number, weather: Weather, archive: string): Promise<SoakRun> {
  const day = badDay(`load ${seed}`, weather);
  const started = performance.now();
  const kept = memoryStore();
  await using store = await openStore(archive);
  await using server = await startRegistry(kept, day);
  const target = openRegistry(server.host, SCALED);
  const wanted = await wantedIn(store, (name) => target.repository(name.replace("docker.io/", "")));
  const result = await watched((options) => copy(wanted, options));
  const run = report("load", seed, day, result, started);
  for (const name of PATHS) {
    const repository = kept.repository(name);
    const artifact = LIST[name.slice(5)]!;
    if (result.done.has(name)) await checkImage(repository, artifact);
    // What half an image left behind is not wrong either.
    for (const { descriptor } of [...artifact.blobs, ...artifact.manifests])
      if (await repository.has(descriptor)) await checkBytes(repository, descriptor);
  }
  return run;
}

/** Saves the whole list from a registry that has such a day. */
async function saveAll(path: string, cacheFolder: string, day: BadDay): Promise<Watched> {
  const kept = memoryStore();
  for (const [name, artifact] of Object.entries(LIST)) await pushTo(kept.repository(`soak/${name}`), artifact, "v1");
  await using server = await startRegistry(kept, day);
  await using cache = await openCache(cacheFolder);
  const source = openRegistry(server.host, SCALED);
  const wanted = PATHS.map((name, at) => wantedImage(at + 1, source.repository(name), cache.repository(""), "v1"));
  const target = { cache, archive: { path, format: "gzip" } } as const;
  return await watched((options) => save(wanted, target, { ...options, savedTime: new Date(0) }));
}

interface Watched {
  readonly summary: Summary;
  /** Paths of images. */
  readonly done: ReadonlySet<string>;
  readonly failed: readonly string[];
}

async function watched(work: (options: CopyOptions) => Promise<Summary>): Promise<Watched> {
  const done = new Set<string>();
  const failed: string[] = [];
  function onEvent(event: Event): void {
    if (event.type !== "image") return;
    if (event.result === "done") done.add(event.image.name.replace(/^docker\.io\/(.*):v1$/, "$1"));
    else failed.push(`${event.image.name}: ${event.error?.message ?? event.result}`);
  }
  const summary = await work({ selection: EVERYTHING, strict: false, jobs: 4, onEvent });
  if (summary.done !== done.size || summary.failed !== failed.length || done.size + failed.length !== PATHS.length)
    throw new Error(`${JSON.stringify(summary)} does not speak of ${PATHS.length} images`);
  return { summary, done, failed };
}

function report(
  kind: SoakRun["kind"],
  seed: number,
  { faults, requests, longest }: BadDay,
  { done, failed }: Watched,
  started: number,
): SoakRun {
  const milliseconds = Math.round(performance.now() - started);
  const isWithinBudget = longest < TRIES;
  return {
    kind,
    seed,
    images: PATHS.length,
    arrived: done.size,
    failed,
    faults,
    requests,
    isWithinBudget,
    milliseconds,
  };
}

/** The image is there under its tag, with everything that it needs, byte for byte. */
async function checkImage(repository: Source, { root, manifests, blobs }: Artifact): Promise<void> {
  const found = await repository.resolve("v1");
  if (found?.digest !== root.digest)
    throw new Error(`${repository.place.path} is ${found?.digest}, not ${root.digest}`);
  for (const { descriptor } of [...blobs, ...manifests]) await checkBytes(repository, descriptor);
}

async function checkBytes(repository: Source, descriptor: Descriptor): Promise<void> {
  for await (const _ of read(repository.get(descriptor)));
}

/** Files that have a digest for a name have those bytes. */
async function checkBlobs(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const bytes = new Uint8Array(await readFile(join(folder, name)));
    if (digestOf(bytes) !== `sha256:${name}`) throw new Error(`${name} has other bytes`);
  }
}
