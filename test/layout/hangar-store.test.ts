/** Trees in Hangar's layout, as hostile archives may have them. */
import { describe, expect, test } from "bun:test";
import { encode, streamOf } from "../../src/bytes/stream.ts";
import { layoutFiles } from "../../src/layout/hangar.ts";
import { isHangar, openHangar } from "../../src/layout/hangar-store.ts";
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
  const { path, bytes } = layoutFiles(laid, new Date(0))[0]!;
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

test("carries what lies in share with the right size", async () => {
  const [one, two] = [image({ seed: 1 }).manifests[0]!, image({ seed: 2 }).manifests[0]!];
  const hex = one.descriptor.digest.slice(7);
  const files = { "saved-images-list.json": '{"Version":"v1.1.0"}', [`share/sha256/${hex}`]: one.bytes };
  const tree = treeOf(files);
  const store = await openHangar(tree, "x");
  const repository = store.repository("a");
  expect(await repository.carries?.(one.descriptor)).toBe(true);
  expect(await repository.carries?.({ ...one.descriptor, size: 1 })).toBe(false);
  expect(await repository.carries?.(two.descriptor)).toBe(false);
  expect(await errorOf(() => Array.fromAsync(repository.get(two.descriptor).open()))).toBe(
    `NOT_FOUND: Cannot read "${two.descriptor.digest}": it is not in "x"`,
  );
  await store[Symbol.asyncDispose]();
  expect(tree.closed).toBe(true);
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
  const { path, bytes } = layoutFiles([part, whole], new Date(0))[0]!;
  const share = [amd64, arm64].map((one) => [`share/sha256/${one.descriptor.digest.slice(7)}`, one.bytes] as const);
  const store = await openHangar(treeOf({ [path]: bytes!, ...Object.fromEntries(share) }), "x");
  expect(await store.repository("docker.io/a/part").carries?.(amd64.descriptor)).toBe(true);
  expect(await store.repository("docker.io/a/part").carries?.(arm64.descriptor)).toBe(false);
  expect(await store.repository("docker.io/a/whole").carries?.(arm64.descriptor)).toBe(true);
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
