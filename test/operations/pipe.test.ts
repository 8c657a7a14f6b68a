/** Archives out of a pipe: read in one pass, spooled where they must be, never named before their end. */
import { describe, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openArchive } from "../../src/archive/reader.ts";
import { type Entry, writeArchive } from "../../src/archive/writer.ts";
import type { ByteStream, Bytes } from "../../src/bytes/stream.ts";
import type { Event } from "../../src/events.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { choiceOf, chosenIn } from "../../src/operations/chosen.ts";
import { openPipe } from "../../src/operations/pipe.ts";
import { wantedIn } from "../../src/operations/stored.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Sink, Store } from "../../src/store/store.ts";
import { fileEntry, memoryOutput, noise } from "../support/archive-entries.ts";
import { type PackOptions, packImages } from "../support/packed-archive.ts";
import { attested, image, layer, multiPlatform } from "../support/random-image.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";

const shared = layer("shared", 1_500_000);
const IMAGES = {
  "docker.io/team/one:1": image({ seed: "one", layers: [shared, layer("small", 3000)] }),
  "quay.io/team/two:2": multiPlatform(["linux/amd64", "linux/arm64"], { seed: "two", size: 1_200_000 }),
  "quay.io/other/three:3": image({ seed: "three", layers: [shared, layer("more", 1_100_000)] }),
  "quay.io/other/four:4": attested(["linux/amd64"], { seed: "four" }),
};

async function* inChunks(bytes: Bytes, size = 60_000): ByteStream {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

interface Loaded {
  readonly store: Store<Sink>;
  readonly events: readonly Event[];
  /** What load() threw. */
  readonly error: string | undefined;
}

async function load(bytes: Bytes, options: { stopAtDamage?: boolean; lend?: boolean } = {}): Promise<Loaded> {
  const { stopAtDamage = true, lend = true } = options;
  const store = memoryStore();
  const events: Event[] = [];
  const work = async () => {
    await using pipe = await openPipe(inChunks(bytes), { name: "the pipe" });
    const target = (name: string): Sink => {
      const { mount, ...sink } = store.repository(name);
      return lend ? { ...sink, mount: mount! } : sink;
    };
    const wanted = await wantedIn(pipe.store, target);
    const onEvent = (event: Event): void => void events.push(event);
    await pipe.copy(wanted, { selection: EVERYTHING, strict: true, jobs: 2, stopAtDamage, onEvent });
  };
  const error = await errorOf(work).catch((reason: Error) =>
    reason.message === "it did not fail" ? undefined : String(reason),
  );
  return { store, events, error };
}

function failedIn(events: readonly Event[]): readonly string[] {
  const failed = events.flatMap((event) =>
    event.type === "image" && event.result === "failed" ? [event.image.name] : [],
  );
  return failed.sort();
}

async function namesOf(store: Store): Promise<string[]> {
  const names: string[] = [];
  for await (const { path, tag, root } of store.references()) names.push(`${path}:${tag} ${root.digest}`);
  return names.sort();
}

const ALL = Object.entries(IMAGES)
  .map(([name, { root }]) => `${name} ${root.digest}`)
  .sort();

async function packed(format: "gzip" | "zstd" | "tar", options: PackOptions = {}): Promise<Bytes> {
  await using folder = await temporaryFolder();
  await packImages(join(folder.path, "x"), IMAGES, { ...options, format });
  return new Uint8Array(await readFile(join(folder.path, "x")));
}

describe.each(["gzip", "zstd", "tar"] as const)("%s", (format) => {
  test.each([true, false])("every image arrives, with its digest (mounts: %p)", async (lend) => {
    const { store, error, events } = await load(await packed(format), { lend });
    expect(error).toBeUndefined();
    expect(await namesOf(store)).toEqual(ALL);
    expect(events.filter((event) => event.type === "image" && event.result === "done")).toHaveLength(4);
    const first = store.repository("docker.io/team/one");
    expect(await first.has(shared.descriptor)).toBe(true);
    expect(await store.repository("quay.io/other/three").has(shared.descriptor)).toBe(true);
  });

  test("damaged, it is told of all images that need what is damaged, and of no others", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x");
    await writeFile(path, await packed(format));
    await using archive = await openArchive(path);
    const entry = archive.entries.find((one) => one.path.endsWith(shared.descriptor.digest.slice(7)))!;
    const bytes = new Uint8Array(await readFile(path));
    bytes[entry.offset + (entry.length >> 1)]! ^= 1;
    const { error, events, store } = await load(bytes);
    expect(error).toStartWith("INTEGRITY: ");
    expect(failedIn(events)).toEqual(["docker.io/team/one:1", "quay.io/other/three:3"]);
    expect(await namesOf(store)).toEqual([]);
  });

  test.each(["102", "120", "021", "201", "210"])("parts in the order %s are damage", async (order) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x");
    const { length } = await packed(format);
    await packImages(path, IMAGES, { format, partSize: Math.ceil(length / 3) });
    const parts = await Promise.all([...order].map((number) => readFile(`${path}.part${number}`)));
    const { error, store } = await load(new Uint8Array(Buffer.concat(parts)));
    expect(error).toStartWith('INTEGRITY: Cannot read "');
    expect(await namesOf(store)).toEqual([]);
  });

  test("cut short, nothing is named; what is whole is, if the rest may go on", async () => {
    const bytes = await packed(format);
    const cut = bytes.subarray(0, Math.floor(bytes.length * 0.7));
    const stopped = await load(cut);
    expect(stopped.error).toStartWith('INTEGRITY: Cannot read "the pipe"');
    expect(await namesOf(stopped.store)).toEqual([]);
    const went = await load(cut, { stopAtDamage: false });
    expect(went.error).toBeUndefined();
    const names = await namesOf(went.store);
    expect(names.length).toBeGreaterThan(0);
    expect(names.length).toBeLessThan(4);
    expect(ALL).toEqual(expect.arrayContaining(names));
  });
});

test("a damaged blob in a tar fails its images, and no others", async () => {
  const bytes = await packed("tar");
  const at = Buffer.from(bytes).indexOf(shared.bytes);
  bytes[at + 1_000_000]! ^= 1;
  const stopped = await load(bytes);
  expect(stopped.error).toContain(`Cannot read "${shared.descriptor.digest}" in "the pipe", "saved-image-cache/share`);
  expect(await namesOf(stopped.store)).toEqual([]);
  const { store, events } = await load(bytes, { stopAtDamage: false });
  expect(await namesOf(store)).toEqual(ALL.filter((name) => /two|four/.test(name)));
  expect(failedIn(events)).toEqual(["docker.io/team/one:1", "quay.io/other/three:3"]);
  expect(await store.repository("docker.io/team/one").has(shared.descriptor)).toBe(false);
});

test("what is no archive is no damaged one", async () => {
  const { error } = await load(noise(300_000, 1));
  expect(error).toStartWith('UNSUPPORTED: Cannot read "the pipe": it is no gzip, zstd, tar or zip file');
});

test("a pipe that nothing comes out of is empty", async () => {
  const { error } = await load(new Uint8Array(0));
  expect(error).toStartWith('UNSUPPORTED: Cannot read "the pipe": it is empty');
});

test("what is of another layout is spooled, and read then", async () => {
  const { store, error } = await load(await packed("gzip", { layout: "oci" }));
  expect(error).toBeUndefined();
  expect(await namesOf(store)).toEqual(ALL);
});

test("an image that failed when the archive was written is not named", async () => {
  const lost = IMAGES["docker.io/team/one:1"].blobs.at(-1)!.descriptor;
  const { store, error, events } = await load(await packed("gzip", { lost: [lost] }), { stopAtDamage: false });
  expect(error).toBeUndefined();
  expect(await namesOf(store)).toEqual(ALL.filter((name) => !name.includes("/one:")));
  expect(events.filter((event) => event.type === "image" && event.result === "failed")).toHaveLength(1);
});

test("only what is chosen is uploaded", async () => {
  await using pipe = await openPipe(inChunks(await packed("gzip")), { name: "the pipe" });
  const store = memoryStore();
  const chosen = chosenIn(pipe.store, choiceOf(["*/two:*"]));
  const wanted = await wantedIn(chosen, (name) => store.repository(name));
  const summary = await pipe.copy(wanted, { selection: EVERYTHING, strict: true, jobs: 2, onEvent: () => {} });
  expect(await namesOf(store)).toEqual(ALL.filter((name) => name.includes("/two:")));
  expect(summary.copied).toBe(IMAGES["quay.io/team/two:2"].blobs.length);
});

test("an archive with more and more blobs before the manifests that want them is refused", async () => {
  const one = image({ seed: "late" });
  await using folder = await temporaryFolder();
  await packImages(join(folder.path, "x"), { "quay.io/a/late:1": one }, { format: "tar" });
  await using archive = await openArchive(join(folder.path, "x"));
  const root = one.root.digest.slice(7);
  const kept = archive.entries.filter(
    ({ path, type }) => !path.endsWith(root) && !path.includes(".dray/") && type !== "link",
  );
  async function* entries(): AsyncGenerator<Entry> {
    for (const { path, type, size } of kept)
      yield { path, type, size, open: (range) => archive.file(path)!.open(range) };
    for (let seed = 0; seed < 80; seed++) {
      const bytes = noise(1_100_000, seed);
      yield fileEntry(`saved-image-cache/share/sha256/${digestOf(bytes).slice(7)}`, bytes);
    }
  }
  const output = memoryOutput();
  await writeArchive(entries(), output, { format: "tar" });
  const { error, store } = await load(output.bytes(), { stopAtDamage: false });
  expect(error).toStartWith('UNSUPPORTED: Cannot read "the pipe": it has blobs that none of its manifests wants');
  expect(await namesOf(store)).toEqual([]);
});

test("the pipe waits for uploads: only so many blobs are taken from it as may be in flight", async () => {
  const many = image({ seed: "many", layers: Array.from({ length: 8 }, (_, at) => layer(`many ${at}`, 1_200_000)) });
  await using folder = await temporaryFolder();
  await packImages(join(folder.path, "x"), { "quay.io/a/many:1": many }, { format: "tar" });
  let taken = 0;
  async function* counted(): ByteStream {
    for await (const chunk of inChunks(new Uint8Array(await readFile(join(folder.path, "x"))))) {
      taken += chunk.length;
      yield chunk;
    }
  }
  const store = memoryStore();
  const gate = Promise.withResolvers<void>();
  const two = Promise.withResolvers<void>();
  let begun = 0;
  const target = (path: string): Sink => {
    const sink = store.repository(path);
    async function put(...args: Parameters<Sink["put"]>): Promise<void> {
      if (args[0].descriptor.size > 1_000_000 && ++begun === 2) two.resolve();
      await gate.promise;
      await sink.put(...args);
    }
    return { ...sink, put };
  };
  await using pipe = await openPipe(counted(), { name: "the pipe" });
  const options = { selection: EVERYTHING, strict: true, jobs: 3, onEvent: () => {} };
  const copying = pipe.copy(await wantedIn(pipe.store, target), options);
  await two.promise;
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  // The config moves too: two layers, and no more than the beginning of the next.
  expect(taken).toBeLessThan(3 * 1_300_000);
  gate.resolve();
  expect((await copying).done).toBe(1);
});

test("a tar whose list has another bit than its index says gives no names", async () => {
  const bytes = await packed("tar");
  const at = Buffer.from(bytes).indexOf("team/two");
  bytes[at + 5]! ^= 1;
  for (const stopAtDamage of [true, false]) {
    const { store, error } = await load(bytes, { stopAtDamage });
    expect(error).toStartWith(
      'INTEGRITY: Cannot read "the pipe": its list of images is not the one that its index has',
    );
    expect(await namesOf(store)).toEqual([]);
  }
});
