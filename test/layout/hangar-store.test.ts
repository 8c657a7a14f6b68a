/** Trees in Hangar's layout, as hostile archives may have them. */
import { describe, expect, test } from "bun:test";
import { encode, streamOf } from "../../src/bytes/stream.ts";
import { blobPath, type LaidImage, listFile } from "../../src/layout/hangar.ts";
import { isHangar, openHangar } from "../../src/layout/hangar-store.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { OCI_INDEX } from "../../src/oci/media-types.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { walk } from "../../src/operations/walk.ts";
import type { Tree } from "../../src/store/store.ts";
import { laidOut } from "../support/laid.ts";
import { chart, image, multiPlatform } from "../support/random-image.ts";
import { errorOf } from "../support/thrown.ts";

/** A tree of texts and bytes; says when it was closed. */
function treeOf(files: Record<string, string | Uint8Array>): Tree & { closed: boolean } {
  return {
    closed: false,
    paths: () => Object.keys(files),
    file(path) {
      const found = files[path];
      if (found === undefined) return undefined;
      const bytes = typeof found === "string" ? encode(found) : (found as Uint8Array<ArrayBuffer>);
      return {
        size: bytes.length,
        open: ({ start = 0, end = bytes.length } = {}) => streamOf(bytes.subarray(start, end)),
      };
    },
    async [Symbol.asyncDispose]() {
      this.closed = true;
    },
  };
}

const ROOT = { MediaType: image().root.mediaType, Digest: image().root.digest, Size: image().root.size };
const ENTRY = { Source: "docker.io/library/nginx", Tag: "1", Root: ROOT };

function listed(list: unknown): Tree {
  return treeOf({ "saved-images-list.json": JSON.stringify(list) });
}

test("is known by its list", () => {
  expect(isHangar(treeOf({ "saved-images-list.json": "" }))).toBe(true);
  expect(isHangar(treeOf({ "index.json": "{}" }))).toBe(false);
});

test("names its images in the order of the list, artifacts last, and finds them by tag and digest", async () => {
  const usual = multiPlatform(["linux/amd64"]);
  const laid = [
    await laidOut(chart(), "ghcr.io/org/chart", "1.2.3"),
    await laidOut(usual, "docker.io/a/usual", "1"),
    await laidOut(usual, "docker.io/a/usual", undefined),
  ];
  const { path, bytes } = listFile(laid, new Date(0));
  const store = await openHangar(treeOf({ [path]: bytes! }), "x");
  const references = await Array.fromAsync(store.references());
  expect(references.map((one) => `${one.path}:${one.tag} ${one.root.digest}`)).toEqual([
    `docker.io/a/usual:1 ${usual.root.digest}`,
    `ghcr.io/org/chart:1.2.3 ${chart().root.digest}`,
    `docker.io/a/usual:undefined ${usual.root.digest}`,
  ]);
  const repository = store.repository("docker.io/a/usual");
  const { mediaType, digest, size } = usual.root;
  expect(await repository.resolve("1")).toEqual({ mediaType, digest, size });
  expect(await repository.resolve(digest)).toEqual({ mediaType, digest, size });
  expect(await repository.resolve("2")).toBeUndefined();
  expect(await store.repository("docker.io/a/other").resolve("1")).toBeUndefined();
});

test("owns its tree, and says of content that it is not there where it is opened", async () => {
  const { descriptor } = image().manifests[0]!;
  const tree = treeOf({ "saved-images-list.json": '{"Version":"v1.1.0"}' });
  const store = await openHangar(tree, "x");
  expect(await errorOf(() => Array.fromAsync(store.repository("a").get(descriptor).open()))).toBe(
    `NOT_FOUND: Cannot read "${descriptor.digest}": it is not in "x"`,
  );
  await store[Symbol.asyncDispose]();
  expect(tree.closed).toBe(true);
});

describe("a platform whose manifest is missing or cut short", () => {
  const artifact = multiPlatform(["linux/amd64", "linux/arm64"]);
  const [amd64, arm64] = artifact.manifests.map(({ descriptor }) => descriptor) as [Descriptor, Descriptor];

  /** An image of a folder that names these, with `left` in the place of its second platform. */
  async function walked(images: readonly LaidImage[], left?: string, tag = "1") {
    const { path, bytes } = listFile(images, new Date(0));
    const parts = [...artifact.manifests, ...artifact.blobs].filter((one) => one.descriptor.digest !== arm64.digest);
    const files: Record<string, string | Uint8Array> = { [path]: bytes };
    for (const part of parts) files[blobPath(part.descriptor.digest)] = part.bytes;
    if (left !== undefined) files[blobPath(arm64.digest)] = left;
    const from = (await openHangar(treeOf(files), "x")).repository("docker.io/a/b");
    return walk(from, (await from.resolve(tag))!, { selection: EVERYTHING });
  }

  test("fails an image that was saved whole", async () => {
    const whole = await laidOut(artifact, "docker.io/a/b", "1");
    expect(await errorOf(() => walked([whole]))).toBe(`NOT_FOUND: Cannot read "${arm64.digest}": it is not in "x"`);
    expect(await errorOf(() => walked([whole], "{}"))).toStartWith(`INTEGRITY: Cannot read "${arm64.digest}"`);
  });

  test("fails an image of which it was kept", async () => {
    const part = await laidOut(artifact, "docker.io/a/b", "1", { architectures: ["arm64"], systems: [] });
    expect(await errorOf(() => walked([part]))).toBe(`NOT_FOUND: Cannot read "${arm64.digest}": it is not in "x"`);
  });

  test("is left out of an image of which others were kept, whatever else its repository has", async () => {
    const part = await laidOut(artifact, "docker.io/a/b", "1", { architectures: ["amd64"], systems: [] });
    for (const other of [image(), multiPlatform(["linux/386", "linux/amd64"])]) {
      const found = await walked([part, await laidOut(other, "docker.io/a/b", "2")]);
      expect(found?.kept).toEqual(new Set([amd64.digest]));
    }
  });

  test("fails an image that was saved whole beside one of which others were kept", async () => {
    const part = await laidOut(multiPlatform(["linux/386", "linux/amd64"]), "docker.io/a/b", "1", {
      architectures: ["amd64"],
      systems: [],
    });
    const whole = await laidOut(artifact, "docker.io/a/b", "2");
    expect(await errorOf(() => walked([part, whole], undefined, "2"))).toStartWith("NOT_FOUND: ");
  });
});

describe("what a root was made of", () => {
  test("is told by the list, and found again", async () => {
    const laid = await laidOut(multiPlatform(["linux/amd64", "linux/arm/v7"]), "docker.io/a/b", "1");
    const madeOf: readonly Descriptor[] = [
      ...laid.platforms.map(({ descriptor: { mediaType, digest, size }, platform }) => {
        return { mediaType, digest, size, platform };
      }),
      { mediaType: ROOT.MediaType, digest: ROOT.Digest, size: ROOT.Size },
    ];
    const { path, bytes } = listFile([{ ...laid, madeOf }, await laidOut(image(), "docker.io/a/c", "1")], new Date(0));
    const references = await Array.fromAsync((await openHangar(treeOf({ [path]: bytes }), "x")).references());
    expect(references.map((one) => one.madeOf)).toEqual([madeOf, undefined]);
  });

  test.each([
    ["no list", {}, "is no list"],
    ["nothing", [null], "is not described"],
    ["an index", [{ ...ROOT, MediaType: OCI_INDEX }], "is not described"],
    ["a size that is none", [{ ...ROOT, Size: -1 }], "is not described"],
  ])("is refused where it is %s", async (_, MadeOf, reason) => {
    const error = await errorOf(() => openHangar(listed({ Version: "v1.1.0", List: [{ ...ENTRY, MadeOf }] }), "x"));
    expect(error).toStartWith("INTEGRITY: ");
    expect(error).toContain(reason);
  });
});

test("the later of two entries of one name wins", async () => {
  const other = { ...ROOT, Digest: `sha256:${"b".repeat(64)}` };
  const list = { Version: "v1.1.0", List: [ENTRY, { ...ENTRY, Root: other }] };
  const found = await Array.fromAsync((await openHangar(listed(list), "x")).references());
  expect(found.map(({ root }) => root.digest as string)).toEqual([other.Digest]);
});

test.each([
  ["INTEGRITY", "it has no list of images", []],
  ["INTEGRITY", "it has no list of images", { List: [] }],
  ["INTEGRITY", "it has no list of images", { Version: "v1.1.0", List: [null] }],
  ["INTEGRITY", "it has no list of images", { Version: "v1.1.0", Artifacts: {} }],
  ["UNSUPPORTED", 'its list has version "v9"', { Version: "v9", List: [] }],
  ["INTEGRITY", "an image has no name", { Version: "v1.1.0", List: [{ Tag: "1", Root: ROOT }] }],
  ["INTEGRITY", '"../x" is not a tag', { Version: "v1.1.0", List: [{ ...ENTRY, Tag: "../x" }] }],
  ["INTEGRITY", '"null" is not a tag', { Version: "v1.1.0", List: [{ ...ENTRY, Tag: null }] }],
  ["INTEGRITY", '"7" is not a tag', { Version: "v1.1.0", List: [{ ...ENTRY, Tag: 7 }] }],
  ["INTEGRITY", "is not described", { Version: "v1.1.0", List: [{ ...ENTRY, Root: null }] }],
  ["INTEGRITY", "is not described", { Version: "v1.1.0", List: [{ ...ENTRY, Root: { ...ROOT, Size: -1 } }] }],
  ["INTEGRITY", "is not described", { Version: "v1.1.0", List: [{ ...ENTRY, Root: { ...ROOT, Size: 1e300 } }] }],
  [
    "INTEGRITY",
    "is not described",
    { Version: "v1.1.0", List: [{ ...ENTRY, Root: { ...ROOT, Digest: "sha256:.." } }] },
  ],
  ["INTEGRITY", "is not described", { Version: "v1.1.0", List: [{ ...ENTRY, Root: { ...ROOT, MediaType: "a/b" } }] }],
  [
    "INTEGRITY",
    "is not the name of an image",
    { Version: "v1.1.0", List: [{ ...ENTRY, Source: "docker.io/../../x" }] },
  ],
])("refuses a list with %s: %s", async (code, reason, list) => {
  const error = await errorOf(() => openHangar(listed(list), "x"));
  expect(error).toStartWith(`${code}: Cannot `);
  expect(error).toContain(reason);
});

test("refuses a list that is not JSON", async () => {
  expect(await errorOf(() => openHangar(treeOf({ "saved-images-list.json": "{" }), "x"))).toBe(
    'INTEGRITY: Cannot read saved-images-list.json of "x": it is not JSON',
  );
});

test("of an image that was saved in part, carries only the children that were, whatever else lies in share", async () => {
  const artifact = multiPlatform(["linux/amd64", "linux/arm64"]);
  const [amd64, arm64] = artifact.manifests as [
    (typeof artifact.manifests)[number],
    (typeof artifact.manifests)[number],
  ];
  const part = await laidOut(artifact, "docker.io/a/part", "1", { architectures: ["amd64"], systems: [] });
  const whole = await laidOut(artifact, "docker.io/a/whole", "1");
  const { path, bytes } = listFile([part, whole], new Date(0));
  const share = [amd64, arm64].map((one) => [`share/sha256/${one.descriptor.digest.slice(7)}`, one.bytes] as const);
  const store = await openHangar(treeOf({ [path]: bytes!, ...Object.fromEntries(share) }), "x");
  const of = { index: artifact.root };
  expect(await store.repository("docker.io/a/part").carries?.(amd64.descriptor, of)).toBe(true);
  expect(await store.repository("docker.io/a/part").carries?.(arm64.descriptor, of)).toBe(false);
  expect(await store.repository("docker.io/a/whole").carries?.(arm64.descriptor, of)).toBe(true);
});

describe("what is attached", () => {
  const digest = (of: string) => `sha256:${of.repeat(64)}`;
  const one = { MediaType: ROOT.MediaType, Digest: digest("a"), Size: 3, Subject: ROOT.Digest };
  const named = { ...one, Digest: digest("b"), Tag: `${ROOT.Digest.replace(":", "-")}.sig` };
  const open = (...referrers: unknown[]) =>
    openHangar(listed({ Version: "v1.1.0", List: [{ ...ENTRY, Referrers: referrers }] }), "x");

  test("is found by its subject, or by its tag, and is no image of its own", async () => {
    const store = await open({ ...one, ArtifactType: "x/y" }, one, named);
    const repository = store.repository(ENTRY.Source);
    const descriptor = { mediaType: ROOT.MediaType, digest: one.Digest, size: 3 };
    expect(await repository.referrers?.(ROOT.Digest)).toMatchObject([descriptor]);
    expect(await repository.resolve(named.Tag)).toMatchObject({ digest: named.Digest });
    expect(await store.repository("docker.io/library/other").referrers?.(ROOT.Digest)).toEqual([]);
    expect(await Array.fromAsync(store.references())).toHaveLength(1);
  });

  test.each([
    ["no list", "x"],
    ["nothing", [null]],
    ["no subject", [{ ...one, Subject: undefined }]],
    ["a size that is none", [{ ...one, Size: -1 }]],
    ["a digest that is a path", [{ ...one, Digest: "sha256:../../x" }]],
    ["a type that is no manifest", [{ ...one, MediaType: "text/plain" }]],
    ["the tag of an image", [{ ...one, Tag: "1" }]],
    ["the tag of another subject", [{ ...one, Tag: `${digest("c").replace(":", "-")}.sig` }]],
  ])("is refused where it is %s", async (_, referrers) => {
    const list = { Version: "v1.1.0", List: [{ ...ENTRY, Referrers: referrers }] };
    expect(await errorOf(() => openHangar(listed(list), "x"))).toMatch(/^INTEGRITY: /);
  });
});
