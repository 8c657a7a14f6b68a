/** Writes archives: entries one after the other, then the index that says where they stand. */
import { setImmediate } from "node:timers/promises";
import { concat } from "../bytes/stream.ts";
import type { Call } from "../store/store.ts";
import type { Codec } from "./codec.ts";
import { codecFor } from "./codec-for.ts";
import { type GrowingIndex, INDEX_PATH, type Placed, startIndex } from "./contents.ts";
import { formatFooter } from "./footer.ts";
import type { Format } from "./format.ts";
import { type Gathered, gathered } from "./gathered.ts";
import { type Entry, writeMembers } from "./members.ts";
import type { Output } from "./output.ts";
import { BLOCK, paddingOf, tarHeader } from "./tar.ts";

export type { Entry } from "./members.ts";

/** Small entries wait for nothing: after so many of them, signals and timers have their turn. */
const BREATH = 200;

export interface WriteOptions extends Call {
  readonly format: Format;
  /** Of the compression: gzip 1-9, default 6; zstd 1-22, default 3. */
  readonly level?: number | undefined;
  /**
   * Asked what to do about an entry whose stream failed or had another size: write the one returned in its place, or leave
   * it out. What was written of it is cut off. Asked again where the replacement fails too.
   */
  readonly onLost?: ((entry: Entry, error: unknown) => Promise<Entry | undefined>) | undefined;
  /** Hears how many bytes the output has. Goes back where an entry was cut off. */
  readonly onBytes?: ((total: number) => void) | undefined;
}

/**
 * Writes `entries` as they come. The same entries give the same bytes, however they are chunked and timed. Does not finish
 * the output: its owner decides whether the archive is to stay. Throws what an entry's stream threw where there is no
 * onLost, where the output cannot truncate, or on abort; and STORAGE where the output fails.
 */
export async function writeArchive(
  entries: AsyncIterable<Entry>,
  output: Output,
  options: WriteOptions,
): Promise<{ entries: number; bytes: number }> {
  const codec = codecFor(options.format, options.level);
  const target = gathered(output, (total) => options.onBytes?.(total));
  const index = startIndex();
  try {
    for await (const entry of entries) {
      options.signal?.throwIfAborted();
      const one = await writeOrReplace(entry, codec, output, target, options);
      if (one) index.add(one);
      if (index.entries % BREATH === 0) await setImmediate();
    }
    options.signal?.throwIfAborted();
    await writeContents(index, codec, target);
    await target.flush();
    return { entries: index.entries, bytes: output.position };
  } finally {
    await target.settle();
  }
}

async function writeOrReplace(
  entry: Entry,
  codec: Codec,
  output: Output,
  target: Gathered,
  { signal, onLost }: WriteOptions,
): Promise<Placed | undefined> {
  for (let current: Entry | undefined = entry; current; ) {
    const start = target.position;
    try {
      return await writeMembers(current, codec, target, { signal });
    } catch (error) {
      if (!onLost || !output.truncate || target.failed || signal?.aborted) throw error;
      await target.truncate(start);
      current = await onLost(current, error);
    }
  }
  return undefined;
}

/** The index as an entry of one member, the end of the tar, the footer. */
async function writeContents(growing: GrowingIndex, codec: Codec, target: Gathered): Promise<void> {
  const chunks = growing.end();
  const size = chunks.reduce((sum, { length }) => sum + length, 0);
  const header = tarHeader({ path: INDEX_PATH, type: "file", size });
  const entry = concat([header, ...chunks, new Uint8Array(paddingOf(size))]);
  const offset = target.position;
  await target.push(codec.packing ? await codec.packing.pack(entry) : entry);
  const length = target.position - offset;
  await target.push(codec.end());
  await target.push(formatFooter(codec, entry.subarray(BLOCK, BLOCK + size), offset, length));
}
