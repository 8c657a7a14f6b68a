/** From roots to blobs: what of an image is taken, and in which order. */
import { describe, expect, test } from "bun:test";
import { encode } from "../../src/bytes/stream.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import * as types from "../../src/oci/media-types.ts";
import { EVERYTHING, parseSelection, type Selection } from "../../src/oci/platform.ts";
import { type Image, walk } from "../../src/operations/walk.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { MANIFEST_LIMIT, readAll } from "../../src/store/read.ts";
import type { Source } from "../../src/store/store.ts";
import { pushTo } from "../support/push.ts";
import {
  type Artifact,
  attested,
  chart,
  image,
  index,
  multiPlatform,
  type Part,
  part,
  schema1,
} from "../support/random-image.ts";
import { type Journal, recordSource } from "../support/recording.ts";
import { errorOf } from "../support/thrown.ts";

const AMD64 = parseSelection("amd64", "linux");

async function sourceOf(artifact: Artifact): Promise<Source> {
  const repository = memoryStore().repository("app");
  await pushTo(repository, artifact);
  return repository;
}

async function walked(artifact: Artifact, selection: Selection = EVERYTHING): Promise<Image | undefined> {
  return walk(await sourceOf(artifact), artifact.root, { selection });
}

async function taken(artifact: Artifact, selection: Selection = EVERYTHING): Promise<Image> {
  const found = await walked(artifact, selection);
  if (!found) throw new Error("it is not taken");
  return found;
}

const digestsOf = (parts: readonly { descriptor: Descriptor }[]): string[] =>
  parts.map(({ descriptor }) => descriptor.digest);

/** An image whose config is `config`, under a descriptor without a platform. */
function imageWith(config: Part, layers: readonly Part[] = []): Artifact {
  const bare = ({ descriptor: { mediaType, digest, size } }: Part) => ({ mediaType, digest, size });
  const value = { schemaVersion: 2, mediaType: types.OCI_MANIFEST, config: bare(config), layers: layers.map(bare) };
  const root = part(types.OCI_MANIFEST, encode(JSON.stringify(value)));
  return { root: root.descriptor, manifests: [root], blobs: [config, ...layers] };
}

function configOf(value: object): Part {
  return part(types.OCI_CONFIG, encode(JSON.stringify(value)));
}

describe("a single manifest", () => {
  test("has its config and layers, in order, and no children", async () => {
    const one = image({ layers: 3 });
    const found = await taken(one);
    expect(found.blobs.map(({ digest }) => digest as string)).toEqual(digestsOf(one.blobs));
    expect(found.manifests).toEqual([]);
    expect(found.kept.size).toBe(0);
    expect(found.plain).toBe(true);
  });

  test("has the platform of its config", async () => {
    const one = image({ platform: "linux/arm/v7" });
    expect((await taken(one)).platforms.map(({ platform }) => platform)).toEqual([
      { os: "linux", architecture: "arm", variant: "v7" },
    ]);
    expect(await walked(one, AMD64)).toBeUndefined();
    expect(await walked(one, parseSelection("arm/v7", "linux"))).toBeDefined();
  });

  test.each([
    ["an artifact", chart()],
    ["an image for unknown/unknown", imageWith(configOf({ os: "unknown", architecture: "unknown" }))],
    ["an image for nothing", imageWith(configOf({ os: "", architecture: "" }))],
    ["a config that is no object", imageWith(part(types.OCI_CONFIG, encode("7")))],
    ["a config that is no JSON", imageWith(part(types.OCI_CONFIG, encode("{")))],
  ])("%s is never filtered out", async (_, artifact) => {
    const found = await taken(artifact, AMD64);
    expect(found.platforms).toEqual([]);
    expect(found.plain).toBe(false);
  });

  test("reads its config only where the platform is needed, or the documents are", async () => {
    const one = image();
    const journal: Journal = [];
    const source = recordSource(await sourceOf(one), journal);
    const found = await walk(source, one.root, { selection: EVERYTHING, configs: true });
    expect([...found!.documents.keys()] as string[]).toEqual([one.blobs[0]!.descriptor.digest]);
    expect(journal).toEqual([`app read ${one.root.digest}`, `app read ${one.blobs[0]!.descriptor.digest}`]);
  });

  test("schema 1 is refused by name", async () => {
    expect(await errorOf(() => walked(schema1()))).toStartWith("UNSUPPORTED: Cannot read ");
  });
});

describe("an index", () => {
  const whole = multiPlatform(["linux/amd64", "linux/arm64", "windows/amd64"]);

  test("has the children that are selected, and only their blobs", async () => {
    const found = await taken(whole, AMD64);
    const amd64 = image({ platform: "linux/amd64" });
    expect([...found.kept] as string[]).toEqual([amd64.root.digest]);
    expect(digestsOf(found.manifests)).toEqual([amd64.root.digest]);
    expect(found.blobs.map(({ digest }) => digest as string)).toEqual(digestsOf(amd64.blobs));
    expect(found.root.descriptor.digest).toBe(whole.root.digest);
  });

  test("is not there when none of its platforms is selected", async () => {
    expect(await walked(whole, parseSelection("s390x", "linux"))).toBeUndefined();
  });

  test("costs one read for itself and one for each child that is kept", async () => {
    const journal: Journal = [];
    await walk(recordSource(await sourceOf(whole), journal), whole.root, { selection: AMD64 });
    expect(journal).toEqual([`app read ${whole.root.digest}`, `app read ${whole.manifests[0]!.descriptor.digest}`]);
  });

  test("has blobs that its children share once", async () => {
    const shared = image({ layers: 2 });
    const twin = imageWith(configOf({ os: "linux", architecture: "arm64" }), shared.blobs.slice(1));
    const found = await taken(index([shared, twin]));
    expect(found.blobs.length).toBe(4);
    expect(new Set(found.blobs.map(({ digest }) => digest)).size).toBe(4);
  });

  test("that lists a child twice has it once", async () => {
    const one = image();
    const found = await taken(index([one, one]));
    expect(found.platforms.length).toBe(1);
    expect(found.manifests.length).toBe(1);
  });

  test("takes the attestations of the images that it takes", async () => {
    const made = attested(["linux/amd64", "linux/arm64"]);
    const found = await taken(made, AMD64);
    const [amd64, , ofAmd64] = made.manifests;
    expect(digestsOf(found.manifests)).toEqual(digestsOf([amd64!, ofAmd64!]));
    expect(found.platforms.length).toBe(1);
    expect(found.plain).toBe(true);
  });

  test("looks into children that do not say what they are for", async () => {
    const arm = imageWith(configOf({ os: "linux", architecture: "arm64" }));
    const amd = imageWith(configOf({ os: "linux", architecture: "amd64" }));
    const found = await taken(index([arm, amd, chart()]), AMD64);
    expect(digestsOf(found.manifests)).toEqual([amd.root.digest, chart().root.digest]);
  });

  test("keeps an index inside it whole when one of its platforms is selected, and leaves it out otherwise", async () => {
    const inner = multiPlatform(["linux/amd64", "linux/arm64"], { seed: "inner" });
    const outer = index([inner, image({ platform: "linux/amd64", seed: "outer" })]);
    const found = await taken(outer, AMD64);
    expect(digestsOf(found.manifests)).toEqual(digestsOf(outer.manifests.slice(0, -1)));
    expect(found.kept.size).toBe(2);
    expect(found.plain).toBe(false);
    const other = index([multiPlatform(["linux/arm64"]), image({ platform: "linux/amd64" })]);
    expect((await taken(other, AMD64)).manifests.length).toBe(1);
  });

  test("has its children before those who list them", async () => {
    const inner = multiPlatform(["linux/amd64"], { seed: "inner" });
    const found = await taken(index([inner]));
    expect(digestsOf(found.manifests)).toEqual(digestsOf(inner.manifests));
  });

  test("has only the children that its source carries", async () => {
    const source = await sourceOf(whole);
    const missing = whole.manifests[1]!.descriptor.digest;
    const partial = { ...source, carries: async ({ digest }: Descriptor) => digest !== missing };
    const found = await walk(partial, whole.root, { selection: EVERYTHING });
    expect([...found!.kept] as string[]).toEqual(
      [whole.manifests[0]!, whole.manifests[2]!].map((one) => one.descriptor.digest),
    );
  });

  test("may list layers, as BuildKit's caches do: they are blobs", async () => {
    const layer = image().blobs[1]!;
    const value = { schemaVersion: 2, mediaType: types.OCI_INDEX, manifests: [layer.descriptor] };
    const root = part(types.OCI_INDEX, encode(JSON.stringify(value)));
    const found = await taken({ root: root.descriptor, manifests: [root], blobs: [layer] });
    expect(found.blobs).toEqual([layer.descriptor]);
    expect(found.manifests).toEqual([]);
    expect([...found.kept]).toEqual([layer.descriptor.digest]);
  });

  test("that lists the same thing over and over is looked into once", async () => {
    let nested: Artifact = imageWith(configOf({ os: "linux", architecture: "amd64" }));
    for (let depth = 0; depth < 7; depth++) nested = index(Array.from({ length: 20 }, () => nested));
    expect((await taken(nested, AMD64)).manifests.length).toBe(7);
  });

  test("is not followed for ever", async () => {
    let nested: Artifact = image();
    for (let depth = 0; depth < 9; depth++) nested = index([nested]);
    expect(await errorOf(() => walked(nested))).toContain("indexes are nested more than 8 deep");
  });
});

test("foreign layers stay where they are", async () => {
  const foreign = part("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", encode("theirs"));
  const found = await taken(imageWith(configOf({ os: "windows", architecture: "amd64" }), [foreign]));
  expect(found.foreign).toEqual([foreign.descriptor]);
  expect(found.blobs.map(({ digest }) => digest)).not.toContain(foreign.descriptor.digest);
});

test("zstd layers are not for every reader", async () => {
  expect((await taken(image({ compression: "zstd" }))).plain).toBe(false);
});

describe("what an image may have", () => {
  /** A manifest with so many layers, or of about so many bytes. */
  function large(name: number, { layers = 1, bytes = 0 }): Artifact {
    const layer = part("application/vnd.oci.image.layer.v1.tar+gzip", encode(`layer ${name}`));
    const { mediaType, digest, size } = layer.descriptor;
    const value = {
      schemaVersion: 2,
      mediaType: types.OCI_MANIFEST,
      annotations: { fill: "a".repeat(bytes), name: String(name) },
      layers: Array.from({ length: layers }, () => ({ mediaType, digest, size })),
    };
    const root = part(types.OCI_MANIFEST, encode(JSON.stringify(value)));
    return { root: root.descriptor, manifests: [root], blobs: [layer] };
  }

  test.each([
    ["8388608 bytes of manifests and configs", { bytes: 3e6 }, 2],
    ["4000 layers and manifests", { layers: 1000 }, 3],
  ] as const)("is %s", async (limit, of, fit) => {
    const indexOf = (count: number) => index(Array.from({ length: count }, (_, at) => large(at, of)));
    expect((await taken(indexOf(fit))).manifests).toHaveLength(fit);
    expect(await errorOf(() => walked(indexOf(fit + 1)))).toMatch(
      new RegExp(`^UNSUPPORTED: Cannot read "sha256:[0-9a-f]+": with it, its image has more than ${limit}$`),
    );
  });

  test("is not held where it is large and lies in files", async () => {
    const one = large(1, { bytes: 1e6 });
    const journal: Journal = [];
    const from = { ...recordSource(await sourceOf(one), journal), isLocal: true } as const;
    const { root } = (await walk(from, one.root, { selection: EVERYTHING }))!;
    const before = journal.length;
    expect(await readAll(root, MANIFEST_LIMIT)).toEqual(one.manifests[0]!.bytes);
    expect(journal.length).toBeGreaterThan(before);
  });
});

test("a manifest that gives a blob another size than it has fails, before the blob is read", async () => {
  const one = image({ layers: 2 });
  const [, layer] = one.blobs;
  const from = await sourceOf(one);
  const sizeOf = (there: number | undefined) => (digest: string) =>
    digest === layer!.descriptor.digest ? there : undefined;
  const walked = (there: number | undefined) =>
    walk({ ...from, sizeOf: sizeOf(there) }, one.root, { selection: EVERYTHING });
  const { digest, size } = layer!.descriptor;
  expect(await errorOf(() => walked(size + 1))).toBe(
    `INTEGRITY: Cannot read "${digest}": its manifest says ${size} bytes, and it has ${size + 1}`,
  );
  for (const right of [size, undefined]) expect((await walked(right))?.blobs).toHaveLength(one.blobs.length);
});
