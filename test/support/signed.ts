/** An image with everything that people attach to one: a cosign signature, an SBOM that refers to it, a signature of that SBOM. */
import type { Artifact } from "./random-image.ts";
import { image, multiPlatform, referrer } from "./random-image.ts";
import type { Seed } from "./random-layer.ts";

export interface Signed {
  readonly image: Artifact;
  /** Under `tag`, as cosign keeps it. */
  readonly signature: Artifact;
  readonly tag: string;
  readonly sbom: Artifact;
  readonly sbomSignature: Artifact;
  /** Refers to the first platform. */
  readonly platformSignature: Artifact;
}

/** For linux/amd64 and linux/arm64. */
export function signed(seed: Seed = 1): Signed {
  const whole = multiPlatform(["linux/amd64", "linux/arm64"], { seed });
  const sbom = referrer(whole.root, "application/spdx+json", seed);
  return {
    image: whole,
    signature: image({ seed: `signature ${seed}`, layers: 1, size: 300, platform: "unknown/unknown" }),
    tag: `${whole.root.digest.replace(":", "-")}.sig`,
    sbom,
    sbomSignature: referrer(sbom.root, "application/vnd.example.signature", seed),
    platformSignature: referrer(whole.manifests[0]!.descriptor, "application/vnd.example.signature", seed),
  };
}

/** What refers to something, subjects before those who refer to them. */
export function referrersOf({ sbom, sbomSignature, platformSignature }: Signed): readonly Artifact[] {
  return [sbom, sbomSignature, platformSignature];
}

/** Puts all of it into a repository, by whatever puts artifacts there. */
export async function pushSigned(
  signed: Signed,
  tag: string,
  push: (artifact: Artifact, tag?: string) => Promise<void>,
): Promise<void> {
  await push(signed.image, tag);
  for (const one of referrersOf(signed)) await push(one);
  await push(signed.signature, signed.tag);
}
