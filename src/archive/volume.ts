/** The bytes of an archive at any place, whether it lies in one file or in parts. */
import { type FileHandle, open, stat } from "node:fs/promises";
import type { ByteStream, Bytes, Range } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import type { Call } from "../store/store.ts";

/** About as much is read at once. */
const CHUNK: number = 1 << 20;

/** One file of a volume. */
export interface Part {
  readonly path: string;
  /** Where its first byte stands in the whole. */
  readonly start: number;
  /** Bytes. */
  readonly size: number;
  /** Bytes that are really there, where a hole takes the place of the others. Default: all. */
  readonly present?: number | undefined;
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

export interface VolumeOptions {
  /**
   * Parts that are missing, or shorter than the others, do not keep the rest from being read: whoever asks for their bytes
   * hears of it. Default false.
   */
  readonly holes?: boolean | undefined;
}

/** Files that are held open; further ones are opened for each read, since a process may not have many at once. */
const HELD = 100;

/** What a part is read from. */
interface Source {
  readonly path: string;
  /** Open until the volume is disposed of; not where there are too many, or where it is missing. */
  readonly held: FileHandle | undefined;
  /** Undefined for one that is missing. */
  readonly size: number | undefined;
}

/**
 * Opens files as the parts of one volume, in this order, until it is disposed. `name` is for messages. Throws NOT_FOUND,
 * STORAGE, and UNSUPPORTED for what is no regular file.
 */
export async function openVolume(
  paths: readonly string[],
  name: string,
  { holes = false }: VolumeOptions = {},
): Promise<Volume> {
  const sources: Source[] = [];
  try {
    for (const path of paths) {
      // To open one waits until somebody writes to it.
      if ((await stat(path).catch(() => undefined))?.isFIFO()) throw irregular(path, PIPE);
      const file = await openFile(path, holes && paths.length > 1);
      const isHeld = sources.length < HELD;
      sources.push({ path, held: file, size: undefined });
      const stats = await file?.stat();
      if (stats && !stats.isFile()) throw irregular(path);
      sources[sources.length - 1] = { path, held: isHeld ? file : undefined, size: stats?.size };
      if (!isHeld) await file?.close();
    }
  } catch (error) {
    await close(sources);
    throw error;
  }
  return volumeOf(sources, name, holes);
}

const PIPE = "a pipe is read from standard input, with dray load -s -";

function irregular(path: string, hint?: string): AppError {
  return new AppError("UNSUPPORTED", `Cannot open "${path}": it is no regular file`, { hint });
}

function volumeOf(sources: readonly Source[], name: string, holes: boolean): Volume {
  const full = sources.reduce((most, source) => Math.max(most, source.size ?? 0), 0);
  const parts: Part[] = [];
  let size = 0;
  for (const [index, source] of sources.entries()) {
    const isWhole = !holes || index === sources.length - 1;
    const present = source.size ?? 0;
    const part = { path: source.path, start: size, size: isWhole ? present : full, present };
    parts.push(part);
    size += part.size;
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
        await readFully(sources[index]!, bytes.subarray(from - start, to - start), from - part.start);
      }
      if (end > size) throw cutShort(name);
      return bytes;
    },
    [Symbol.asyncDispose]: () => close(sources),
  };
}

async function close(sources: readonly Source[]): Promise<void> {
  await Promise.allSettled(sources.map(({ held }) => held?.close()));
}

/** Bytes `[start, end)` of the `size` bytes that begin at `offset`. Fresh chunks. */
export async function* volumeRange(
  volume: Volume,
  offset: number,
  size: number,
  { start = 0, end = size, signal }: Range & Call = {},
): ByteStream {
  const last = offset + Math.min(size, end);
  for (let at = offset + Math.max(0, start); at < last; at += CHUNK)
    yield await volume.read(at, Math.min(last, at + CHUNK), { signal });
}

/** A volume without its last parts. Disposing it closes those too. */
export function firstParts(volume: Volume, count: number): Volume {
  const last = (part: Part, index: number): Part =>
    index === count - 1 ? { ...part, size: part.present ?? part.size } : part;
  const parts = volume.parts.slice(0, count).map(last);
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  return { ...volume, parts, size };
}

/** The part that holds the byte at `position`. */
export function partAt({ parts }: Volume, position: number): Part | undefined {
  return parts.find(({ start, size }) => position >= start && position < start + size);
}

/** Where bytes `[start, end)` lie, for messages: `"x.part1" at byte 123`, and through which part where they are in several. */
export function placeOf(volume: Volume, start: number, end: number = start + 1): string {
  const first = partAt(volume, start);
  if (!first) return `"${volume.name}" at byte ${start}`;
  const last = partAt(volume, Math.max(start, end - 1)) ?? volume.parts.at(-1);
  const through = last && last !== first ? ` through "${last.path}"` : "";
  return `"${first.path}" at byte ${start - first.start}${through}`;
}

async function openFile(path: string, mayMiss: boolean): Promise<FileHandle | undefined> {
  try {
    return await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      throw new AppError("STORAGE", `Cannot open "${path}": ${reasonOf(error)}`, { cause: error });
    if (mayMiss) return undefined;
    throw new AppError("NOT_FOUND", `Cannot open "${path}": there is no such file`, { cause: error });
  }
}

async function readFully({ held, path, size }: Source, bytes: Bytes, position: number): Promise<void> {
  if (size === undefined) throw new AppError("INTEGRITY", `Cannot read "${path}": that part is missing`);
  const file = held ?? (await openFile(path, false))!;
  try {
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, at, bytes.length - at, position + at).catch((error: unknown) => {
        throw new AppError("STORAGE", `Cannot read "${path}": ${reasonOf(error)}`, { cause: error });
      });
      if (bytesRead === 0) throw cutShort(path);
      at += bytesRead;
    }
  } finally {
    if (file !== held) await file.close();
  }
}

function cutShort(path: string): AppError {
  return new AppError("INTEGRITY", `Cannot read "${path}": it ends before it should`, {
    hint: "compare its checksum with that of the original, and copy it again",
  });
}
