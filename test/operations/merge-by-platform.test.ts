/** Archives that have platforms and no original index, loaded to where something is already. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { decode } from "../../src/bytes/stream.ts";
import type { Event } from "../../src/events.ts";
import { openDockerArchive } from "../../src/layout/docker-archive-store.ts";
import { openHangar } from "../../src/layout/hangar-store.ts";
import { openHangarZip } from "../../src/layout/hangar-zip-store.ts";
import { openOciLayout } from "../../src/layout/oci-store.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { shortDigest } from "../../src/oci/digest.ts";
import * as types from "../../src/oci/media-types.ts";
import { EVERYTHING, formatPlatform, parseSelection, type Selection } from "../../src/oci/platform.ts";
import { copy } from "../../src/operations/copy.ts";
import { openStore } from "../../src/operations/open.ts";
import { wantedIn } from "../../src/operations/stored.ts";
import type { Summary } from "../../src/operations/summary.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { MANIFEST_LIMIT, readAll } from "../../src/store/read.ts";
import type { Sink, Store } from "../../src/store/store.ts";
import { dockerFiles, hangarFiles, hangarZipFiles, imageToolsFiles, ociFiles } from "../support/foreign-layouts.ts";
import { memoryTree } from "../support/memory-tree.ts";
import { packImages } from "../support/packed-archive.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, attested, chart, image, index, multiPlatform, schema1 } from "../support/random-image.ts";
import { failing, type Journal, recordSink, spoiltSource } from "../support/recording.ts";
import { temporaryFolder } from "../support/temporary.ts";

const NAME = "docker.io/a/merge";
const named = (artifact: Artifact) => [{ name: NAME, tag: "1", artifact }];

/** Archives of one artifact, by who writes them. */
const WRITERS: Readonly<Record<string, (artifact: Artifact) => Promise<Store>>> = {
  "Hangar 1.3-1.6": (artifact) => openHangar(memoryTree(hangarFiles(named(artifact))), "x"),
  "image-tools": (artifact) => openHangar(memoryTree(imageToolsFiles(named(artifact))), "x"),
  "Hangar 1.7-1.9": (artifact) => {
    const files = hangarZipFiles(named(artifact));
    return openHangarZip(memoryTree(files), JSON.parse(String(files["index.json"])), { name: "x" });
  },
  "docker save": (artifact) => openDockerArchive(memoryTree(dockerFiles(named(artifact))), { name: "x" }),
};
const hangar = WRITERS["Hangar 1.3-1.6"]!;

function one(platform: string, seed: string | number = 1): Artifact {
  return image({ platform, seed, format: "docker", compression: "none" });
}
const [amd64, arm64] = [one("linux/amd64"), one("linux/arm64")];

interface Loaded extends Summary {
  readonly warnings: readonly string[];
  /** What became of the image. */
  readonly digest: string | undefined;
}

async function load(archive: Store, to: Sink, selection: Selection = EVERYTHING): Promise<Loaded> {
  const events: Event[] = [];
  const wanted = await wantedIn(archive, () => to);
  const onEvent = (event: Event): number => events.push(event);
  const summary = await copy(wanted, { selection, strict: true, jobs: 2, onEvent });
  const warnings = events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
  return { ...summary, warnings, digest: events.find((event) => event.type === "image")?.digest };
}

interface Named {
  readonly root: Descriptor;
  /** Platform and digest of each child. */
  readonly children: readonly string[] | undefined;
}

/** What the tag names, after all of it was found to be there. */
async function at(to: Sink): Promise<Named> {
  const root = (await to.resolve("1"))!;
  const { manifests } = JSON.parse(decode(await readAll(to.get(root), MANIFEST_LIMIT))) as { manifests?: Descriptor[] };
  for (const child of manifests ?? []) await readAll(to.get(child), MANIFEST_LIMIT);
  return { root, children: manifests?.map(({ digest, platform }) => `${formatPlatform(platform!)} ${digest}`) };
}

function childOf({ root }: Artifact): string {
  return `${formatPlatform(root.platform!)} ${root.digest}`;
}

describe.each(Object.entries(WRITERS))("%s", (_, open) => {
  /** What the archive makes of it: docker archives have no manifests. */
  async function rootOf(artifact: Artifact): Promise<Artifact> {
    const [reference] = await Array.fromAsync((await open(artifact)).references());
    return { ...artifact, root: { ...reference!.root, platform: artifact.root.platform! } };
  }

  test("one platform after the other: the tag has both, and a second time nothing is written", async () => {
    const journal: Journal = [];
    const to = recordSink(memoryStore().repository("to"), journal);
    const [first, second] = [await rootOf(amd64), await rootOf(arm64)];
    expect(await load(await open(amd64), to)).toMatchObject({ done: 1, digest: first.root.digest });
    const both = await load(await open(arm64), to);
    const { root, children } = await at(to);
    expect(children).toEqual([childOf(first), childOf(second)]);
    expect(root.mediaType).toBe(types.DOCKER_LIST);
    expect(both).toMatchObject({ done: 1, warnings: [], digest: root.digest });
    journal.length = 0;
    for (const again of [amd64, arm64])
      expect(await load(await open(again), to)).toMatchObject({ unchanged: 1, copied: 0, digest: root.digest });
    expect(journal.filter((line) => /^to (?:put|tag|mount) /.test(line))).toEqual([]);
  });

  test("a platform that is there is replaced, with a word; the others stay", async () => {
    const to = memoryStore().repository("to");
    const newer = await rootOf(one("linux/amd64", "newer"));
    for (const each of [amd64, arm64]) await load(await open(each), to);
    const { warnings } = await load(await open(newer), to);
    expect((await at(to)).children).toEqual([childOf(newer), childOf(await rootOf(arm64))]);
    const gone = shortDigest((await rootOf(amd64)).root.digest);
    expect(warnings).toEqual([`replaces what "1" named before: ${gone} is not part of this image`]);
  });

  test("a single manifest for the same platform is replaced by one, and its digest stays", async () => {
    const to = memoryStore().repository("to");
    const newer = await rootOf(one("linux/amd64", "newer"));
    await load(await open(amd64), to);
    expect(await load(await open(newer), to)).toMatchObject({ done: 1, digest: newer.root.digest });
    expect(await at(to)).toMatchObject({ root: { digest: newer.root.digest }, children: undefined });
  });

  test("a chart is replaced", async () => {
    const to = memoryStore().repository("to");
    await pushTo(to, chart(), "1");
    const { warnings } = await load(await open(amd64), to);
    expect((await at(to)).root.digest).toBe((await rootOf(amd64)).root.digest);
    expect(warnings).toEqual([expect.stringContaining(shortDigest(chart().root.digest))]);
  });
});

describe("to what is there", () => {
  test("an original index: the platform is replaced, its attestation goes, the rest stays as it is", async () => {
    const original = attested(["linux/amd64", "linux/s390x"]);
    const [old, other, ofOld, ofOther] = (
      JSON.parse(decode(original.manifests.at(-1)!.bytes)) as { manifests: Descriptor[] }
    ).manifests;
    const to = memoryStore().repository("to");
    await pushTo(to, original, "1");
    const { warnings } = await load(await hangar(multiPlatform(["linux/amd64", "linux/arm64"], { seed: "new" })), to);
    const { root } = await at(to);
    const { manifests } = JSON.parse(decode(await readAll(to.get(root), MANIFEST_LIMIT))) as { manifests: unknown[] };
    const [newAmd64, newArm64] = multiPlatform(["linux/amd64", "linux/arm64"], { seed: "new" }).manifests;
    expect(manifests).toEqual([newAmd64!.descriptor, other, ofOther, newArm64!.descriptor]);
    expect(root.mediaType).toBe(types.OCI_INDEX);
    const gone = [old!, ofOld!].map(({ digest }) => shortDigest(digest)).join(", ");
    expect(warnings).toEqual([`replaces what "1" named before: ${gone} is not part of this image`]);
  });

  test("an original index of the same manifests stays, with its digest", async () => {
    const whole = multiPlatform(["linux/amd64", "linux/arm64", "linux/s390x"]);
    const to = memoryStore().repository("to");
    await pushTo(to, whole, "1");
    const part = await hangar(multiPlatform(["linux/arm64", "linux/amd64"]));
    expect(await load(part, to)).toMatchObject({ unchanged: 1, warnings: [], digest: whole.root.digest });
    expect((await at(to)).root.digest).toBe(whole.root.digest);
  });

  test("an index that names the platform, which is not there: it is brought, and the index stays", async () => {
    const to = memoryStore().repository("to");
    await pushTo(to, amd64);
    const sparse = index([amd64, arm64], { format: "docker", annotations: { unlike: "ours" } });
    await to.tag("1", sparse.manifests.at(-1)!);
    expect(await load(await hangar(arm64), to)).toMatchObject({ done: 1, digest: sparse.root.digest, warnings: [] });
    expect((await at(to)).children).toEqual([childOf(amd64), childOf(arm64)]);
  });

  test("an index whose children do not say what they are for", async () => {
    const plain = (artifact: Artifact): Artifact => {
      const { platform: _, ...root } = artifact.root;
      return { ...artifact, root };
    };
    const to = memoryStore().repository("to");
    await pushTo(to, index([plain(amd64), plain(arm64)]), "1");
    const newer = one("linux/arm64", "newer");
    await load(await hangar(newer), to);
    expect((await at(to)).children).toEqual([childOf(amd64), childOf(newer)]);
  });

  test.each([
    ["schema 1", async (to: Sink) => to.tag("1", schema1().manifests[0]!)],
    ["an image without its config", async (to: Sink) => to.tag("1", arm64.manifests[0]!)],
  ])("%s is replaced", async (_, push) => {
    const to = memoryStore().repository("to");
    await push(to);
    expect(await load(await hangar(amd64), to)).toMatchObject({ done: 1, warnings: [expect.any(String)] });
    expect((await at(to)).root.digest).toBe(amd64.root.digest);
  });

  test("what cannot be read for now is not replaced: the image fails", async () => {
    const to = memoryStore().repository("to");
    await pushTo(to, arm64, "1");
    const broken = spoiltSource(to, arm64.blobs[0]!.descriptor.digest, failing(new Error("the line is down")));
    expect(await load(await hangar(amd64), broken)).toMatchObject({ failed: 1, warnings: [] });
    expect((await at(to)).root.digest).toBe(arm64.root.digest);
  });

  test("variants are platforms of their own; the list knows them where the config does not", async () => {
    const to = memoryStore().repository("to");
    const [v7, v6] = ["v7", "v6"].map((variant): Artifact => {
      const { root, manifests, blobs } = one("linux/arm", variant);
      const platform = { ...root.platform!, variant };
      const [manifest] = manifests;
      return { root: { ...root, platform }, manifests: [{ ...manifest!, descriptor: { ...root, platform } }], blobs };
    }) as [Artifact, Artifact];
    for (const each of [arm64, v7, v6]) await load(await hangar(each), to);
    expect((await at(to)).children).toEqual([arm64, v7, v6].map(childOf));
  });

  test("of the platforms that are selected, and no others", async () => {
    const to = memoryStore().repository("to");
    const both = multiPlatform(["linux/amd64", "linux/arm64"], { format: "docker", compression: "none" });
    await load(await hangar(both), to, parseSelection("arm64", ""));
    expect(await at(to)).toMatchObject({ root: { digest: arm64.root.digest }, children: undefined });
    const journal: Journal = [];
    const again = await load(await hangar(both), recordSink(to, journal), parseSelection("arm64", ""));
    expect([again.unchanged, journal]).toEqual([1, ["to resolve 1"]]);
    await load(await hangar(both), to, parseSelection("amd64", ""));
    expect((await at(to)).children).toEqual([childOf(arm64), childOf(amd64)]);
  });

  test("of an image that is no platform, nothing is merged", async () => {
    const files = hangarZipFiles(named({ ...chart(), root: { ...chart().root } }));
    const document = JSON.parse(String(files["index.json"])) as { list: { images: object[] }[] };
    document.list[0]!.images = document.list[0]!.images.map((each) => ({ ...each, arch: "", os: "" }));
    const to = memoryStore().repository("to");
    await pushTo(to, index([amd64, arm64]), "1");
    await load(await openHangarZip(memoryTree(files), document, { name: "x" }), to);
    expect((await at(to)).root.digest).toBe(chart().root.digest);
  });
});

test("two runs at once: the last one wins, and nothing is named that is not there", async () => {
  const to = memoryStore().repository("to");
  const platforms = ["linux/amd64", "linux/arm64", "linux/s390x"].map((platform) => one(platform));
  const loaded = await Promise.all(platforms.map(async (each) => load(await hangar(each), to)));
  const { root } = await at(to);
  expect(loaded.map(({ digest }) => digest)).toContain(root.digest);
  for (const each of platforms) await load(await hangar(each), to);
  expect((await at(to)).children!.toSorted()).toEqual(platforms.map(childOf).toSorted());
});

test("what an archive has in its original form is not merged: its digest is promised", async () => {
  await using folder = await temporaryFolder();
  await packImages(join(folder.path, "own"), { [`${NAME}:1`]: amd64 });
  const files = ociFiles(named(amd64));
  const archives = [
    await openOciLayout(memoryTree(files), JSON.parse(String(files["index.json"])), { name: "x" }),
    await openStore(join(folder.path, "own")),
  ];
  for (const archive of archives)
    for (const there of [arm64, index([amd64, arm64])]) {
      const to = memoryStore().repository("to");
      await pushTo(to, there, "1");
      expect(await load(archive, to)).toMatchObject({ done: 1, digest: amd64.root.digest });
      expect((await at(to)).root.digest).toBe(amd64.root.digest);
    }
  for (const archive of archives) await archive[Symbol.asyncDispose]();
});
