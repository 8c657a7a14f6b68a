/** The bytes of an archive at any place, whether it lies in one file or in parts. */
import { type FileHandle, open } from "node:fs/promises";
import type { Bytes } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import type { Call } from "../store/store.ts";

/** One file of a volume. */
export interface Part {
  readonly path: string;
  /** Where its first byte stands in the whole. */
  readonly start: number;
  /** Bytes. */
  readonly size: number;
}

export interface Volume extends AsyncDisposable {
  /** What messages call the whole. */
  readonly name: string;
  /** Bytes of all parts. */
  readonly size: number;
  /** In the order of their bytes; one for an archive that was not split. */
  readonly parts: readonly Part[];
  /** Every byte of `[start, end)`. Throws INTEGRITY where a file ends before it should, STORAGE where the system refuses. */
  read(start: number, end: number, options?: Call): Promise<Bytes>;
}

/**
 * Opens files as the parts of one volume, in this order, and holds them open until it is disposed. `name` is for messages.
 * Throws NOT_FOUND, STORAGE, and UNSUPPORTED for what is no regular file.
 */
export async function openVolume(paths: readonly string[], name: string): Promise<Volume> {
  const files: FileHandle[] = [];
  const parts: Part[] = [];
  let size = 0;
  async function close(): Promise<void> {
    await Promise.allSettled(files.map((file) => file.close()));
  }
  try {
    for (const path of paths) {
      const file = await openFile(path);
      files.push(file);
      const stats = await file.stat();
      if (!stats.isFile()) throw new AppError("UNSUPPORTED", `Cannot open "${path}": it is no regular file`);
      parts.push({ path, start: size, size: stats.size });
      size += stats.size;
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    name,
    size,
    parts,
    async read(start, end, { signal } = {}) {
      const bytes = new Uint8Array(end - start);
      for (const [index, part] of parts.entries()) {
        const from = Math.max(start, part.start);
        const to = Math.min(end, part.start + part.size);
        if (from >= to) continue;
        signal?.throwIfAborted();
        await readFully(files[index]!, part.path, bytes.subarray(from - start, to - start), from - part.start);
      }
      if (end > size) throw cutShort(name);
      return bytes;
    },
    [Symbol.asyncDispose]: close,
  };
}

/** A volume without its last parts. Disposing it closes those too. */
export function firstParts(volume: Volume, count: number): Volume {
  const parts = volume.parts.slice(0, count);
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  return { ...volume, parts, size };
}

/** The part that holds the byte at `position`. */
export function partAt({ parts }: Volume, position: number): Part | undefined {
  return parts.find(({ start, size }) => position >= start && position < start + size);
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new AppError("NOT_FOUND", `Cannot open "${path}": there is no such file`, { cause: error });
    throw new AppError("STORAGE", `Cannot open "${path}": ${reasonOf(error)}`, { cause: error });
  }
}

async function readFully(file: FileHandle, path: string, bytes: Bytes, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, position + at).catch((error: unknown) => {
      throw new AppError("STORAGE", `Cannot read "${path}": ${reasonOf(error)}`, { cause: error });
    });
    if (bytesRead === 0) throw cutShort(path);
    at += bytesRead;
  }
}

function cutShort(path: string): AppError {
  return new AppError("INTEGRITY", `Cannot read "${path}": it ends before it should`, {
    hint: "compare its checksum with that of the original, and copy it again",
  });
}
