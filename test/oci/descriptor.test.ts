/** Descriptors from hostile JSON: taken whole, or not at all. */
import { expect, test } from "bun:test";
import { embeddedBytes, isIndex, isManifest, parseDescriptor } from "../../src/oci/descriptor.ts";
import { chart, image, multiPlatform, schema1 } from "../support/random-image.ts";

const GOOD = {
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  digest: `sha256:${"a".repeat(64)}`,
  size: 7,
};

test("keeps what we know and drops what we do not", () => {
  const all = {
    ...GOOD,
    platform: { os: "linux", architecture: "arm", variant: "v7" },
    annotations: { a: "b" },
    artifactType: "x/y",
  };
  expect(parseDescriptor({ ...all, urls: ["http://elsewhere"], data: "AA==" }) as unknown).toEqual(all);
});

const EMPTY = {
  mediaType: "application/vnd.oci.empty.v1+json",
  digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
  size: 2,
};

test("carries its content where that is as long as it says", () => {
  const parsed = parseDescriptor({ ...EMPTY, data: "e30=" })!;
  expect(parsed.data).toBe("e30=");
  expect(embeddedBytes(parsed)).toEqual(new TextEncoder().encode("{}") as Uint8Array<ArrayBuffer>);
  expect(embeddedBytes(parseDescriptor(EMPTY)!)).toBeUndefined();
});

test.each([
  ["of other bytes", "W10="],
  ["that is no base64", "!!!!"],
  ["of fewer bytes", "ew=="],
  ["of more bytes", "e319"],
])("content %s is not taken", (_, data) => {
  const parsed = parseDescriptor({ ...EMPTY, data })!;
  expect(parsed).toMatchObject(EMPTY);
  expect(embeddedBytes(parsed)).toBeUndefined();
});

test.each([
  ["longer than it says", 2, "e319e30="],
  ["larger than any registry allows", 2 ** 20 + 1, "A".repeat(4 * Math.ceil((2 ** 20 + 1) / 3))],
  ["no text", 2, 5],
])("content %s is dropped unread", (_, size, data) => {
  expect(parseDescriptor({ ...EMPTY, size, data })).not.toHaveProperty("data");
});

test.each([
  ["no media type", { ...GOOD, mediaType: undefined }],
  ["a digest that leaves the folder", { ...GOOD, digest: "sha256:../../etc/passwd" }],
  ["a negative size", { ...GOOD, size: -1 }],
  ["a fraction of a byte", { ...GOOD, size: 1.5 }],
  ["more bytes than can be counted", { ...GOOD, size: 2 ** 53 }],
  ["a size in words", { ...GOOD, size: "7" }],
  ["a media type that is longer than any", { ...GOOD, mediaType: "x".repeat(256) }],
  ["nothing", null],
  ["a list", [GOOD]],
])("refuses %s", (_, value) => {
  expect(parseDescriptor(value)).toBeUndefined();
});

test.each([
  ["a platform that is none", { platform: { os: "linux" } }],
  ["a platform of numbers", { platform: { os: "linux", architecture: 64 } }],
  ["a variant that is no text", { platform: { os: "linux", architecture: "arm", variant: 7 } }],
  ["annotations that are no texts", { annotations: { a: 1 } }],
  ["annotations that are no object", { annotations: "a" }],
  ["an artifact type that is no text", { artifactType: 1 }],
  ["an artifact type that is longer than any", { artifactType: "x".repeat(256) }],
  ["a platform whose name is longer than any", { platform: { os: "linux", architecture: "x".repeat(256) } }],
  ["a variant that is longer than any", { platform: { os: "linux", architecture: "arm", variant: "x".repeat(256) } }],
])("drops %s", (_, field) => {
  expect(parseDescriptor({ ...GOOD, ...field }) as unknown).toEqual(GOOD);
});

test("knows manifests and indexes by their types", () => {
  const [one, many, helm] = [image(), multiPlatform(["linux/amd64"], { format: "docker" }), chart()];
  expect([one.root, many.root, helm.root].map(isManifest)).toEqual([true, true, true]);
  expect([one.root, many.root, helm.root].map(isIndex)).toEqual([false, true, false]);
  expect(isManifest(one.blobs[0]!.descriptor)).toBe(false);
  expect(isManifest(schema1().root)).toBe(false);
});
