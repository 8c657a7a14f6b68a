/** The documents of an OCI image layout: the marker and the index of the images. OCI image-spec v1.1 image-layout.md. */
import { type Bytes, encode } from "../bytes/stream.ts";
import { type Digest, splitDigest } from "../oci/digest.ts";
import { OCI_INDEX } from "../oci/media-types.ts";
import { formatTagged } from "../oci/reference.ts";
import { requireFew } from "./document.ts";
import type { LaidImage } from "./hangar.ts";

export const LAYOUT_FILE: Bytes = encode('{"imageLayoutVersion": "1.0.0"}');

/** Where a blob or manifest is, below the layout's root. */
export function ociBlobPath(digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return `blobs/${algorithm}/${hex}`;
}

/** An entry of the index. */
interface IndexEntry {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The index that names these images: containerd reads one of the names, all others the other. */
export function rootIndex(images: readonly LaidImage[]): Readonly<Record<string, unknown>> {
  return indexOf(images.length, images.values().map(imageEntry));
}

/** The same, which also lists what is attached to them, as images without a name. Each once. */
export function rootIndexWithReferrers(images: readonly LaidImage[]): Readonly<Record<string, unknown>> {
  const attached = images.flatMap(referrerEntries).map((entry) => [JSON.stringify(entry), entry] as const);
  const entries = [...images.map(imageEntry), ...new Map(attached).values()];
  return indexOf(entries.length, entries);
}

function indexOf(count: number, manifests: Iterable<IndexEntry>): Readonly<Record<string, unknown>> {
  requireFew(count);
  return { schemaVersion: 2, mediaType: OCI_INDEX, manifests };
}

function imageEntry({ name, tag, offered }: LaidImage): IndexEntry {
  const { mediaType, digest, size } = offered.descriptor;
  const full = formatTagged(name, tag, digest);
  const annotations = { "io.containerd.image.name": full, "org.opencontainers.image.ref.name": full };
  return { mediaType, digest, size, annotations };
}

/** containerd makes no image of what tells its subject. The name is there where cosign looks for nothing else. */
function referrerEntries({ name, referrers }: LaidImage): readonly IndexEntry[] {
  return referrers.map(({ subject, descriptor, tag }) => {
    const { mediaType, digest, size, artifactType } = descriptor;
    return {
      mediaType,
      digest,
      size,
      ...(artifactType === undefined ? {} : { artifactType }),
      annotations: {
        "io.containerd.manifest.subject": subject,
        ...(tag === undefined ? {} : { "org.opencontainers.image.ref.name": formatTagged(name, tag, digest) }),
      },
    };
  });
}
