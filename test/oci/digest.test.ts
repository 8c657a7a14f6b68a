/** Digests: what is taken for one, and what they are of. */
import { expect, test } from "bun:test";
import { encode } from "../../src/bytes/stream.ts";
import { digestOf, digestOfPath, hashFor, isDigest, shortDigest, splitDigest } from "../../src/oci/digest.ts";

const HEX = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

test.each([
  [`sha256:${HEX}`, true],
  [`sha512:${HEX}${HEX}`, true],
  [`sha512:${HEX}`, false],
  [`sha256:${HEX.toUpperCase()}`, false],
  [`sha256:${HEX.slice(1)}`, false],
  [`sha256:${HEX}0`, false],
  [`sha384:${HEX}${HEX.slice(32)}`, false],
  [`sha256:../../${HEX.slice(6)}`, false],
  [`sha256:${HEX}\n`, false],
  [HEX, false],
  [undefined, false],
  [12, false],
])("isDigest(%p) is %p", (text, valid) => {
  expect(isDigest(text)).toBe(valid);
});

test.each([
  [`saved-image-cache/share/sha256/${HEX}`, `sha256:${HEX}`],
  [`blobs/sha512/${HEX}${HEX}`, `sha512:${HEX}${HEX}`],
  [`sha256/${HEX}`, `sha256:${HEX}`],
  [`blobs/sha512/${HEX}`, undefined],
  [`blobs/sha256/${HEX}/`, undefined],
  [`blobs/SHA256/${HEX}`, undefined],
  [`sha256:${HEX}`, undefined],
  [HEX, undefined],
  ["", undefined],
])("the path %p spells %p", (path, digest) => {
  expect(digestOfPath(path)).toBe(digest as never);
});

test("hashes with the algorithm that is asked for", () => {
  expect(digestOf(encode("hello"))).toBe(`sha256:${HEX}`);
  const long = digestOf(encode("hello"), "sha512");
  expect(long).toStartWith("sha512:9b71d224bd62f378");
  expect(`sha512:${hashFor(long).update("hello").digest("hex")}`).toBe(long);
});

test("splits and shortens", () => {
  expect(splitDigest(`sha256:${HEX}`)).toEqual({ algorithm: "sha256", hex: HEX });
  expect(shortDigest(`sha256:${HEX}`)).toBe("sha256:2cf24dba5fb0");
});
