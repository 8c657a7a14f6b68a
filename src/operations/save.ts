/** Registries to cache to archive: the archive takes blobs in plan order, right behind those that land in the cache. */
import type { Output } from "../archive/output.ts";
import { writeArchive } from "../archive/writer.ts";
import type { OnEvent } from "../events.ts";
import type { Cache } from "../layout/cache.ts";
import { requireFew } from "../layout/document.ts";
import type { Content } from "../store/store.ts";
import { type ArchiveTarget, claimOf, layoutFor, openOutput } from "./archive-target.ts";
import type { CopyOptions } from "./copy.ts";
import { arrived, type FillSummary, fill, type Landing } from "./fill.ts";
import { packEntries } from "./pack.ts";
import type { Wanted } from "./plan.ts";
import { requireRoom } from "./room.ts";
import type { Run, Task } from "./run.ts";

export interface SaveOptions extends CopyOptions {
  /** What the list says as its time; the only thing in an archive that is not in the images. */
  readonly savedTime: Date;
}

/**
 * Brings the wanted images into the cache and writes the archive while that goes on, or behind it where its layout can say
 * nothing again. Without an `archive` only the cache is filled. Images that fail are in the summary, not in the archive.
 * Without any image there is no archive, and an older one of that name stays. The cache's list is left to the caller. Rejects
 * when a disk fails or has no room for what is planned, or when the signal is aborted; then nothing looks finished. Throws
 * UNSUPPORTED at once for more images than an archive can list.
 */
export async function save(
  wanted: readonly Wanted[],
  { cache, archive }: { readonly cache: Cache; readonly archive?: ArchiveTarget | undefined },
  options: SaveOptions,
): Promise<FillSummary> {
  requireFew(wanted.length);
  await using output = archive && (await openOutput(archive));
  const { savedTime, onEvent } = options;
  let archived: number | undefined;
  const summary = await fill(wanted, cache, options, async (images, { settled, signal }) => {
    await requireRoomFor(images, cache, archive);
    if (archive && output) archived = await pack(images, output, archive, { savedTime, onEvent, settled, signal });
  });
  return { ...summary, archived };
}

async function requireRoomFor(images: Landing, cache: Cache, archive: ArchiveTarget | undefined): Promise<void> {
  const blobs = [...images.keys()].flatMap(({ items }) => items.map(({ descriptor }) => descriptor));
  const largestFile = blobs.reduce((most, { size }) => Math.max(most, size), 0);
  const downloads = { name: cache.folder, folder: cache.folder, bytes: await cache.missing(blobs), largestFile };
  await requireRoom([downloads, ...(archive ? claimOf(archive, blobs) : [])]);
}

interface PackOptions {
  readonly savedTime: Date;
  readonly onEvent: OnEvent;
  readonly settled: Run["settled"];
  readonly signal: AbortSignal;
}

/** Returns the size of the archive; undefined when no image arrived, and then there is no file. */
async function pack(
  images: Landing,
  output: Output,
  archive: ArchiveTarget,
  { savedTime, onEvent, settled, signal }: PackOptions,
): Promise<number | undefined> {
  const planned = [...images].map(([task, laid]) => ({ task, image: task.image, laid }));
  const layout = await layoutFor(archive, planned, savedTime);
  if (!layout.amended) for (const task of images.keys()) await arrival(task, settled, signal);
  const packed = layout.amended ? planned : planned.filter(({ task }) => task.state === "done");
  if (packed.length === 0) return undefined;
  const tasks = packed.map(({ task }) => task);
  const blobs = arriving(tasks, settled, signal);
  const { bytes } = await writeArchive(
    packEntries(packed, blobs, layout, () => arrived(images)),
    output,
    {
      format: archive.format,
      level: archive.level,
      signal,
      onBytes: (total) => onEvent({ type: "archived", bytes: total }),
    },
  );
  if (arrived(images).length === 0) return undefined;
  await output.finish();
  return bytes;
}

/** Waits until an image has arrived, or failed. */
async function arrival({ items }: Task, settled: Run["settled"], signal: AbortSignal): Promise<void> {
  for (const item of items) await settled(item, { signal });
}

/** The blobs in the order of the plan, each once it is there; those of an image that failed are left out. */
async function* arriving(
  tasks: readonly Task[],
  settled: Run["settled"],
  signal: AbortSignal,
): AsyncGenerator<Content> {
  for (const task of tasks)
    for (const item of task.items) {
      // A delivery that never begins, because the run stops, must not be waited for.
      await settled(item, { signal });
      const [holder] = item.holders;
      if (holder && task.state !== "failed") yield holder.get(item.descriptor);
    }
}
