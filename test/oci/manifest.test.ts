/** Manifests from hostile bytes, and the index that goes where another one is. */
import { describe, expect, test } from "bun:test";
import { type Bytes, decode, encode } from "../../src/bytes/stream.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { composeIndex, parseManifest, sniffMediaType } from "../../src/oci/manifest.ts";
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { attested, chart, image, index, multiPlatform, schema1 } from "../support/random-image.ts";
import { errorOf } from "../support/thrown.ts";

const CHILD = { mediaType: OCI_MANIFEST, digest: `sha256:${"c".repeat(64)}`, size: 3 };

function described(mediaType: string, bytes: Bytes): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

describe("parseManifest", () => {
  test("an image has a config and layers, in order", () => {
    const one = image({ layers: 3 });
    const view = parseManifest(one.root, one.manifests[0]!.bytes);
    if (view.kind !== "image") throw new Error("it is an image");
    expect([view.config!, ...view.layers].map(({ digest }) => digest)).toEqual(
      one.blobs.map(({ descriptor }) => descriptor.digest),
    );
  });

  test.each(["oci", "docker"] as const)("an index of %s has children with platforms", (format) => {
    const whole = multiPlatform(["linux/amd64", "linux/arm/v7"], { format });
    const view = parseManifest(whole.root, whole.manifests.at(-1)!.bytes);
    if (view.kind !== "index") throw new Error("it is an index");
    expect(view.children.map(({ platform }) => platform)).toEqual([
      { os: "linux", architecture: "amd64" },
      { os: "linux", architecture: "arm", variant: "v7" },
    ]);
  });

  test("an artifact may have no config, and blobs for layers", () => {
    const bytes = encode(JSON.stringify({ schemaVersion: 2, blobs: [CHILD] }));
    expect(parseManifest(described(OCI_MANIFEST, bytes), bytes)).toEqual({
      kind: "image",
      config: undefined,
      layers: [CHILD as Descriptor],
    });
  });

  test("a manifest may leave its own media type out", () => {
    const bytes = encode(JSON.stringify({ schemaVersion: 2, manifests: [] }));
    expect(parseManifest(described(OCI_INDEX, bytes), bytes)).toEqual({ kind: "index", children: [] });
  });

  const hostile: readonly (readonly [reason: string, mediaType: string, value: unknown])[] = [
    ["it is an index and an image at once", OCI_INDEX, { manifests: [], layers: [] }],
    ["it is an index and an image at once", OCI_INDEX, { manifests: [], config: CHILD }],
    [`it is not a "${OCI_MANIFEST}"`, OCI_MANIFEST, { manifests: [] }],
    [`it is not a "${OCI_INDEX}"`, OCI_INDEX, { layers: [] }],
    [`its descriptor says "${OCI_MANIFEST}"`, OCI_MANIFEST, { mediaType: DOCKER_MANIFEST, layers: [] }],
    ["it is not a JSON object", OCI_MANIFEST, []],
    ["it is not a JSON object", OCI_MANIFEST, null],
    ["a list of descriptors is not a list", OCI_INDEX, { manifests: {} }],
    [`the descriptor of "${CHILD.digest}" is not valid`, OCI_INDEX, { manifests: [{ ...CHILD, size: -1 }] }],
    ["a descriptor has no valid digest", OCI_MANIFEST, { layers: [{ ...CHILD, digest: "sha256:/etc" }] }],
    ["a descriptor has no valid digest", OCI_MANIFEST, { config: null }],
  ];
  test.each(hostile)("refuses bytes of which it says: %s", async (reason, mediaType, value) => {
    const bytes = encode(JSON.stringify(value));
    const descriptor = described(mediaType, bytes);
    const error = await errorOf(() => parseManifest(descriptor, bytes));
    expect(error).toStartWith(`INTEGRITY: Cannot read manifest "${descriptor.digest}": `);
    expect(error).toContain(reason);
  });

  test.each([
    [10_000, OCI_INDEX, (length: number) => ({ manifests: Array.from({ length }, () => CHILD) })],
    [1000, OCI_MANIFEST, (length: number) => ({ layers: Array.from({ length }, () => CHILD) })],
  ] as const)("takes %d descriptors of %s, and no more", async (most, mediaType, make) => {
    const parse = (length: number) => {
      const bytes = encode(JSON.stringify(make(length)));
      return parseManifest(described(mediaType, bytes), bytes);
    };
    expect(parse(most)).toBeObject();
    expect(await errorOf(() => parse(most + 1))).toMatch(
      new RegExp(`^UNSUPPORTED: .* it lists ${most + 1} descriptors, and ${most} are the most$`),
    );
  });

  test("refuses what is not UTF-8", async () => {
    const bytes = new Uint8Array([0x7b, 0xff, 0x7d]);
    expect(await errorOf(() => parseManifest(described(OCI_MANIFEST, bytes), bytes))).toEndWith("it is not JSON");
  });

  test("refuses schema 1 whatever it claims to be", async () => {
    const { bytes } = schema1().manifests[0]!;
    for (const mediaType of [schema1().root.mediaType, DOCKER_MANIFEST])
      expect(await errorOf(() => parseManifest(described(mediaType, bytes), bytes))).toStartWith("UNSUPPORTED: ");
  });
});

describe("sniffMediaType", () => {
  test.each([
    ["what it says itself", { mediaType: "a/b", manifests: [] }, "a/b"],
    ["an index", { schemaVersion: 2, manifests: [] }, OCI_INDEX],
    ["an image by its layers", { schemaVersion: 2, layers: [] }, OCI_MANIFEST],
    ["an image by its config", { schemaVersion: 2, config: {} }, OCI_MANIFEST],
    ["schema 1", { schemaVersion: 1, mediaType: "a/b" }, "application/vnd.docker.distribution.manifest.v1+json"],
    ["nothing", { schemaVersion: 2 }, undefined],
    ["a number", 2, undefined],
  ])("finds %s", (_, value, mediaType) => {
    expect(sniffMediaType(encode(JSON.stringify(value)))).toBe(mediaType);
  });

  test("bytes that are no JSON have no type", () => {
    expect(sniffMediaType(encode("{"))).toBeUndefined();
  });
});

describe("composeIndex", () => {
  const [amd64, arm64, s390x] = ["linux/amd64", "linux/arm64", "linux/s390x"].map((platform) => image({ platform }));
  const whole = index([amd64!, arm64!, s390x!], { annotations: { kept: "yes" } });
  // Spaces that no serialiser would write: only the original bytes have them.
  const bytes = encode(`${decode(whole.manifests.at(-1)!.bytes).slice(0, -1)} , "x-unknown": 1 } `);
  const original = { descriptor: described(OCI_INDEX, bytes), bytes };
  const digestsOf = (...roots: { root: Descriptor }[]): Set<string> => new Set(roots.map(({ root }) => root.digest));

  test("all children kept: the original bytes", () => {
    const composed = composeIndex(original, digestsOf(amd64!, arm64!, s390x!));
    expect(composed.bytes).toBe(bytes);
    expect(composed).toMatchObject({ restored: true, dropped: [] });
  });

  test("a subset keeps the order, the annotations and unknown fields", () => {
    const composed = composeIndex(original, digestsOf(s390x!, amd64!));
    const { manifests, ...rest } = JSON.parse(decode(bytes));
    expect(JSON.parse(decode(composed.bytes))).toEqual({ ...rest, manifests: [manifests[0], manifests[2]] });
    expect(composed.restored).toBe(false);
  });

  test("what is at the destination already is merged in", () => {
    const composed = composeIndex(original, digestsOf(s390x!), [amd64!.root]);
    expect(JSON.parse(decode(composed.bytes)).manifests.map(({ digest }: Descriptor) => digest)).toEqual([
      amd64!.root.digest,
      s390x!.root.digest,
    ]);
    expect(composed.dropped).toEqual([]);
  });

  test("when kept and present are all, the original bytes come back", () => {
    const composed = composeIndex(original, digestsOf(s390x!), [amd64!.root, arm64!.root]);
    expect(composed.bytes).toBe(bytes);
    expect(composed.restored).toBe(true);
  });

  test("children of a tag that moved are dropped, and said", () => {
    const older = image({ seed: "older" });
    const composed = composeIndex(original, digestsOf(s390x!), [older.root, amd64!.root]);
    expect(composed.dropped).toEqual([older.root]);
    expect(decode(composed.bytes)).not.toContain(older.root.digest);
  });

  test("they are said when the original comes back, too", () => {
    const composed = composeIndex(original, digestsOf(amd64!, arm64!, s390x!), [chart().root]);
    expect(composed).toMatchObject({ restored: true, dropped: [chart().root] });
  });

  test("attestations are children like others", () => {
    const made = attested(["linux/amd64", "linux/arm64"]);
    const { children } = { children: JSON.parse(decode(made.manifests.at(-1)!.bytes)).manifests as Descriptor[] };
    const source = { descriptor: made.root, bytes: made.manifests.at(-1)!.bytes };
    const kept = new Set([children[0]!.digest, children[2]!.digest]);
    const composed = JSON.parse(decode(composeIndex(source, kept).bytes)) as { manifests: unknown[] };
    expect(composed.manifests).toEqual([children[0], children[2]]);
  });
});
