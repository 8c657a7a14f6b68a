/** The one writer of blob files: a partial file that is resumed, verified, then renamed into place. */
import { type FileHandle, lstat, open, rename, rm } from "node:fs/promises";
import { onDisk } from "../bytes/disk.ts";
import { readHandle, writeFully } from "../bytes/file.ts";
import type { Bytes } from "../bytes/stream.ts";
import { IntegrityError } from "../errors.ts";
import { hashFor } from "../oci/digest.ts";
import { type Held, read } from "./read.ts";
import type { Call, Content } from "./store.ts";

/** Chunks are gathered to this many bytes for a write. Holding more costs more than fewer writes save: it is fresh memory. */
const GATHER = 384 << 10;

/**
 * Lands content in the file `path`. Continues what an earlier run left in `partial` (its bytes are hashed again), or begins
 * anew where that turns out to be wrong; verifies, renames. Both folders must exist, on one file system. Interrupted:
 * `partial` stays for the next run. Wrong bytes: it is removed, since what is wrong must not be resumed. Throws STORAGE where the disk refuses.
 */
export async function ingest(content: Content, path: string, partial: string, options: Call = {}): Promise<void> {
  const file = await onDisk(path, () => openPartial(partial, content.once ? "w+" : "a+"));
  try {
    const held = content.once ? undefined : await rehash(file, content, options);
    try {
      await writeAll(file, path, read(content, { ...options, held }));
    } catch (error) {
      if (held === undefined || !(error instanceof IntegrityError)) throw error;
      await onDisk(path, () => file.truncate(0));
      await writeAll(file, path, read(content, options));
    }
  } catch (error) {
    if (error instanceof IntegrityError) await rm(partial, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await onDisk(path, () => rename(partial, path));
}

/** A link that someone put there is not written through, a pipe not waited for: only a file is gone on with. */
async function openPartial(partial: string, flags: "w+" | "a+"): Promise<FileHandle> {
  const there = await lstat(partial).catch(() => undefined);
  if (there && !there.isFile()) await rm(partial, { recursive: true, force: true });
  return open(partial, flags);
}

/**
 * Appends a stream, one write under way while the next is gathered. When the stream fails, what came before is written all
 * the same: it is worth resuming from.
 */
async function writeAll(file: FileHandle, path: string, stream: AsyncIterable<Bytes>): Promise<void> {
  let waiting: Bytes[] = [];
  let size = 0;
  let writing = Promise.resolve();
  async function flush(): Promise<void> {
    await writing;
    const chunks = waiting;
    writing = onDisk(path, () => writeFully(file, chunks));
    writing.catch(() => {}); // it is awaited before the next one, and at the end
    waiting = [];
    size = 0;
  }
  try {
    for await (const chunk of stream) {
      waiting.push(chunk);
      size += chunk.length;
      if (size >= GATHER) await flush();
    }
  } finally {
    await flush();
    await writing;
  }
}

/** What the partial file holds already; a file longer than the content is started anew. */
async function rehash(file: FileHandle, content: Content, options: Call): Promise<Held | undefined> {
  const { size } = await file.stat();
  if (size === 0) return undefined;
  if (size > content.descriptor.size) {
    await file.truncate(0);
    return undefined;
  }
  const hash = hashFor(content.descriptor.digest);
  for await (const chunk of readHandle(file, { end: size, reuse: true, signal: options.signal })) hash.update(chunk);
  return { size, hash };
}

/** Whether a file of exactly `size` bytes is there, and not just a link to one. Its bytes are not looked at. */
export async function isPresent(path: string, size: number): Promise<boolean> {
  try {
    const found = await lstat(path);
    return found.isFile() && found.size === size;
  } catch {
    return false;
  }
}
