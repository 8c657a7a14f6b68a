/** A file that holds a decompressed archive while it is read, and that nobody but this process can see. */
import { randomUUID } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { onDisk } from "../bytes/disk.ts";
import { writeFully } from "../bytes/file.ts";
import type { ByteStream } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import type { Call } from "../store/store.ts";
import { corrupt } from "./footer.ts";
import type { Volume } from "./volume.ts";

export interface SpoolOptions extends Call {
  /** Where the file is for a moment, and its bytes for as long as the volume is open. */
  readonly folder: string;
  /** What messages call the archive. */
  readonly name: string;
  /** Asked before every write, with the bytes that there are to be then: throws where they are too many. */
  readonly check: (total: number) => void;
}

/**
 * Writes all of `stream` to a file in `folder`, and opens it as a volume. The file has no name any more from its first byte
 * on, so that nothing of it is left behind, however the process ends. Throws STORAGE where the disk refuses, and what the
 * stream or `check` throws.
 */
export async function spool(stream: ByteStream, { folder, name, check, signal }: SpoolOptions): Promise<Volume> {
  const path = join(folder, `.dray-spool-${randomUUID()}`);
  const file = await inFolder(folder, () => open(path, "wx+", 0o600));
  try {
    await inFolder(folder, () => rm(path));
    let size = 0;
    for await (const chunk of stream) {
      signal?.throwIfAborted();
      check(size + chunk.length);
      await inFolder(folder, () => writeFully(file, [chunk], size));
      size += chunk.length;
    }
    return spooled(file, name, size);
  } catch (error) {
    await file.close();
    throw error;
  }
}

function spooled(file: FileHandle, name: string, size: number): Volume {
  return {
    name,
    size,
    parts: [{ path: name, start: 0, size }],
    async read(start, end, { signal } = {}) {
      signal?.throwIfAborted();
      const bytes = new Uint8Array(end - start);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw corrupt(name, "it ends before it should");
        at += bytesRead;
      }
      return bytes;
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Whatever the disk refuses here, another folder may take. */
async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await onDisk(folder, work);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const hint = "name a folder with room for the unpacked archive with --spool-dir, or unpack it and name that";
    throw new AppError(error.code, error.message, { cause: error.cause, hint });
  }
}
