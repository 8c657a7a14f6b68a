/** Where an archive goes, and what it is to be like. */
import { dirname } from "node:path";
import type { Writable } from "node:stream";
import type { Format } from "../archive/format.ts";
import { fileOutput, type Output } from "../archive/output.ts";
import { streamOutput } from "../archive/stream-output.ts";
import type { ArchiveLayout } from "../layout/archive-layout.ts";
import type { LaidImage } from "../layout/hangar.ts";
import { hangarArchive } from "../layout/hangar-archive.ts";
import { type DockerImage, ociArchive } from "../layout/oci-archive.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { dockerImage } from "./docker-image.ts";
import type { Packed } from "./pack.ts";
import { archivedSize, type Claim } from "./room.ts";

export interface ArchiveTarget {
  /** The file to write; of a stream, what messages call it. */
  readonly path: string;
  /** Written instead of a file, and not ended. */
  readonly stream?: Writable | undefined;
  readonly format: Format;
  /** Of the compression: gzip 1-9, default 6; zstd 1-22, default 3. */
  readonly level?: number | undefined;
  /** Default `hangar`. */
  readonly layout?: "hangar" | "oci" | undefined;
  /** Bytes of each part. Default: one file. */
  readonly partSize?: number | undefined;
  /** Whether a list of checksums is written beside it. Default: with parts. */
  readonly checksum?: boolean | undefined;
}

/** Opens it for writing. Throws STORAGE where the system refuses. */
export async function openOutput(target: ArchiveTarget): Promise<Output> {
  return target.stream ? streamOutput(target.stream, target.path) : fileOutput(target.path, target);
}

/** How these images are to lie in it. */
export async function layoutFor(
  { layout = "hangar" }: ArchiveTarget,
  images: readonly Packed[],
  savedTime: Date,
): Promise<ArchiveLayout> {
  if (layout === "hangar") return hangarArchive(savedTime);
  const dockerImages = new Map<LaidImage, DockerImage>();
  for (const { image, laid } of images) {
    const found = await dockerImage(image);
    if (found) dockerImages.set(laid, found);
  }
  return ociArchive(dockerImages);
}

/** What an archive of these blobs takes of its disk: nothing where it goes into a stream. */
export function claimOf({ path, stream, format, partSize }: ArchiveTarget, blobs: Iterable<Descriptor>): Claim[] {
  if (stream) return [];
  const bytes = archivedSize(blobs, format !== "tar");
  return [{ name: path, folder: dirname(path), bytes, largestFile: Math.min(bytes, partSize ?? bytes) }];
}
