/** Whether there is room for what a run is going to write, asked before it writes. */
import { formatSize } from "../bytes/size.ts";
import { type Space, spaceOf } from "../bytes/space.ts";
import { AppError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { isCompressedType } from "../oci/media-types.ts";

/** Something that is to be written. */
export interface Claim {
  /** What messages call it. */
  readonly name: string;
  /** A folder that exists, of the file system that it goes to. */
  readonly folder: string;
  /** At least. */
  readonly bytes: number;
  /** Bytes of the largest file among it. */
  readonly largestFile: number;
}

/**
 * Throws STORAGE where a file system has no room for its claims, or cannot hold a file as large as one of them. Where a
 * system does not tell, it is left to the writing to find out. `space` tells the space of a folder.
 */
export async function requireRoom(
  claims: readonly Claim[],
  space: (folder: string) => Promise<Space | undefined> = spaceOf,
): Promise<void> {
  const filled = new Map<number, number>();
  for (const { name, folder, bytes, largestFile } of claims) {
    const there = await space(folder);
    if (!there) continue;
    if (largestFile > there.largestFile)
      throw new AppError("STORAGE", `Cannot write "${name}": its disk takes no file of ${formatSize(largestFile)}`, {
        hint: "it is formatted as FAT: use another disk, or exFAT; an archive can be split with --part",
      });
    const needed = (filled.get(there.device) ?? 0) + withMargin(bytes);
    filled.set(there.device, needed);
    if (bytes > 0 && needed > there.free)
      throw new AppError("STORAGE", `Cannot write "${name}": ${shortage(needed, there.free)}`, {
        hint: "free space there, or write to another disk",
      });
  }
}

function shortage(needed: number, free: number): string {
  return `it needs ${formatSize(needed)}, and ${formatSize(free)} are free`;
}

/** Headers and what stands between blocks. */
function withMargin(bytes: number): number {
  return bytes + Math.ceil(bytes / 1000) + (64 << 10);
}

/**
 * Bytes that an archive of these blobs has at least, each counted once: what does not shrink any more. Nobody knows before how
 * far the rest does, which is nothing where the archive is compressed.
 */
export function archivedSize(blobs: Iterable<Descriptor>, compresses: boolean): number {
  const sizes = new Map<Digest, number>();
  for (const { digest, mediaType, size } of blobs)
    if (!compresses || isCompressedType(mediaType)) sizes.set(digest, size);
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
