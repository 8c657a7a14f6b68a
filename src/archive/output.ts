/** Where the bytes of an archive go: a file that is not there until it is whole. */
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { onDisk } from "../bytes/disk.ts";
import { writeFully } from "../bytes/file.ts";
import type { Bytes } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";

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
 * one if need be, which is there until then. Throws STORAGE, now or later, where the system refuses, and where another run
 * has begun to write the same file meanwhile: the last one to begin is the one to finish.
 */
export async function fileOutput(path: string): Promise<Output> {
  const incomplete = join(dirname(path), `.${basename(path)}.incomplete`);
  const file = await onDisk(path, () => create(path, incomplete));
  const disk = syncAhead(file);
  let position = 0;
  let finished = false;
  return {
    get position() {
      return position;
    },
    async write(bytes) {
      const at = position;
      position += bytes.length;
      await onDisk(path, () => writeFully(file, [bytes], at));
      disk.note(position);
    },
    async truncate(to) {
      await onDisk(path, () => file.truncate(to));
      position = to;
    },
    async finish() {
      await onDisk(path, async () => {
        await disk.settle();
        await file.sync();
        if (!(await isAt(file, incomplete)))
          throw new AppError("STORAGE", `Cannot write "${path}": another run writes it at the same time`);
        await file.close();
        await rename(incomplete, path);
      });
      finished = true;
      await syncFolder(dirname(path));
    },
    async [Symbol.asyncDispose]() {
      if (finished) return;
      await disk.settle().catch(() => {});
      // After a rename that failed it is closed already, and ours all the same.
      const isOurs = await isAt(file, incomplete).catch(() => true);
      await file.close().catch(() => {});
      if (isOurs) await rm(incomplete, { force: true });
    },
  };
}

/** Bytes that may wait in memory for the disk before it is asked to take them. */
const SYNC_AFTER = 64 << 20;

/** Lets the disk work while the archive grows, so that the sync at the end is short. */
function syncAhead(file: FileHandle) {
  let asked = 0;
  let syncing: Promise<void> | undefined;
  let failure: { error: unknown } | undefined;
  return {
    note(position: number): void {
      if (syncing !== undefined || position - asked < SYNC_AFTER) return;
      asked = position;
      syncing = file
        .datasync()
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => {
          syncing = undefined;
        });
    },
    /** The system tells an error of the disk once only: one that came here must not be lost. */
    async settle(): Promise<void> {
      await syncing;
      if (failure) throw failure.error;
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

/** Whether an open file still has the name that it was made with. Some network file systems make up numbers: then its size tells. */
async function isAt(file: FileHandle, path: string): Promise<boolean> {
  const [own, there] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
  return there !== undefined && (own.ino === there.ino || own.size === there.size);
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
