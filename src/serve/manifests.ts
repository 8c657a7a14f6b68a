/** Manifests, out and in. OCI distribution-spec v1.1 "Pulling manifests" and "Pushing Manifests". */
import { type Bytes, collect, decode } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { digestOf, isDigest, splitDigest } from "../oci/digest.ts";
import { parseManifest, sniffMediaType } from "../oci/manifest.ts";
import { isForeignType, isManifestType } from "../oci/media-types.ts";
import { isTag } from "../oci/reference.ts";
import { type Referral, referralOf } from "../oci/referrer.ts";
import { inMemory, MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Sink } from "../store/store.ts";
import { FOREVER } from "./blobs.ts";
import { Refusal } from "./errors.ts";
import { bodyOf, checkedDigest, type Exchange, writable } from "./exchange.ts";
import type { Referrers } from "./referrers.ts";

/** Answers GET and HEAD with the stored bytes, whatever the client says that it accepts. */
export async function getManifest({ request, repository, path }: Exchange, reference: string): Promise<Response> {
  const { signal } = request;
  const known = isDigest(reference) || isTag(reference) ? await repository.resolve(reference, { signal }) : undefined;
  if (!known)
    throw new Refusal(404, "MANIFEST_UNKNOWN", `"${path}" does not have this manifest`, {
      detail: { reference: reference.slice(0, 200) },
    });
  const { digest, mediaType, size } = known;
  const etag = `"${digest}"`;
  const headers = {
    "cache-control": isDigest(reference) ? FOREVER : "no-cache",
    "content-type": mediaType,
    "docker-content-digest": digest,
    etag,
  };
  const unchanged = request.headers
    .get("if-none-match")
    ?.split(",")
    .some((tag) => tag.trim() === etag);
  if (unchanged) return new Response(null, { status: 304, headers });
  const body = request.method === "HEAD" ? null : await readAll(repository.get(known), MANIFEST_LIMIT, { signal });
  return new Response(body, { headers: { ...headers, "content-length": String(size) } });
}

/** Answers PUT: everything that the manifest needs must be there before; its subject need not. */
export async function putManifest(
  exchange: Exchange,
  reference: string,
  referrers: Referrers | undefined,
): Promise<Response> {
  const sink = writable(exchange);
  const { request, path } = exchange;
  const { signal } = request;
  if (!isTag(reference)) checkedDigest(reference);
  const bytes = await collect(bodyOf(request), MANIFEST_LIMIT);
  if (!bytes) throw new Refusal(413, "SIZE_INVALID", `manifests may have ${MANIFEST_LIMIT} bytes`);
  const descriptor = describe(request, reference, bytes);
  await requireChildren(sink, descriptor, bytes, signal);
  const referral = referrers && checkedReferral(descriptor, bytes);
  const manifest = inMemory(descriptor, bytes);
  if (isDigest(reference)) await sink.put(manifest, { signal });
  else await sink.tag(reference, manifest, { signal });
  if (referral) await referrers?.add(sink, referral, signal);
  const headers = {
    location: `/v2/${path}/manifests/${descriptor.digest}`,
    "docker-content-digest": descriptor.digest,
    "content-length": "0",
    ...(referral ? { "oci-subject": referral.subject } : {}),
  };
  return new Response(null, { status: 201, headers });
}

/** The descriptor that was pushed; a 400 where digest, Content-Type and bytes do not agree. */
function describe(request: Request, reference: string, bytes: Bytes): Descriptor {
  const digest = digestOf(bytes, isDigest(reference) ? splitDigest(reference).algorithm : "sha256");
  if (isDigest(reference) && reference !== digest)
    throw new Refusal(400, "DIGEST_INVALID", `these bytes are "${digest}"`, { detail: { digest } });
  const mediaType = sniffMediaType(bytes);
  if (mediaType === undefined || !isManifestType(mediaType)) throw invalid("these bytes are no manifest that is known");
  const declared = request.headers.get("content-type")?.split(";", 1)[0]?.trim();
  if (declared && declared !== mediaType)
    throw invalid(`the manifest says that it is "${mediaType}", its Content-Type says "${declared}"`);
  return { mediaType, digest, size: bytes.length };
}

async function requireChildren(sink: Sink, descriptor: Descriptor, bytes: Bytes, signal: AbortSignal): Promise<void> {
  const missing: Descriptor[] = [];
  for (const child of childrenOf(descriptor, bytes)) {
    if (isForeignType(child.mediaType) || (await sink.has(child, { signal }))) continue;
    missing.push(child);
  }
  if (missing.length === 0) return;
  const detail = missing.slice(0, 100).map(({ digest, mediaType, size }) => ({ digest, mediaType, size }));
  throw new Refusal(400, "MANIFEST_BLOB_UNKNOWN", `${missing.length} of its parts are not here`, { detail });
}

/** Whom it refers to; a 400 for a subject that is no descriptor. */
function checkedReferral(descriptor: Descriptor, bytes: Bytes): Referral | undefined {
  const referral = referralOf(descriptor, bytes);
  if (!referral && "subject" in (JSON.parse(decode(bytes)) as object)) throw invalid("its subject is not a descriptor");
  return referral;
}

function childrenOf(descriptor: Descriptor, bytes: Bytes): readonly Descriptor[] {
  try {
    const view = parseManifest(descriptor, bytes);
    if (view.kind === "index") return view.children;
    return view.config ? [view.config, ...view.layers] : view.layers;
  } catch (error) {
    if (error instanceof AppError) throw invalid(reasonOf(error));
    throw error;
  }
}

function invalid(message: string): Refusal {
  return new Refusal(400, "MANIFEST_INVALID", message);
}
