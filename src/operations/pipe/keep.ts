/** Content that came by in a pipe, kept for as long as somebody needs it: small in memory, larger in a file. */
import type { PipedEntry } from "../../archive/pipe.ts";
import { spool } from "../../archive/spool.ts";
import { volumeRange } from "../../archive/volume.ts";
import { type Bytes, collect, failing } from "../../bytes/stream.ts";
import { IntegrityError } from "../../errors.ts";
import { blobPath, ROOT } from "../../layout/hangar.ts";
import { type Digest, digestOfPath } from "../../oci/digest.ts";
import { read } from "../../store/read.ts";
import type { Call } from "../../store/store.ts";
import { whereIn } from "./arrivals.ts";
import type { Arrival, ArrivalFile } from "./stock.ts";

export interface KeepOptions extends Call {
  /** What messages call the pipe. */
  readonly name: string;
  /** Bytes that are held in memory at most. */
  readonly most: number;
  /** Where the file is, which has no name. */
  readonly spoolFolder: string;
}

/** Of the content that an entry is. */
export function digestIn({ path, type }: PipedEntry): Digest | undefined {
  const digest = type === "file" ? digestOfPath(path) : undefined;
  return digest && path === `${ROOT}/${blobPath(digest)}` ? digest : undefined;
}

/**
 * Reads an entry to its end. Content in a file is hashed on its way there; where it turns out to be wrong, opening it throws
 * INTEGRITY. Throws what the pipe throws, and STORAGE.
 */
export async function keep(entry: PipedEntry, digest: Digest, options: KeepOptions): Promise<Arrival> {
  const { path, offset, size } = entry;
  if (size > options.most) return { path, offset, size, file: await inFile(entry, digest, options) };
  return { path, offset, size, bytes: alone((await collect(entry.open(), size)) ?? new Uint8Array(0)) };
}

/** Without the rest of the chunk that they came in, which would be held with them. */
function alone(bytes: Bytes): Bytes {
  return bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes;
}

async function inFile(entry: PipedEntry, digest: Digest, options: KeepOptions): Promise<ArrivalFile> {
  const { name, spoolFolder: folder, signal } = options;
  const { path, offset, size } = entry;
  const descriptor = { mediaType: "application/octet-stream", digest, size };
  const where = (): string => whereIn(name, { path, offset });
  try {
    const stream = read({ descriptor, where, open: () => entry.open() }, { signal });
    const volume = await spool(stream, { folder, name, check: () => {}, signal });
    return {
      open: (range) => volumeRange(volume, 0, size, range),
      release: async () => volume[Symbol.asyncDispose](),
    };
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    return { open: () => failing(error), release: async () => {} };
  }
}
