/** Damaged entries of an archive, written anew at their places. */
import { randomUUID } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { onDisk } from "../bytes/disk.ts";
import { readHandle, writeFully } from "../bytes/file.ts";
import type { ByteStream } from "../bytes/stream.ts";
import type { Call } from "../store/store.ts";
import { codecFor } from "./codec-for.ts";
import type { Placed } from "./contents.ts";
import type { Opened } from "./entry-content.ts";
import type { Format } from "./format.ts";
import { gathered } from "./gathered.ts";
import { writeMembers } from "./members.ts";
import type { Output } from "./output.ts";
import type { Volume } from "./volume.ts";

export interface MendOptions extends Call {
  /** Where an entry lies while it is proven. */
  readonly spoolFolder: string;
}

/** The levels that an archive may have been packed with, the usual one first. */
const LEVELS: Readonly<Record<Format, readonly (number | undefined)[]>> = {
  gzip: [6, 9, 1, 2, 3, 4, 5, 7, 8],
  zstd: [3, 19, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22],
  tar: [undefined],
};

/**
 * Writes an entry anew over itself: proven whole in a file of its own first, then into the parts that it lies in, synced. Only
 * its own bytes are written, so that what is broken off leaves damaged what was damaged. `content` yields verified bytes and
 * may be called several times. False where no level gives the length that the entry has: nothing was written then. Throws what
 * `content` throws, and STORAGE.
 */
export async function mendEntry(
  archive: Opened,
  entry: Placed,
  content: () => ByteStream,
  options: MendOptions,
): Promise<boolean> {
  const levels = LEVELS[archive.codec.format];
  for (const level of entry.method === "packed" ? levels : levels.slice(0, 1)) {
    await using scratch = await openScratch(options.spoolFolder);
    const placed = await writeTo(scratch, archive, entry, level, content, options);
    if (placed.length !== entry.length || placed.members?.join() !== entry.members?.join()) continue;
    await overwrite(archive.volume, entry, scratch, options);
    return true;
  }
  return false;
}

async function writeTo(
  scratch: Scratch,
  { codec }: Opened,
  entry: Placed,
  level: number | undefined,
  content: () => ByteStream,
  call: Call,
): Promise<Placed> {
  const { path, type, target, size } = entry;
  const compressed = entry.method === "stored";
  const buffer = gathered(scratch, () => {});
  try {
    const source = { path, type, target, size, compressed, open: content };
    const placed = await writeMembers(source, codecFor(codec.format, level), buffer, call);
    await buffer.flush();
    return placed;
  } finally {
    await buffer.settle();
  }
}

interface Scratch extends Output {
  readonly file: FileHandle;
}

/** A file without a name. */
async function openScratch(folder: string): Promise<Scratch> {
  const path = join(folder, `.dray-spool-${randomUUID()}`);
  const file = await onDisk(folder, () => open(path, "wx+", 0o600));
  await onDisk(folder, () => rm(path));
  let position = 0;
  return {
    file,
    get position() {
      return position;
    },
    async write(bytes) {
      const at = position;
      position += bytes.length;
      await onDisk(folder, () => writeFully(file, [bytes], at));
    },
    async finish() {},
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Copies the new bytes over the old ones, whichever parts those are in. */
async function overwrite(
  { parts }: Volume,
  { offset, length }: Placed,
  { file }: Scratch,
  { signal }: Call,
): Promise<void> {
  for (const part of parts) {
    const from = Math.max(offset, part.start);
    const to = Math.min(offset + length, part.start + part.size);
    if (from >= to) continue;
    await onDisk(part.path, async () => {
      const target = await open(part.path, "r+");
      try {
        let at = from - part.start;
        for await (const chunk of readHandle(file, { start: from - offset, end: to - offset, signal })) {
          await writeFully(target, [chunk], at);
          at += chunk.length;
        }
        await target.sync();
      } finally {
        await target.close();
      }
    });
  }
}
