/**
 * Who refers to a manifest. OCI distribution-spec v1.1 "Listing Referrers": kept under the tag that clients fall back to, so
 * that it lasts as long as the store does and readers without this endpoint find it too.
 */
import { type Bytes, decode, encode } from "../bytes/stream.ts";
import { createTurns } from "../bytes/turns.ts";
import { type Descriptor, parseDescriptor } from "../oci/descriptor.ts";
import { type Digest, splitDigest } from "../oci/digest.ts";
import { parseManifest } from "../oci/manifest.ts";
import { OCI_INDEX } from "../oci/media-types.ts";
import { contentOf, MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Sink, Source } from "../store/store.ts";
import { jsonResponse, Refusal } from "./errors.ts";
import { checkedDigest, type Exchange } from "./exchange.ts";

/** A manifest that was pushed, and whom it refers to. */
export interface Referral {
  readonly subject: Digest;
  readonly referrer: Descriptor;
}

export interface Referrers {
  /** Remembers a referrer. Idempotent. */
  add(sink: Sink, referral: Referral, signal: AbortSignal): Promise<void>;
  /** Answers GET: always an index, empty where nothing is known. */
  list(exchange: Exchange, reference: string): Promise<Response>;
}

/** The lists of all repositories. Two pushes for one subject wait for each other. */
export function createReferrers(): Referrers {
  const inTurn = createTurns<string>();
  return {
    add: (sink, referral, signal) =>
      inTurn(`${sink.place.path}@${referral.subject}`, signal, () => append(sink, referral, signal)),
    async list({ repository, request, url }, reference) {
      const all = await referrersOf(repository, checkedDigest(reference), request.signal);
      const wanted = url.searchParams.get("artifactType");
      const manifests = wanted === null ? all : all.filter(({ artifactType }) => artifactType === wanted);
      const filtered = wanted === null ? {} : { "oci-filters-applied": "artifactType" };
      return jsonResponse(
        { schemaVersion: 2, mediaType: OCI_INDEX, manifests },
        { headers: { "content-type": OCI_INDEX, ...filtered } },
      );
    },
  };
}

/** What a manifest says about itself as somebody's referrer; undefined where it has no subject. */
export function referralOf({ mediaType, digest, size }: Descriptor, bytes: Bytes): Referral | undefined {
  const { subject, artifactType, config, annotations } = JSON.parse(decode(bytes)) as Record<string, unknown>;
  if (subject === undefined) return undefined;
  const known = parseDescriptor(subject);
  if (!known) throw new Refusal(400, "MANIFEST_INVALID", "its subject is not a descriptor");
  const type = artifactType ?? parseDescriptor(config)?.mediaType;
  const referrer = parseDescriptor({ mediaType, digest, size, artifactType: type, annotations });
  return referrer && { subject: known.digest, referrer };
}

async function append(sink: Sink, { subject, referrer }: Referral, signal: AbortSignal): Promise<void> {
  const known = await referrersOf(sink, subject, signal);
  if (known.some(({ digest }) => digest === referrer.digest)) return;
  const index = encode(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [...known, referrer] }));
  if (index.length > MANIFEST_LIMIT) throw new Refusal(413, "SIZE_INVALID", "its subject has too many referrers");
  await sink.tag(fallbackTag(subject), contentOf(OCI_INDEX, index), { signal });
}

async function referrersOf(repository: Source, subject: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
  const root = await repository.resolve(fallbackTag(subject), { signal });
  if (root?.mediaType !== OCI_INDEX) return [];
  const view = parseManifest(root, await readAll(repository.get(root), MANIFEST_LIMIT, { signal }));
  return view.kind === "index" ? view.children : [];
}

/** The tag of the list, as the specification spells it: `sha256-<hex>`, 64 digits of it. */
function fallbackTag(subject: Digest): string {
  const { algorithm, hex } = splitDigest(subject);
  return `${algorithm}-${hex.slice(0, 64)}`;
}
