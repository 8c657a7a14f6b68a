/** Who refers to a manifest: the registry's list, and the tag that stands in for it. Registry facts of A.9. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Descriptor } from "../../../../src/oci/descriptor.ts";
import { OCI_INDEX } from "../../../../src/oci/media-types.ts";
import { type Part, part, referrer } from "../../../support/random-image.ts";
import type { Extras } from "../../../support/scripted-answer.ts";
import type { Talk } from "../../../support/scripted-registry.ts";
import { each, fails, given, MANIFEST, refusal } from "../given.ts";

const SUBJECT = MANIFEST.descriptor.digest;
const TAG = SUBJECT.replace(":", "-");
const API = `/v2/a/referrers/${SUBJECT}`;
const TAGS = "/v2/a/tags/list?n=1000";
const BY_TAG = `/v2/a/manifests/${TAG}`;
const [SIGNATURE, SBOM] = ["application/vnd.example.signature", "application/vnd.example.sbom"].map(
  (type) => referrer(MANIFEST.descriptor, type).manifests[0]!,
) as [Part, Part];
const BY_DIGEST = `/v2/a/manifests/${SIGNATURE.descriptor.digest}`;

/** A list of referrers, as bytes. */
function listOf(...parts: readonly Part[]): Part {
  const manifests = parts.map(({ descriptor: { mediaType, digest, size, artifactType } }) => ({
    mediaType,
    digest,
    size,
    artifactType,
  }));
  const json = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
  return part(OCI_INDEX, new TextEncoder().encode(json));
}

async function referrersOf({ open }: Talk): Promise<readonly string[]> {
  const found: readonly Descriptor[] = await open().repository("a").referrers!(SUBJECT);
  return found.map(({ digest, artifactType }) => `${artifactType} ${digest}`).sort();
}

function wanted(...parts: readonly Part[]): readonly string[] {
  return parts.map(({ descriptor: { digest, artifactType } }) => `${artifactType} ${digest}`).sort();
}

export async function fromTheRegistrysOwnList(talk: Talk): Promise<void> {
  const { bytes } = listOf(SIGNATURE, SBOM);
  const asked = talk.registry.always(`GET ${API} [accept: ${OCI_INDEX}] -> 200 [content-type: ${OCI_INDEX}]`, {
    body: bytes,
  });
  talk.registry.always(`GET ${TAGS} -> 200`, { body: { tags: ["v1"] } });
  deepStrictEqual(await referrersOf(talk), wanted(SIGNATURE, SBOM));
  strictEqual(asked.length, 1);
}

/** Where the endpoint gives no list, the tag has it. */
async function fromTheTag(talk: Talk, answered: string, body: string | object): Promise<void> {
  const { registry } = talk;
  const list = listOf(SIGNATURE);
  const asked = registry.always(`GET ${API} -> ${answered}`, { body });
  registry.always(`GET ${TAGS} -> 200`, { body: { tags: ["v1", TAG] } });
  registry(`HEAD ${BY_TAG} -> 200`, given(list));
  registry(`GET /v2/a/manifests/${list.descriptor.digest} -> 200`, given(list));
  deepStrictEqual(await referrersOf(talk), wanted(SIGNATURE));
  strictEqual(asked.length, 1);
}

export const theTagStandsInFor = each(fromTheTag, {
  "no endpoint": ["404", "404 page not found"],
  "an endpoint that knows no such manifest": ["404", refusal("MANIFEST_UNKNOWN")],
  "an endpoint that refuses": ["405", refusal("UNSUPPORTED")],
  "a page instead of a list": ["200 [content-type: text/html]", "<!doctype html><title>Welcome</title>"],
  "an empty list and a tag": [
    `200 [content-type: ${OCI_INDEX}]`,
    { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] },
  ],
});

export async function fromBothWithoutTwins(talk: Talk): Promise<void> {
  const { registry } = talk;
  const list = listOf(SIGNATURE, SBOM);
  registry.always(`GET ${API} -> 200 [content-type: ${OCI_INDEX}]`, { body: listOf(SBOM).bytes });
  registry.always(`GET ${TAGS} -> 200`, { body: { tags: [TAG] } });
  registry(`HEAD ${BY_TAG} -> 200`, given(list));
  registry(`GET /v2/a/manifests/${list.descriptor.digest} -> 200`, given(list));
  deepStrictEqual(await referrersOf(talk), wanted(SIGNATURE, SBOM));
}

export async function listsInPages(talk: Talk): Promise<void> {
  const { registry } = talk;
  registry.always(`GET ${API} -> 200 [content-type: ${OCI_INDEX}] [link: <${API}?page=2>; rel="next"]`, {
    body: listOf(SIGNATURE).bytes,
  });
  registry(`GET ${API}?page=2 -> 200 [content-type: ${OCI_INDEX}]`, { body: listOf(SBOM).bytes });
  registry.always(`GET ${TAGS} -> 200`, { body: { tags: ["v1"] } });
  deepStrictEqual(await referrersOf(talk), wanted(SIGNATURE, SBOM));
}

export async function listsWithoutAnEnd(talk: Talk): Promise<void> {
  const { registry } = talk;
  let page = 0;
  const asked = registry.always(`GET ${API}… -> 200 [content-type: ${OCI_INDEX}]`, () => ({
    body: listOf(referrer(MANIFEST.descriptor, "application/x", ++page).manifests[0]!).bytes,
    headers: { link: `<${API}?page=${page}>; rel="next"` },
  }));
  registry.always(`GET ${TAGS} -> 200`, { body: { tags: ["v1"] } });
  await fails(referrersOf(talk), "UNSUPPORTED: Cannot list the referrers of …: the list has no end");
  strictEqual(asked.length, 100);
}

export async function listsThatGoOnElsewhere(talk: Talk): Promise<void> {
  const { registry } = talk;
  registry.always(`GET ${API} -> 200 [content-type: ${OCI_INDEX}] [link: <http://169.254.169.254/x>; rel="next"]`, {
    body: listOf(SIGNATURE).bytes,
  });
  registry.always(`GET ${TAGS} -> 200`, { body: { tags: ["v1"] } });
  await fails(referrersOf(talk), "…: Cannot list the referrers of …");
}

export async function theRegistryKeepsTheListItself({ registry, open }: Talk): Promise<void> {
  registry(`PUT ${BY_DIGEST} -> 201 [oci-subject: ${SUBJECT}]`, { sent: SIGNATURE.bytes });
  await open().repository("a").put(SIGNATURE);
}

export async function aNewListUnderTheTag({ registry, open }: Talk): Promise<void> {
  const list = listOf(SIGNATURE);
  registry(`PUT ${BY_DIGEST} -> 201`, { sent: SIGNATURE.bytes });
  registry(`HEAD ${BY_TAG} -> 404`);
  registry(`GET ${BY_TAG} -> 404`);
  registry(`PUT ${BY_TAG} [content-type: ${OCI_INDEX}] -> 201`, { sent: list.bytes });
  registry(`HEAD ${BY_TAG} -> 200`, given(list));
  await open().repository("a").put(SIGNATURE);
}

export async function oneMoreInTheListUnderTheTag({ registry, open }: Talk): Promise<void> {
  const [before, after] = [listOf(SBOM), listOf(SBOM, SIGNATURE)];
  registry(`PUT ${BY_DIGEST} -> 201`, { sent: SIGNATURE.bytes });
  registry(`HEAD ${BY_TAG} -> 200`, given(before));
  registry(`GET /v2/a/manifests/${before.descriptor.digest} -> 200`, given(before));
  registry(`PUT ${BY_TAG} [content-type: ${OCI_INDEX}] -> 201`, { sent: after.bytes });
  registry(`HEAD ${BY_TAG} -> 200`, given(after));
  await open().repository("a").put(SIGNATURE);
}

export async function somebodyElseWroteTheListToo({ registry, open }: Talk): Promise<void> {
  const [own, theirs, both] = [listOf(SIGNATURE), listOf(SBOM), listOf(SBOM, SIGNATURE)];
  registry(`PUT ${BY_DIGEST} -> 201`, { sent: SIGNATURE.bytes });
  registry(`HEAD ${BY_TAG} -> 404`);
  registry(`GET ${BY_TAG} -> 404`);
  registry(`PUT ${BY_TAG} -> 201`, { sent: own.bytes });
  registry(`HEAD ${BY_TAG} -> 200`, given(theirs));
  registry(`GET /v2/a/manifests/${theirs.descriptor.digest} -> 200`, given(theirs));
  registry(`PUT ${BY_TAG} -> 201`, { sent: both.bytes });
  registry(`HEAD ${BY_TAG} -> 200`, given(both));
  await open().repository("a").put(SIGNATURE);
}

export async function oneWriterForEachSubject({ registry, open }: Talk): Promise<void> {
  let kept = listOf();
  const current = (): Extras => given(kept);
  registry.always("PUT /v2/a/manifests/sha256:… -> 201");
  registry.always(`HEAD ${BY_TAG} -> 200`, current);
  registry.always("GET /v2/a/manifests/sha256:… -> 200", current);
  const written = registry.always(`PUT ${BY_TAG} -> 201`, { onBody: (body) => (kept = part(OCI_INDEX, body)) });
  const repository = open().repository("a");
  await Promise.all([repository.put(SIGNATURE), repository.put(SBOM)]);
  strictEqual(written.length, 2);
  const { manifests } = JSON.parse(Buffer.from(kept.bytes).toString()) as { manifests: Descriptor[] };
  deepStrictEqual(
    manifests.map(({ digest }) => digest).sort(),
    [SIGNATURE, SBOM].map(({ descriptor }) => descriptor.digest).sort(),
  );
}
