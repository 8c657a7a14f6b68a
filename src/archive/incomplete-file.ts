/** A file that has another name until it is whole. */
import type { Stats } from "node:fs";
import { type FileHandle, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { onDisk } from "../bytes/disk.ts";
import { readFile } from "../bytes/file.ts";
import type { ByteStream, Bytes } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import { type DiskFile, openDisk } from "./disk-file.ts";

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
  const isAt = await identify(file.handle, incomplete);
  let sealed: Promise<Stats> | undefined;
  let published = false;

  async function sync(): Promise<Stats> {
    await file.sync();
    const own = await file.handle.stat();
    if (!(await isAt(own))) throw overtaken(path);
    await file.close();
    return own;
  }
  async function reopen(): Promise<void> {
    if (sealed === undefined) return;
    await sealed;
    file = await openDisk(incomplete, "r+");
    sealed = undefined;
  }
  async function isOurs(): Promise<boolean> {
    if (published) return true;
    const own = await sealed?.catch(() => undefined);
    return isAt(own ?? (await file.handle.stat().catch(() => undefined)));
  }
  return {
    path,
    write: (bytes, position) => onDisk(path, () => file.write(bytes, position)),
    truncate: (size) =>
      onDisk(path, async () => {
        await reopen();
        await file.handle.truncate(size);
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
      const isLeft = ours && (await isOurs());
      await file.close().catch(() => {});
      if (isLeft) await rm(incomplete, { force: true });
    },
  };
}

export function overtaken(path: string): AppError {
  return new AppError("STORAGE", `Cannot write "${path}": it was removed, or another run writes it at the same time`);
}

/** A link that someone put there is not followed. */
async function create(path: string, incomplete: string): Promise<DiskFile> {
  const there = await stat(path).catch(() => undefined);
  if (there && !there.isFile()) throw new Error("something that is no file has that name");
  await rm(incomplete, { force: true });
  return openDisk(incomplete, "wx+");
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
