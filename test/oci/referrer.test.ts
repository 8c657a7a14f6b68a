/** Whom a manifest refers to, and under which tags that is found. */
import { describe, expect, test } from "bun:test";
import { decode, encode } from "../../src/bytes/stream.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { cosignTags, fallbackTag, referralOf, withReferrer } from "../../src/oci/referrer.ts";

const HEX = "0123456789abcdef".repeat(4);
const SUBJECT: Digest = `sha256:${HEX}`;
const OTHER: Digest = `sha256:${"f".repeat(64)}`;
const one: Descriptor = { mediaType: OCI_MANIFEST, digest: OTHER, size: 10 };
const subject = { mediaType: OCI_MANIFEST, digest: SUBJECT, size: 5 };
const config = { mediaType: OCI_CONFIG, digest: OTHER, size: 1 };

function referral(value: unknown): ReturnType<typeof referralOf> {
  return referralOf(one, encode(JSON.stringify(value)));
}

describe("referralOf", () => {
  test("says the artifact type and the annotations of the manifest", () => {
    const annotations = { a: "b" };
    expect(referral({ artifactType: "x/y", config, annotations, subject })).toEqual({
      subject: SUBJECT,
      referrer: { ...one, artifactType: "x/y", annotations },
    });
  });

  test("takes the type of the config where there is no other", () => {
    expect(referral({ config, subject })?.referrer.artifactType).toBe(OCI_CONFIG);
    expect(referral({ artifactType: "", config, subject })?.referrer.artifactType).toBe(OCI_CONFIG);
    expect(referral({ manifests: [], subject })?.referrer.artifactType).toBeUndefined();
  });

  test.each([[{}], [{ subject: null }], [{ subject: { ...subject, digest: "md5:1" } }], [[]], [null]])(
    "is nothing for %j",
    (value) => expect(referral(value)).toBeUndefined(),
  );

  test("is nothing for what is no JSON", () => expect(referralOf(one, encode("{"))).toBeUndefined());
});

test("tags have the digest of the subject, cut where a tag ends", () => {
  expect(fallbackTag(SUBJECT)).toBe(`sha256-${HEX}`);
  expect(fallbackTag(`sha512:${HEX}${HEX}`)).toBe(`sha512-${HEX}`);
  expect(cosignTags(SUBJECT)).toEqual(["sig", "att", "sbom"].map((kind) => `sha256-${HEX}.${kind}`));
  expect(cosignTags(`sha512:${HEX}${HEX}`)).toEqual([]);
});

describe("withReferrer", () => {
  const list = (bytes: Uint8Array | undefined): unknown =>
    bytes && JSON.parse(decode(bytes as Uint8Array<ArrayBuffer>));

  test("begins a list", () => {
    expect(list(withReferrer(undefined, one))).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [one] });
  });

  test("keeps what it does not know", () => {
    const before = { schemaVersion: 2, extra: 1, manifests: [{ ...subject, odd: true }] };
    expect(list(withReferrer(encode(JSON.stringify(before)), one))).toEqual({
      ...before,
      manifests: [...before.manifests, one],
    });
  });

  test("changes nothing where the list has it", () => {
    expect(withReferrer(withReferrer(undefined, one), { ...one, artifactType: "x/y" })).toBeUndefined();
  });
});
