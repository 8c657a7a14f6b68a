/** What goes wrong with disks, said so that one can do something about it. */
import { AppError, reasonOf } from "../errors.ts";

const REASONS: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  ENOSPC: ["no space is left on the disk", "free space there, or write to another disk"],
  EDQUOT: ["the disk quota is used up", "free space there, or write to another disk"],
  EFBIG: [
    "the file grew larger than its file system or limits allow",
    "write to another disk, or split the archive with --part",
  ],
  EACCES: ["permission denied", "write to a folder that you own"],
  EPERM: ["permission denied", "write to a folder that you own"],
  EIO: ["the disk has a fault", "look at the system's log, and write to another disk"],
  EROFS: ["the disk is read-only", "write to another disk"],
  ENOENT: ["its folder does not exist", "create the folder first"],
  ENOTDIR: ["its folder is a file", "write to a folder"],
};

/** Runs what writes to `path`. What the system refuses becomes a STORAGE error with what to do; errors of ours pass. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const known = REASONS[String((error as NodeJS.ErrnoException).code)];
    const [reason, hint] = known ?? [reasonOf(error), undefined];
    throw new AppError("STORAGE", `Cannot write "${path}": ${reason}`, { cause: error, hint });
  }
}
