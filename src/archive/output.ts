/** Where the bytes of an archive go: a file that is not there until it is whole. */
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { writeFully } from "../bytes/file.ts";
import type { Bytes } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";

/** Takes bytes in the order of the calls, which need not wait for each other. */
export interface Output extends AsyncDisposable {
  /** Bytes given so far. */
  readonly position: number;
  /** Resolves when the caller may use `bytes` for something else. */
  write(bytes: Bytes): Promise<void>;
  /** Forgets all bytes from `position` on. Absent where they are gone already. */
  truncate?(position: number): Promise<void>;
  /** Makes what was written last. Disposing without it leaves nothing behind. */
  finish(): Promise<void>;
}

/**
 * The file `path`, written beside it as `.<name>.incomplete`. finish() syncs it to the disk and renames it, over an older
 * one if need be, which is there until then. Throws STORAGE, now or later, where the system refuses.
 */
export async function fileOutput(path: string): Promise<Output> {
  const incomplete = join(dirname(path), `.${basename(path)}.incomplete`);
  const file = await guard(path, () => create(path, incomplete));
  let position = 0;
  let finished = false;
  return {
    get position() {
      return position;
    },
    async write(bytes) {
      const at = position;
      position += bytes.length;
      await guard(path, () => writeFully(file, [bytes], at));
    },
    async truncate(to) {
      await guard(path, () => file.truncate(to));
      position = to;
    },
    async finish() {
      await guard(path, async () => {
        await file.sync();
        await file.close();
        await rename(incomplete, path);
      });
      finished = true;
      await syncFolder(dirname(path));
    },
    async [Symbol.asyncDispose]() {
      if (finished) return;
      // Closing again, after a rename that failed, is no error.
      await file.close().catch(() => {});
      await rm(incomplete, { force: true });
    },
  };
}

/** What a killed run left is replaced; a link that someone put there is not followed. */
async function create(path: string, incomplete: string): Promise<FileHandle> {
  const there = await stat(path).catch(() => undefined);
  if (there && !there.isFile()) throw new Error("something that is no file has that name");
  await rm(incomplete, { force: true });
  return open(incomplete, "wx");
}

/** So that the new name outlives a power cut. Network file systems refuse, and then there is nothing more to do. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path);
    await folder.sync().finally(() => folder.close());
  } catch {
    return;
  }
}

const REASONS: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  ENOSPC: ["no space is left on the disk", "Free space there, or write to another disk"],
  EDQUOT: ["the disk quota is used up", "Free space there, or write to another disk"],
  EFBIG: ["the file grew larger than its file system or limits allow", "Write to another disk, or carry fewer images"],
  EACCES: ["permission denied", "Write to a folder that you own"],
  EPERM: ["permission denied", "Write to a folder that you own"],
  EROFS: ["the disk is read-only", "Write to another disk"],
  ENOENT: ["its folder does not exist", "Create the folder first"],
  ENOTDIR: ["its folder is a file", "Write to a folder"],
};

async function guard<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const known = REASONS[String((error as NodeJS.ErrnoException).code)];
    const [reason, hint] = known ?? [reasonOf(error), undefined];
    throw new AppError("STORAGE", `Cannot write "${path}": ${reason}`, { cause: error, hint });
  }
}
