/** Content that came by in a pipe, kept for as long as somebody needs it: small in memory, larger in a file. */
import type { PipedEntry } from "../archive/pipe.ts";
import { spool } from "../archive/spool.ts";
import { volumeRange } from "../archive/volume.ts";
import { collect, failing } from "../bytes/stream.ts";
import { IntegrityError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { inMemory, read } from "../store/read.ts";
import type { Call, Content } from "../store/store.ts";
import type { Arrival } from "./arrivals.ts";

/** Content of so many bytes is held in memory. */
export const SMALL: number = 1 << 20;

export interface KeepOptions extends Call {
  /** What messages call the pipe. */
  readonly name: string;
  /** Where the file is, which has no name. */
  readonly spoolFolder: string;
}

/**
 * Reads an entry to its end. Content in a file is hashed on its way there; where it turns out to be wrong, opening it throws
 * INTEGRITY. Throws what the pipe throws, and STORAGE.
 */
export async function keep(entry: PipedEntry, digest: Digest, options: KeepOptions): Promise<Arrival> {
  const descriptor = { mediaType: "application/octet-stream", digest, size: entry.size };
  const where = (): string => `"${options.name}", "${entry.path}" at byte ${entry.offset} of its tar`;
  if (entry.size > SMALL) return inFile({ descriptor, where, open: () => entry.open() }, options);
  const bytes = (await collect(entry.open(), entry.size)) ?? new Uint8Array(0);
  return { content: { ...inMemory(descriptor, bytes), where }, memory: bytes.length, release: async () => {} };
}

async function inFile(piped: Content, { name, spoolFolder: folder, signal }: KeepOptions): Promise<Arrival> {
  const { descriptor, where } = piped;
  try {
    const volume = await spool(read(piped, { signal }), { folder, name, check: () => {}, signal });
    const open: Content["open"] = (options) => volumeRange(volume, 0, descriptor.size, options);
    return { content: { descriptor, where, open }, memory: 0, release: async () => volume[Symbol.asyncDispose]() };
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    return { content: { descriptor, where, open: () => failing(error) }, memory: 0, release: async () => {} };
  }
}
