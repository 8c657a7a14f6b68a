/**
 * Which manifests a registry takes: OCI's, Docker's, those with a subject, indexes with gaps. OCI distribution-spec v1.1
 * "Pushing Manifests".
 */
import { randomBytes } from "node:crypto";
import { encode } from "../../bytes/stream.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { digestOf } from "../../oci/digest.ts";
import { DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from "../../oci/media-types.ts";
import { contentPath } from "../../registry/endpoint.ts";
import { openRepository } from "../../registry/repository.ts";
import { drain } from "../../registry/wire/drain.ts";
import { contentOf, MANIFEST_LIMIT, readAll } from "../../store/read.ts";
import type { Content } from "../../store/store.ts";
import { ask, type Examination, guarded, reasonOf } from "./examination.ts";
import type { Finding } from "./finding.ts";
import { examineReferrers } from "./referrers.ts";
import { isRemoved } from "./remains.ts";

const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar";

/** Writes manifests of each kind, all of an image with one layer that is there already. */
export async function* examineManifests(
  examination: Examination,
  layer: Descriptor,
  { read }: { read: boolean },
): AsyncGenerator<Finding> {
  const { client, path, signal } = examination;
  const rootfs = { type: "layers", diff_ids: [layer.digest] };
  const config = json(OCI_CONFIG, { architecture: "amd64", os: "linux", config: {}, rootfs });
  await openRepository(client, path).put(config, { signal });
  const image = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: config.descriptor, layers: [layer] };
  const oci = json(OCI_MANIFEST, image);
  const docker = json(DOCKER_MANIFEST, {
    ...image,
    mediaType: DOCKER_MANIFEST,
    config: { ...config.descriptor, mediaType: DOCKER_CONFIG },
    layers: [{ ...layer, mediaType: DOCKER_LAYER }],
  });
  const [forOci, forDocker] = [await put(examination, oci), await put(examination, docker)];
  yield describeKinds(forOci.refusal, forDocker.refusal);
  if (forOci.refusal !== undefined) return;
  const artifact = { ...image, artifactType: "application/vnd.dray.doctor", subject: oci.descriptor };
  yield* guarded("subject", examination, (own) => examineSubject(own, oci, json(OCI_MANIFEST, artifact)));
  if (!read) yield* guarded("referrers", examination, (own) => examineReferrers(own, oci.descriptor.digest));
  yield* guarded("sparse index", examination, (own) => examineSparse(own, oci));
}

function describeKinds(oci: string | undefined, docker: string | undefined): Finding {
  const check = "manifests";
  if (oci === undefined && docker === undefined)
    return { check, state: "ok", said: "of OCI and of Docker are accepted" };
  if (oci === undefined) {
    const said = `of OCI are accepted, of Docker are not (${docker}): images in Docker's format cannot be pushed`;
    return { check, state: "warning", said, advice: "zot takes them with http.compat: docker2s2" };
  }
  if (docker !== undefined) return { check, state: "failed", said: `refused: ${oci}` };
  const said = `of Docker are accepted, of OCI are not (${oci}): most newer images cannot be pushed`;
  return { check, state: "warning", said, advice: "the registry is too old, or has OCI types switched off" };
}

/** As a signature has it: `artifact`, which refers to `image`. Who does not list it leaves that to clients. */
async function* examineSubject(examination: Examination, image: Content, artifact: Content): AsyncGenerator<Finding> {
  const check = "subject";
  if (!(await isRemoving(examination, image))) {
    yield { check, state: "skipped", said: "not tried: the registry removes nothing, and would list it" };
    return;
  }
  const { refusal, headers } = await put(examination, artifact);
  if (refusal !== undefined) {
    const said = `manifests with a subject are refused (${refusal}): signatures and SBOMs of that kind cannot be pushed`;
    yield { check, state: "warning", said, advice: "--no-referrers leaves them; cosign's tags go along as images do" };
  } else if (headers.get("oci-subject") === image.descriptor.digest)
    yield { check, state: "ok", said: "the registry keeps the list of what refers to an image" };
  else yield { check, state: "note", said: "the registry keeps no list of what refers to an image: a run keeps it" };
}

/** Tried with an image that was written, which is there afterwards: what stays must be seen by nobody. */
async function isRemoving(examination: Examination, content: Content): Promise<boolean> {
  const isGone = await isRemoved(examination, contentPath(examination.path, content.descriptor));
  return isGone && (await put(examination, content)).refusal === undefined;
}

/** An index of which a child is missing. */
async function* examineSparse(examination: Examination, present: Content): AsyncGenerator<Finding> {
  const check = "sparse index";
  const missing = { mediaType: OCI_MANIFEST, digest: digestOf(new Uint8Array(randomBytes(32))), size: 400 };
  const platform = (architecture: string): object => ({ platform: { os: "linux", architecture } });
  const manifests = [
    { ...present.descriptor, ...platform("amd64") },
    { ...missing, ...platform("arm64") },
  ];
  const index = json(OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests });
  const said = "refused, as by most: an image of which only some platforms are taken gets an index with another digest";
  if ((await put(examination, index)).refusal !== undefined) yield { check, state: "note", said };
  else yield { check, state: "ok", said: "an index may name platforms that are missing" };
}

/** Writes a manifest under its digest. `refusal` says why it was not taken. */
async function put(
  examination: Examination,
  content: Content,
): Promise<{ readonly headers: Headers; readonly refusal: string | undefined }> {
  const { descriptor } = content;
  const upload = await readAll(content, MANIFEST_LIMIT);
  const headers = { "content-type": descriptor.mediaType };
  const url = contentPath(examination.path, descriptor);
  const response = await ask(examination, "pull,push", "PUT", url, { headers, upload });
  if (!response.ok) return { headers: response.headers, refusal: await reasonOf(examination, response) };
  await drain(response);
  return { headers: response.headers, refusal: undefined };
}

function json(mediaType: string, value: unknown): Content {
  return contentOf(mediaType, encode(JSON.stringify(value)));
}
