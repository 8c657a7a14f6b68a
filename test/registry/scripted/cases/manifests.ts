/** Manifests: what they are, how large, and whether they are what they say. Registry facts of A.6 and G.2. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { digestOf } from "../../../../src/oci/digest.ts";
import { ACCEPT_MANIFESTS, OCI_INDEX, OCI_MANIFEST } from "../../../../src/oci/media-types.ts";
import { EVERYTHING } from "../../../../src/oci/platform.ts";
import { walk } from "../../../../src/operations/walk.ts";
import { image, type Part, part, schema1 } from "../../../support/random-image.ts";
import type { Extras } from "../../../support/scripted-answer.ts";
import type { Talk } from "../../../support/scripted-registry.ts";
import { each, fails, given, MANIFEST, MANIFEST_PATH, pull, refusal } from "../given.ts";

const { descriptor, bytes } = MANIFEST;
const { mediaType, digest, size } = descriptor;
const BY_DIGEST = `/v2/a/manifests/${digest}`;

export async function headIsEnough({ registry, open }: Talk): Promise<void> {
  registry(`HEAD ${MANIFEST_PATH} [accept: ${ACCEPT_MANIFESTS}] [accept-encoding: identity] -> 200`, given(MANIFEST));
  deepStrictEqual(await open().repository("a").resolve("v1"), { mediaType, digest, size });
}

async function headThenGet({ registry, open }: Talk, head: string, extras: Extras = {}): Promise<void> {
  registry(`HEAD ${MANIFEST_PATH} -> ${head}`, extras);
  registry(`GET ${MANIFEST_PATH} [accept: ${ACCEPT_MANIFESTS}] -> 200`, given(MANIFEST));
  deepStrictEqual(await open().repository("a").resolve("v1"), { mediaType, digest, size });
}

export const head = each(headThenGet, {
  "without a digest": [`200 [content-type: ${mediaType}]`, { body: bytes }],
  "without a length": [`200 [content-type: ${mediaType}] [docker-content-digest: ${digest}]`, { unmeasured: true }],
  "without a type": [`200 [docker-content-digest: ${digest}]`, { body: bytes }],
  "with a digest that is none": [
    `200 [content-type: ${mediaType}] [docker-content-digest: sha256:../../x]`,
    { body: bytes },
  ],
  "refused with 403": ["403"],
  "refused with 404": ["404"],
  "refused with 405": ["405"],
});

export async function notThere({ registry, open }: Talk): Promise<void> {
  registry(`HEAD ${MANIFEST_PATH} -> 404`);
  registry(`GET ${MANIFEST_PATH} -> 404`, { body: refusal("MANIFEST_UNKNOWN") });
  strictEqual(await open().repository("a").resolve("v1"), undefined);
}

async function typeFromTheBytes({ registry, open }: Talk, type: string): Promise<void> {
  registry(`HEAD ${MANIFEST_PATH} -> 405`);
  registry(`GET ${MANIFEST_PATH} -> 200 [content-type: ${type}]`, { body: bytes });
  deepStrictEqual(await open().repository("a").resolve("v1"), { mediaType, digest, size });
}

export const type = each(typeFromTheBytes, {
  text: ["text/plain; charset=utf-8"],
  json: ["application/json"],
  octets: ["application/octet-stream"],
  "with parameters": [`${mediaType}; charset=utf-8`],
});

export async function moreThanTheLimit({ registry, open }: Talk): Promise<void> {
  registry(`HEAD ${MANIFEST_PATH} -> 405`);
  registry(`GET ${MANIFEST_PATH} -> 200 [content-type: ${mediaType}] [content-length: 5000000]`, {
    body: bytes,
    silent: 10,
  });
  await fails(open().repository("a").resolve("v1"), "UNSUPPORTED: Cannot read …: it has more than 4194304 bytes");
}

export async function moreThanTheLimitWithoutSayingSo({ registry, open }: Talk): Promise<void> {
  registry(`HEAD ${MANIFEST_PATH} -> 405`);
  registry(`GET ${MANIFEST_PATH} -> 200 [content-type: ${mediaType}]`, {
    body: new Uint8Array(5_000_000),
    unmeasured: true,
  });
  await fails(open().repository("a").resolve("v1"), "UNSUPPORTED: Cannot read …: it has more than 4194304 bytes");
}

export async function moreThanTheLimitByItsDescriptor({ open }: Talk): Promise<void> {
  const content = open().repository("a").get({ mediaType, digest, size: 5_000_000 });
  await fails(pull(open().repository("a"), content), "UNSUPPORTED: Cannot read …: 5000000 bytes are more than …");
}

export async function aWrongDigestInTheHeader({ registry, open }: Talk): Promise<void> {
  const other = digestOf(new Uint8Array(1));
  registry(`HEAD ${MANIFEST_PATH} -> 405`);
  registry(`GET ${MANIFEST_PATH} -> 200 [content-type: ${mediaType}] [docker-content-digest: ${other}]`, {
    body: bytes,
  });
  await fails(
    open().repository("a").resolve("v1"),
    `INTEGRITY: Cannot read …: the registry says "${other}" and sent "${digest}"`,
  );
}

export async function otherBytesThanTheDigestAskedFor({ registry, open }: Talk): Promise<void> {
  registry.always(`GET ${BY_DIGEST} -> 200 [docker-content-digest: ${digest}]`, {
    body: image({ seed: 2 }).manifests[0]!.bytes,
  });
  await fails(pull(open().repository("a"), MANIFEST), "INTEGRITY: Cannot read …");
}

export async function aHeadOfAnotherDigestIsNotBelieved({ registry, open }: Talk): Promise<void> {
  const other = image({ seed: 2 }).manifests[0]!;
  registry(`HEAD ${BY_DIGEST} -> 200`, given(other));
  registry(`GET ${BY_DIGEST} -> 200`, given(other));
  await fails(open().repository("a").resolve(digest), "INTEGRITY: Cannot read …");
}

export async function encodedManifest({ registry, open }: Talk): Promise<void> {
  registry(`HEAD ${MANIFEST_PATH} -> 405`);
  registry(`GET ${MANIFEST_PATH} -> 200 [content-encoding: gzip] [content-type: ${mediaType}]`, { body: bytes });
  await fails(open().repository("a").resolve("v1"), 'UNSUPPORTED: Cannot read …"gzip"…');
}

export async function aPageInsteadOfAManifest({ registry, open }: Talk): Promise<void> {
  registry(`HEAD ${MANIFEST_PATH} -> 200 [content-type: text/html]`, { body: "<html>" });
  registry(`GET ${MANIFEST_PATH} -> 200 [content-type: text/html]`, { body: "<html>" });
  await fails(open().repository("a").resolve("v1"), "UNSUPPORTED: Cannot read …it is a web page");
}

export async function theFirstFormat({ registry, open }: Talk): Promise<void> {
  const old = schema1().manifests[0]!;
  registry(`HEAD ${MANIFEST_PATH} -> 405`);
  registry(`GET ${MANIFEST_PATH} -> 200 [content-type: text/plain]`, { body: old.bytes });
  await fails(open().repository("a").resolve("v1"), "UNSUPPORTED: Cannot read …schema 1…");
}

/** A manifest of two kinds at once, which two readers would take for different things. */
async function ambiguous({ registry, open }: Talk, type: string): Promise<void> {
  const list = { manifests: [], layers: [], config: image().blobs[0]!.descriptor };
  const both: Part = part(
    type,
    new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType: type, ...list })),
  );
  registry(`GET /v2/a/manifests/${both.descriptor.digest} -> 200`, given(both));
  const from = open().repository("a");
  await fails(walk(from, both.descriptor, { selection: EVERYTHING }), "INTEGRITY: Cannot …index and an image at once…");
}

export const bothManifestsAndLayers = each(ambiguous, {
  "in an index": [OCI_INDEX],
  "in an image": [OCI_MANIFEST],
});

export async function anotherTypeInside({ registry, open }: Talk): Promise<void> {
  const bytesOfImage = { ...MANIFEST.descriptor, mediaType: OCI_INDEX };
  registry(`GET ${BY_DIGEST} -> 200 [content-type: ${OCI_INDEX}]`, { body: bytes });
  await fails(walk(open().repository("a"), bytesOfImage, { selection: EVERYTHING }), "INTEGRITY: Cannot …media type…");
}

export async function putUnderATag({ registry, open }: Talk): Promise<void> {
  registry(`PUT ${MANIFEST_PATH} [content-type: ${mediaType}] [content-length: ${size}] -> 201`, { sent: bytes });
  await open().repository("a").tag("v1", MANIFEST);
}

export async function anotherDigestIsStored({ registry, open }: Talk): Promise<void> {
  registry(`PUT ${BY_DIGEST} -> 201 [docker-content-digest: sha256:${"0".repeat(64)}]`, { sent: bytes });
  await fails(open().repository("a").put(MANIFEST), "INTEGRITY: Cannot write …");
}

export async function blobsAreMissing({ registry, open }: Talk): Promise<void> {
  registry(`PUT ${BY_DIGEST} -> 400`, {
    sent: bytes,
    body: refusal("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"),
  });
  await fails(
    open().repository("a").put(MANIFEST),
    "…: Cannot write …MANIFEST_BLOB_UNKNOWN (blob unknown to registry)",
  );
}

export async function tooLargeForTheRegistry({ registry, open }: Talk): Promise<void> {
  registry(`PUT ${BY_DIGEST} -> 413`, { sent: bytes });
  await fails(open().repository("a").put(MANIFEST), "…: Cannot write …413…");
}

export async function namesThatAreNone({ open }: Talk): Promise<void> {
  const repository = open().repository("a");
  for (const name of ["../x", "a/b", "a b", "sha256:12", "", "x".repeat(129), "a?b=1", "a%2fb"])
    await fails(repository.resolve(name), "USAGE: Cannot resolve …");
}
