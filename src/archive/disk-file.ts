/** An open file, written at the speed of its disk. */
import { constants } from "node:fs";
import { type FileHandle, open, statfs } from "node:fs/promises";
import { writeFully } from "../bytes/file.ts";
import type { Bytes } from "../bytes/stream.ts";

export interface DiskFile {
  readonly handle: FileHandle;
  /** Fastest for {@link pages}, at a place and of a length that {@link PAGE} divides. Calls need not wait for each other. */
  write(bytes: Bytes, position: number): Promise<void>;
  /** Resolves when the disk has all that was written. Throws what it refused since the last time. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What the memory, the place and the length of a direct write must be multiples of, on every disk that is known. */
export const PAGE = 4096;

const WASM_PAGE = 65_536;

/** Zeroed memory that begins at a border of the system's pages. `size` is a multiple of 64 KiB. */
export function pages(size: number): Bytes {
  // A script cannot ask where its arrays lie; what a WebAssembly memory has begins at such a border on every runtime.
  const count = size / WASM_PAGE;
  return new Uint8Array(new WebAssembly.Memory({ initial: count, maximum: count }).buffer);
}

/**
 * Opens the file at `path`. Where the file system can, bytes go from memory to the disk: what passes through the system's
 * cache costs a copy, memory that others could use, and on a virtual machine the host's time to back it, which may be four
 * times as much as all the rest.
 */
export async function openDisk(path: string, flags: "wx+" | "r+"): Promise<DiskFile> {
  const handle = await open(path, flags);
  const cached = throughCache(handle);
  let direct = await directly(path, handle);
  /** One at a time: the file system makes those that let a file grow wait, and they would hold the threads that read. */
  let turn: Promise<void> = Promise.resolve();

  async function write(bytes: Bytes, position: number): Promise<void> {
    if (!direct || !isAligned(bytes, position)) return cached.write(bytes, position);
    try {
      return await writeFully(direct, [bytes], position);
    } catch {
      // Whether it was the memory, the file system or the disk itself: the ordinary way manages, or tells.
      await direct.close();
      direct = undefined;
      await cached.write(bytes, position);
    }
  }
  return {
    handle,
    write(bytes, position) {
      const own = turn.then(() => write(bytes, position));
      turn = own.catch(() => {});
      return own;
    },
    async sync() {
      await turn;
      await cached.settle();
      await handle.sync();
    },
    async close() {
      await turn;
      await cached.settle().catch(() => {});
      await direct?.close();
      await handle.close();
    },
  };
}

function isAligned({ byteOffset, length }: Bytes, position: number): boolean {
  return [byteOffset, length, position].every((place) => place % PAGE === 0);
}

/** NFS, CIFS, SMB 2, Ceph, 9p and Lustre, as Linux numbers them: each direct write would wait for the other host's disk. */
const REMOTE = [0x6969, 0xff534d42, 0xfe534d42, 0xc36400, 0x1021997, 0xbd00bd0];

/** A second opening of the same file, whose writes pass the cache; undefined where there is none, or where it would be slower. */
async function directly(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  const system = await statfs(path).catch(() => undefined);
  if (constants.O_DIRECT === undefined || system === undefined || REMOTE.includes(system.type)) return undefined;
  const direct = await open(path, constants.O_WRONLY | constants.O_DIRECT).catch(() => undefined);
  const [one, other] = [await direct?.stat(), await file.stat()];
  if (one?.ino === other.ino && one.dev === other.dev) return direct;
  await direct?.close();
  return undefined;
}

/**
 * For larger writes Linux takes larger pieces of memory for its cache, and on a virtual machine it often has none that the
 * host has backed already: that takes four times as long.
 */
const WRITE: number = 128 << 10;

/** Bytes that may wait in memory for the disk before it is asked to take them. */
const SYNC_AFTER = 64 << 20;

/** Lets the disk work while the file grows, so that the sync at the end is short. */
function throughCache(file: FileHandle) {
  let waiting = 0;
  let syncing: Promise<void> | undefined;
  let failure: { error: unknown } | undefined;

  function syncAhead(bytes: number): void {
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
  }
  return {
    async write(bytes: Bytes, position: number): Promise<void> {
      for (let at = 0; at < bytes.length; at += WRITE)
        await writeFully(file, [bytes.subarray(at, at + WRITE)], position + at);
      syncAhead(bytes.length);
    },
    /** The system tells an error of the disk once only: one that came here must not be lost. */
    async settle(): Promise<void> {
      await syncing;
      if (failure) throw failure.error;
    },
  };
}
