/**
 * One archive that is an OCI image layout and what `docker load` takes at once, as Docker 25 and later write it. Both sides
 * share their blobs. OCI image-spec v1.1 image-layout.md; Docker image spec v1.2, "Combined Image JSON + Filesystem Changeset".
 */
import type { Digest } from "../oci/digest.ts";
import { formatTagged } from "../oci/reference.ts";
import type { ArchiveLayout } from "./archive-layout.ts";
import { formatDocument } from "./document.ts";
import type { LaidImage } from "./hangar.ts";
import { LAYOUT_FILE, ociBlobPath, rootIndexWithReferrers } from "./oci-documents.ts";

/** The one platform of an image that Docker is offered. */
export interface DockerImage {
  readonly config: Digest;
  readonly layers: readonly Digest[];
}

/** `dockerImages` has those images that `docker load` can take; the others are on the OCI side only. */
export function ociArchive(dockerImages: ReadonlyMap<LaidImage, DockerImage>): ArchiveLayout {
  return {
    head: (images, algorithms) => [
      { path: "oci-layout", bytes: LAYOUT_FILE },
      { path: "index.json", bytes: formatDocument("index.json", rootIndexWithReferrers(images)) },
      { path: "manifest.json", bytes: formatDocument("manifest.json", dockerList(images, dockerImages)) },
      { path: "blobs" },
      ...[...algorithms].map((algorithm) => ({ path: `blobs/${algorithm}` })),
    ],
    blobPath: ociBlobPath,
  };
}

/** Images of the same content are one entry with several names. One without a tag has no name here. */
function dockerList(images: readonly LaidImage[], dockerImages: ReadonlyMap<LaidImage, DockerImage>): unknown {
  const entries = new Map<string, { Config: string; RepoTags: string[] | null; Layers: string[] }>();
  for (const laid of images) {
    const image = dockerImages.get(laid);
    if (!image) continue;
    const key = [image.config, ...image.layers].join(" ");
    const fresh = { Config: ociBlobPath(image.config), RepoTags: null, Layers: image.layers.map(ociBlobPath) };
    const entry = entries.get(key) ?? fresh;
    entries.set(key, entry);
    if (laid.tag === undefined) continue;
    entry.RepoTags = [...(entry.RepoTags ?? []), formatTagged(laid.name, laid.tag, laid.root.descriptor.digest)];
  }
  return [...entries.values()];
}
