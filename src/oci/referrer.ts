/** Manifests that refer to another one, and the tags under which they are found. OCI distribution-spec v1.1 "Referrers Tag Schema"; cosign's signature spec. */
import { type Descriptor, parseDescriptor } from "./descriptor.ts";
import { type Digest, splitDigest } from "./digest.ts";
import { parseJson } from "./json.ts";
import { OCI_INDEX } from "./media-types.ts";

/** A manifest, and whom it refers to. */
export interface Referral {
  readonly subject: Digest;
  /** As lists of referrers have it: with artifact type and annotations. */
  readonly referrer: Descriptor;
}

/** What a manifest says about itself as somebody's referrer; undefined where it has no subject, or none that is a descriptor. */
export function referralOf({ mediaType, digest, size }: Descriptor, bytes: Uint8Array): Referral | undefined {
  const json = parseObject(bytes);
  const subject = parseDescriptor(json?.subject);
  if (!json || !subject) return undefined;
  const { artifactType, config, annotations } = json;
  const type = artifactType || parseDescriptor(config)?.mediaType;
  const referrer = parseDescriptor({ mediaType, digest, size, artifactType: type, annotations });
  return referrer && { subject: subject.digest, referrer };
}

/** The tag of the list that clients keep where a registry keeps none: `sha256-<hex>`, 64 digits of it. */
export function fallbackTag(subject: Digest): string {
  const { algorithm, hex } = splitDigest(subject);
  return `${algorithm}-${hex.slice(0, 64)}`;
}

/** The tags under which cosign keeps signatures, attestations and SBOMs of a manifest: `sha256-<hex>.sig`. */
export function cosignTags(subject: Digest): readonly string[] {
  const { algorithm, hex } = splitDigest(subject);
  // A tag has 128 characters at most: cosign signs no sha512.
  return algorithm === "sha256" ? ["sig", "att", "sbom"].map((kind) => `${algorithm}-${hex}.${kind}`) : [];
}

/** The list with one more referrer, all else as it was; a new list where `bytes` is none. `undefined` where it has it already. */
export function withReferrer(bytes: Uint8Array | undefined, referrer: Descriptor): Uint8Array<ArrayBuffer> | undefined {
  const before = (bytes && parseObject(bytes)) ?? { schemaVersion: 2, mediaType: OCI_INDEX };
  const known: readonly unknown[] = Array.isArray(before.manifests) ? before.manifests : [];
  if (known.some((one) => parseDescriptor(one)?.digest === referrer.digest)) return undefined;
  return new TextEncoder().encode(JSON.stringify({ ...before, manifests: [...known, referrer] }));
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const json: unknown = parseJson(new TextDecoder().decode(bytes));
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
