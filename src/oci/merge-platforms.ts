/** Two sets of platforms under one name: those that an index has, and those that come. OCI image-spec v1.1 image-index.md. */
import type { Descriptor } from "./descriptor.ts";
import { formatPlatform, isKnownPlatform, normalizePlatform } from "./platform.ts";
import { attestedDigest } from "./selection.ts";

/**
 * The children of an index that has `present`, once `own` are there too: each takes the place of the one for its platform
 * (os, architecture, variant, build of Windows), with the attestations of that one; the others stay as they are, in their
 * order. What is new comes last. Merging the same again changes nothing. Pure.
 */
export function mergePlatforms(present: readonly Descriptor[], own: readonly Descriptor[]): readonly Descriptor[] {
  const there = new Set(present.map(({ digest }) => digest));
  const staying = new Set(own.map(({ digest }) => digest));
  const added = own.filter(({ digest }) => !there.has(digest));
  const successors = new Map(added.map((one) => [keyOf(one), one]));
  const gone = new Set<string | undefined>();
  const merged = new Set<Descriptor>();
  for (const one of present) {
    const successor = staying.has(one.digest) ? undefined : successors.get(keyOf(one));
    if (successor) gone.add(one.digest);
    merged.add(successor ?? one);
  }
  for (const one of added) merged.add(one);
  return [...merged].filter((one) => !gone.has(attestedDigest(one)));
}

/** What is for no machine, such as an attestation, only stands for itself. */
function keyOf({ platform, digest }: Descriptor): string {
  if (!isKnownPlatform(platform)) return digest;
  const { variant, ...machine } = normalizePlatform(platform);
  // Old configs say no more than arm, which runtimes take for arm/v7.
  const known = variant ?? (machine.architecture === "arm" ? "v7" : undefined);
  return formatPlatform(known === undefined ? machine : { ...machine, variant: known });
}
