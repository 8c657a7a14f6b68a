/** Registries to cache to archive: the archive takes blobs in plan order, right behind those that land in the cache. */
import type { Format } from "../archive/format.ts";
import { fileOutput, type Output } from "../archive/output.ts";
import { writeArchive } from "../archive/writer.ts";
import { within } from "../bytes/signal.ts";
import type { OnEvent } from "../events.ts";
import type { Cache } from "../layout/cache.ts";
import type { Content } from "../store/store.ts";
import type { CopyOptions } from "./copy.ts";
import { arrived, type FillSummary, fill, type Landing } from "./fill.ts";
import { packEntries } from "./pack.ts";
import type { Wanted } from "./plan.ts";
import type { Task } from "./run.ts";

/** A file to write. */
export interface ArchiveTarget {
  readonly path: string;
  readonly format: Format;
}

export interface SaveOptions extends CopyOptions {
  /** What the list says as its time; the only thing in an archive that is not in the images. */
  readonly savedTime: Date;
}

/**
 * Brings the wanted images into the cache and writes the archive while that goes on. Images that fail are in the summary, not
 * in the archive. Without any image there is no archive, and an older one of that name stays. The cache's list is left to the
 * caller. Rejects when a disk fails or the signal is aborted; then nothing looks finished.
 */
export async function save(
  wanted: readonly Wanted[],
  { cache, archive }: { readonly cache: Cache; readonly archive: ArchiveTarget },
  options: SaveOptions,
): Promise<FillSummary> {
  await using output = await fileOutput(archive.path);
  const { savedTime, onEvent } = options;
  let archived: number | undefined;
  const summary = await fill(wanted, cache, options, async (images, signal) => {
    archived = await pack(images, output, { format: archive.format, savedTime, onEvent, signal });
  });
  return { ...summary, archived };
}

interface PackOptions {
  readonly format: Format;
  readonly savedTime: Date;
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal;
}

/** Returns the size of the archive; undefined when no image arrived, and then there is no file. */
async function pack(
  images: Landing,
  output: Output,
  { format, savedTime, onEvent, signal }: PackOptions,
): Promise<number | undefined> {
  if (images.size === 0) return undefined;
  const packed = [...images].map(([{ image }, laid]) => ({ image, laid }));
  const entries = packEntries(packed, arriving([...images.keys()], signal), savedTime, () => arrived(images));
  const { bytes } = await writeArchive(entries, output, {
    format,
    signal,
    onBytes: (total) => onEvent({ type: "archived", bytes: total }),
  });
  if (arrived(images).length === 0) return undefined;
  await output.finish();
  return bytes;
}

/** The blobs in the order of the plan, each once it is there; those of an image that failed are left out. */
async function* arriving(tasks: readonly Task[], signal: AbortSignal): AsyncGenerator<Content> {
  for (const task of tasks)
    for (const item of task.items) {
      // A delivery that never begins, because the run stops, must not be waited for.
      await within(item.settled, signal);
      const [holder] = item.holders;
      if (holder && task.state !== "failed") yield holder.get(item.descriptor);
    }
}
