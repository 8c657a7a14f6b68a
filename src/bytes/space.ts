/** How much a file system still takes. */
import type { StatsFs } from "node:fs";
import { stat, statfs } from "node:fs/promises";

export interface Space {
  /** Which file system it is: two folders of one have the same number. */
  readonly device: number;
  /** Bytes that are free for us. */
  readonly free: number;
  /** Bytes of the largest file that it can hold. */
  readonly largestFile: number;
}

/** FAT12, FAT16 and FAT32, as Linux numbers them: no file reaches 4 GiB. */
const FAT = 0x4d44;
const FAT_LIMIT = 2 ** 32 - 1;

/** The space of the file system that a folder is on; undefined where that cannot be told. */
export async function spaceOf(folder: string): Promise<Space | undefined> {
  try {
    const [{ dev }, found] = await Promise.all([stat(folder), statfs(folder)]);
    const { type, bavail, blocks, bsize, frsize = bsize } = found as StatsFs & { readonly frsize?: number };
    // Some file systems of user programs say zero to everything.
    if (blocks === 0) return undefined;
    return { device: dev, free: bavail * frsize, largestFile: type === FAT ? FAT_LIMIT : Number.POSITIVE_INFINITY };
  } catch {
    return undefined;
  }
}
