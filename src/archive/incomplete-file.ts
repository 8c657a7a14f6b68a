/** A file that has another name until it is whole. */
import type { Stats } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { onDisk } from "../bytes/disk.ts";
import { readFile, writeFully } from "../bytes/file.ts";
import type { ByteStream, Bytes } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";

export interface IncompleteFile {
  /** The name that it is to have. */
  readonly path: string;
  /** Calls need not wait for each other, but for one that seals. */
  write(bytes: Bytes, position: number): Promise<void>;
  /** Cuts it, sealed or not, and opens it again. */
  truncate(size: number): Promise<void>;
  /** The first `size` bytes of what was written, sealed or not. */
  read(size: number): ByteStream;
  /** Whether no other run has begun to write the same file. Surest while it is not sealed. */
  isOurs(): Promise<boolean>;
  /** Syncs all of it to the disk, and closes it: nothing is written afterwards. Once is enough, further calls tell the same. */
  seal(): Promise<void>;
  /** Gives a sealed file its name, over an older one if need be. */
  publish(): Promise<void>;
  /** Closes it, and removes what was not published. Where it `isOurs` no more, it stays. */
  discard(isOurs?: boolean): Promise<void>;
}

/** What a file is called before it is whole. */
export function incompletePath(path: string): string {
  return join(dirname(path), `.${basename(path)}.incomplete`);
}

/**
 * Makes `.<name>.incomplete` beside `path`; what a killed run left there is replaced. Throws STORAGE, now or later, where the
 * system refuses, and where another run has begun to write the same file meanwhile: the last one to begin is the one to end.
 */
export async function createIncomplete(path: string): Promise<IncompleteFile> {
  const incomplete = incompletePath(path);
  let file = await onDisk(path, () => create(path, incomplete));
  let disk = syncAhead(file);
  const isAt = await identify(file, incomplete);
  let sealed: Promise<Stats> | undefined;
  let published = false;

  async function sync(): Promise<Stats> {
    await disk.settle();
    await file.sync();
    const own = await file.stat();
    if (!(await isAt(own))) throw overtaken(path);
    await file.close();
    return own;
  }
  async function reopen(): Promise<void> {
    if (sealed === undefined) return;
    await sealed;
    file = await open(incomplete, "r+");
    disk = syncAhead(file);
    sealed = undefined;
  }
  async function isOurs(): Promise<boolean> {
    if (published) return true;
    const own = await sealed?.catch(() => undefined);
    return isAt(own ?? (await file.stat().catch(() => undefined)));
  }
  return {
    path,
    async write(bytes, position) {
      await onDisk(path, () => writePieces(file, bytes, position));
      disk.note(bytes.length);
    },
    truncate: (size) =>
      onDisk(path, async () => {
        await reopen();
        await file.truncate(size);
      }),
    read: (size) => readFile(incomplete, size, { reuse: true }),
    isOurs,
    async seal() {
      sealed ??= onDisk(path, sync);
      await sealed;
    },
    async publish() {
      if (!(await isOurs())) throw overtaken(path);
      await onDisk(path, () => rename(incomplete, path));
      published = true;
    },
    async discard(ours = true) {
      if (published) return;
      await disk.settle().catch(() => {});
      const isLeft = ours && (await isOurs());
      await file.close().catch(() => {});
      if (isLeft) await rm(incomplete, { force: true });
    },
  };
}

export function overtaken(path: string): AppError {
  return new AppError("STORAGE", `Cannot write "${path}": it was removed, or another run writes it at the same time`);
}

/**
 * For larger writes Linux takes larger pieces of memory for its cache, and on a virtual machine it often has none that the
 * host has backed already: that takes four times as long.
 */
const WRITE: number = 128 << 10;

async function writePieces(file: FileHandle, bytes: Bytes, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += WRITE)
    await writeFully(file, [bytes.subarray(at, at + WRITE)], position + at);
}

/** A link that someone put there is not followed. */
async function create(path: string, incomplete: string): Promise<FileHandle> {
  const there = await stat(path).catch(() => undefined);
  if (there && !there.isFile()) throw new Error("something that is no file has that name");
  await rm(incomplete, { force: true });
  return open(incomplete, "wx+");
}

/**
 * How to tell whether a file still has the name that it was made with: by its number, which nobody else gets while it is open.
 * Some network file systems make numbers up; there its size tells.
 */
async function identify(file: FileHandle, path: string): Promise<(own: Stats | undefined) => Promise<boolean>> {
  const field = (await file.stat()).ino === (await stat(path)).ino ? "ino" : "size";
  return async (own) => {
    const there = await stat(path).catch(() => undefined);
    return own !== undefined && there !== undefined && own[field] === there[field];
  };
}

/** Bytes that may wait in memory for the disk before it is asked to take them. */
const SYNC_AFTER = 64 << 20;

/** Lets the disk work while the file grows, so that the sync at the end is short. */
function syncAhead(file: FileHandle) {
  let waiting = 0;
  let syncing: Promise<void> | undefined;
  let failure: { error: unknown } | undefined;
  return {
    note(bytes: number): void {
      waiting += bytes;
      if (syncing !== undefined || waiting < SYNC_AFTER) return;
      waiting = 0;
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
