/** Which children of an index travel. */
import { expect, test } from "bun:test";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { EVERYTHING, type Platform, parseSelection, type Selection } from "../../src/oci/platform.ts";
import { attestedDigest, isAttestation, selectChildren } from "../../src/oci/selection.ts";
import { platformOf } from "../support/random-image.ts";

function child(name: string, fields: Partial<Descriptor> = {}): Descriptor {
  return { mediaType: OCI_MANIFEST, digest: digestOf(new TextEncoder().encode(name)), size: 1, ...fields };
}

function attestationOf(subject: Descriptor): Descriptor {
  return child(`attestation of ${subject.digest}`, {
    platform: platformOf("unknown/unknown"),
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": subject.digest,
    },
  });
}

const amd64 = child("amd64", { platform: platformOf("linux/amd64") });
const arm64 = child("arm64", { platform: platformOf("linux/arm64/v8") });
const windows = child("windows", { platform: platformOf("windows/amd64") });
const artifact = child("artifact");
const unknown = child("unknown", { platform: platformOf("unknown/unknown") });

/** As the walk says it: what the descriptor says, where that is a machine; `inside` for those that say nothing. */
function select(children: readonly Descriptor[], selection: Selection, inside: readonly Platform[] = []) {
  return selectChildren(children, selection, ({ platform }) => (platform ? [platform] : inside));
}

const ONLY_AMD64 = parseSelection("amd64", "linux");

test("platforms are kept in the order of the index", () => {
  const { kept, missed } = select([windows, arm64, amd64], parseSelection("amd64,arm64", "linux"));
  expect(kept).toEqual([arm64, amd64]);
  expect(missed).toBe(false);
});

test("none of the platforms asked for is a miss", () => {
  expect(select([windows, arm64], ONLY_AMD64).missed).toBe(true);
  expect(select([windows, arm64, artifact], ONLY_AMD64).missed).toBe(true);
});

test("an index without platforms is never missed", () => {
  expect(select([artifact], ONLY_AMD64)).toEqual({ kept: [artifact], missed: false });
  expect(select([], ONLY_AMD64)).toEqual({ kept: [], missed: false });
});

test("attestations travel with their image and only with it", () => {
  const [ofAmd64, ofArm64] = [attestationOf(amd64), attestationOf(arm64)];
  expect(select([amd64, arm64, ofAmd64, ofArm64], ONLY_AMD64).kept).toEqual([amd64, ofAmd64]);
  expect(isAttestation(ofArm64)).toBe(true);
  expect(attestedDigest(ofArm64)).toBe(arm64.digest);
  expect(attestedDigest(amd64)).toBeUndefined();
});

test("the attestation of an artifact travels with it", () => {
  const of = attestationOf(artifact);
  expect(select([amd64, arm64, artifact, of], ONLY_AMD64).kept).toEqual([amd64, artifact, of]);
});

test("what names no platform travels whatever is asked for", () => {
  expect(select([artifact, amd64, arm64], ONLY_AMD64).kept).toEqual([artifact, amd64]);
});

test("unknown/unknown stays behind as soon as something else does", () => {
  expect(select([amd64, unknown], ONLY_AMD64).kept).toEqual([amd64, unknown]);
  expect(select([amd64, arm64, unknown], ONLY_AMD64).kept).toEqual([amd64]);
});

test("when nothing is left out all is kept, dangling attestations too", () => {
  const children = [amd64, artifact, unknown, attestationOf(child("not here")), attestationOf(artifact)];
  expect(select(children, EVERYTHING).kept).toEqual(children);
});

test("a child without a platform of its own has those found in it", () => {
  expect(select([artifact, amd64], ONLY_AMD64, [platformOf("linux/s390x")]).kept).toEqual([amd64]);
  expect(select([artifact], ONLY_AMD64, [platformOf("linux/s390x"), platformOf("linux/amd64")]).kept).toEqual([
    artifact,
  ]);
});
