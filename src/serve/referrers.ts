/**
 * Who refers to a manifest. OCI distribution-spec v1.1 "Listing Referrers": kept under the tag that clients fall back to, so
 * that it lasts as long as the store does and readers without this endpoint find it too.
 */
import { createTurns } from "../bytes/turns.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { parseManifest } from "../oci/manifest.ts";
import { OCI_INDEX } from "../oci/media-types.ts";
import { fallbackTag, type Referral, withReferrer } from "../oci/referrer.ts";
import { contentOf, MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Sink, Source } from "../store/store.ts";
import { jsonResponse, Refusal } from "./errors.ts";
import { checkedDigest, type Exchange } from "./exchange.ts";

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

async function append(sink: Sink, { subject, referrer }: Referral, signal: AbortSignal): Promise<void> {
  const tag = fallbackTag(subject);
  const root = await sink.resolve(tag, { signal });
  const before = root?.mediaType === OCI_INDEX ? await readAll(sink.get(root), MANIFEST_LIMIT, { signal }) : undefined;
  const index = withReferrer(before, referrer);
  if (!index) return;
  if (index.length > MANIFEST_LIMIT) throw new Refusal(413, "SIZE_INVALID", "its subject has too many referrers");
  await sink.tag(tag, contentOf(OCI_INDEX, index), { signal });
}

/** What the store itself knows, and what clients or we have kept under the tag. */
async function referrersOf(repository: Source, subject: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
  const known = (await repository.referrers?.(subject, { signal })) ?? [];
  const root = await repository.resolve(fallbackTag(subject), { signal });
  const kept = root?.mediaType === OCI_INDEX ? await childrenOf(repository, root, signal) : [];
  return [...new Map([...kept, ...known].map((one) => [one.digest, one])).values()];
}

async function childrenOf(repository: Source, root: Descriptor, signal: AbortSignal): Promise<readonly Descriptor[]> {
  const view = parseManifest(root, await readAll(repository.get(root), MANIFEST_LIMIT, { signal }));
  return view.kind === "index" ? view.children : [];
}
