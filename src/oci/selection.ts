/** Which children of an index travel when only some platforms are asked for. */
import type { Descriptor } from "./descriptor.ts";
import { isKnownPlatform, type Platform, type Selection, selects } from "./platform.ts";

const REFERENCE_TYPE = "vnd.docker.reference.type";
const REFERENCE_DIGEST = "vnd.docker.reference.digest";

/** The digest of the image manifest that a BuildKit attestation speaks of; undefined for anything else. */
export function attestedDigest({ annotations }: Descriptor): string | undefined {
  return annotations?.[REFERENCE_TYPE] === "attestation-manifest" ? annotations[REFERENCE_DIGEST] : undefined;
}

/** Whether the child is BuildKit's attestation manifest: never a platform. */
export function isAttestation({ annotations }: Descriptor): boolean {
  return annotations?.[REFERENCE_TYPE] === "attestation-manifest";
}

export interface ChildSelection {
  readonly kept: readonly Descriptor[];
  /** Something names a platform, and none of those is asked for. */
  readonly missed: boolean;
}

/**
 * The children to keep, in order. A platform is kept if it is selected; an attestation with the manifest it speaks of; what
 * has no platform (artifacts) always; `unknown/unknown` without a reason only when nothing else is left out. Nothing left out
 * means all of them, so that the index stays as it is.
 */
export function selectChildren(
  children: readonly Descriptor[],
  selection: Selection,
  platformOf: (child: Descriptor) => readonly Platform[],
): ChildSelection {
  const platforms = new Map(
    children.map((child) => [child, isAttestation(child) ? [] : platformOf(child).filter(isKnownPlatform)]),
  );
  const chosen = new Set<Descriptor>();
  let left = 0;
  for (const [child, known] of platforms) {
    if (known.length === 0) continue;
    if (known.some((platform) => selects(selection, platform))) chosen.add(child);
    else left++;
  }
  if (left === 0) return { kept: children, missed: false };
  const missed = chosen.size === 0;
  for (const [child, known] of platforms)
    if (known.length === 0 && child.platform === undefined && !isAttestation(child)) chosen.add(child);
  const digests = new Set<string>([...chosen].map(({ digest }) => digest));
  const kept = children.filter(
    (child) => chosen.has(child) || (isAttestation(child) && digests.has(attestedDigest(child) ?? "")),
  );
  return { kept, missed };
}
