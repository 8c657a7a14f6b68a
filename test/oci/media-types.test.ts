/** What a media type says about bytes. */
import { expect, test } from "bun:test";
import { isCompressedType, isForeignType, isImageConfigType, isZstdType } from "../../src/oci/media-types.ts";

const OCI = "application/vnd.oci.image.layer.v1.tar";
const DOCKER = "application/vnd.docker.image.rootfs.diff.tar";

test.each([
  [`${OCI}+gzip`, true, false],
  [`${DOCKER}.gzip`, true, false],
  [`${OCI}+zstd`, true, true],
  [`${DOCKER}.zstd`, true, true],
  [`${OCI}+gzip+encrypted`, true, false],
  ["application/vnd.cncf.helm.chart.content.v1.tar+gzip", true, false],
  ["application/tar.gz", true, false],
  [OCI, false, false],
  ["application/vnd.oci.image.config.v1+json", false, false],
  ["application/gzippy.gzipped", false, false],
])("%s: compressed %p, zstd %p", (mediaType, compressed, zstd) => {
  expect(isCompressedType(mediaType)).toBe(compressed);
  expect(isZstdType(mediaType)).toBe(zstd);
});

test.each([
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", true],
  ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", true],
  [`${OCI}+gzip`, false],
])("%s: foreign %p", (mediaType, foreign) => {
  expect(isForeignType(mediaType)).toBe(foreign);
});

test("only the configs of images name a platform", () => {
  expect(isImageConfigType("application/vnd.docker.container.image.v1+json")).toBe(true);
  expect(isImageConfigType("application/vnd.oci.image.config.v1+json")).toBe(true);
  expect(isImageConfigType("application/vnd.cncf.helm.config.v1+json")).toBe(false);
});
