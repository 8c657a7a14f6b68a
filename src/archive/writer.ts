/** Writes archives: entries one after the other, then the index that says where they stand. */
import type { Call } from "../store/store.ts";
import type { Codec } from "./codec.ts";
import { codecFor } from "./codec-for.ts";
import { formatFooter, formatIndex, INDEX_PATH, type Placed } from "./contents.ts";
import type { Format } from "./format.ts";
import { type Gathered, gathered } from "./gathered.ts";
import { type Entry, writeMembers } from "./members.ts";
import type { Output } from "./output.ts";
import { BLOCK, paddingOf, tarHeader } from "./tar.ts";

export type { Entry } from "./members.ts";

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
  const placed: Placed[] = [];
  try {
    for await (const entry of entries) {
      options.signal?.throwIfAborted();
      const one = await writeOrReplace(entry, codec, output, target, options);
      if (one) placed.push(one);
    }
    options.signal?.throwIfAborted();
    await writeContents(placed, codec, target);
    await target.flush();
    return { entries: placed.length, bytes: output.position };
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
async function writeContents(placed: readonly Placed[], codec: Codec, target: Gathered): Promise<void> {
  const index = formatIndex(placed);
  const offset = target.position;
  const header = tarHeader({ path: INDEX_PATH, type: "file", size: index.length });
  const entry = new Uint8Array(header.length + index.length + paddingOf(index.length));
  entry.set(header);
  entry.set(index, BLOCK);
  await target.push(codec.packing ? await codec.packing.pack(entry) : entry);
  const length = target.position - offset;
  await target.push(codec.end());
  await target.push(formatFooter(codec, index, offset, length));
}
