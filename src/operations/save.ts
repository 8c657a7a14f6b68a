/** Registries to cache to archive: blobs land in the cache in parallel, the archive takes them in plan order right behind. */
import type { Format } from "../archive/format.ts";
import { fileOutput, type Output } from "../archive/output.ts";
import { type Entry, writeArchive } from "../archive/writer.ts";
import { eager } from "../bytes/eager.ts";
import { AppError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Cache } from "../layout/cache.ts";
import type { LaidImage } from "../layout/hangar.ts";
import type { Selection } from "../oci/platform.ts";
import type { Call } from "../store/store.ts";
import { carry, itemsOf } from "./carry.ts";
import { layOut } from "./laid.ts";
import { amendedEntries, blobEntry, headEntries, type Packed } from "./pack.ts";
import { plan, type Wanted } from "./plan.ts";
import { createRun, type Item, type Task } from "./run.ts";
import type { Summary } from "./summary.ts";

/** A file to write. */
export interface ArchiveTarget {
  readonly path: string;
  readonly format: Format;
}

export interface SaveOptions extends Call {
  readonly selection: Selection;
  /** An image that has none of the selected platforms fails, instead of being skipped. */
  readonly strict: boolean;
  /** Blobs in flight. */
  readonly jobs: number;
  readonly onEvent: OnEvent;
  /** What the list says as its time; the only thing in an archive that is not in the images. */
  readonly savedTime: Date;
}

export interface SaveSummary extends Summary {
  /** The images that are in the cache now, as the list names them. */
  readonly images: readonly LaidImage[];
}

/**
 * Brings the wanted images into the cache and, where an archive is asked for, writes it while that goes on. Images that fail
 * are in the summary, not in the archive. Without any image there is no archive, and an older one of that name stays. The
 * cache's list is left to the caller. Rejects when the disk fails or the signal is aborted; then nothing looks finished.
 */
export async function save(
  wanted: readonly Wanted[],
  { cache, archive }: { cache: Cache; archive?: ArchiveTarget | undefined },
  { selection, strict, jobs, onEvent, savedTime, signal: outer }: SaveOptions,
): Promise<SaveSummary> {
  await using output = archive && (await fileOutput(archive.path));
  const control = new AbortController();
  const signal = outer ? AbortSignal.any([outer, control.signal]) : control.signal;
  const tasks: Task[] = [];
  const run = createRun({ onEvent, onTask: (task) => tasks.push(task) });
  const planned = plan(wanted, { selection, strict, concurrency: jobs, configs: true, signal });
  const items = eager(itemsOf(planned, run, { signal }));
  const moving = carry(items, run, { jobs, signal });
  moving.catch((error: unknown) => control.abort(error));
  try {
    await items.drained;
    const images = new Map<Task, LaidImage>();
    for (const task of tasks) images.set(task, await layOut(task.wanted.origin, task.wanted.tag, task.image));
    const archived =
      archive && output && (await pack(images, output, { format: archive.format, savedTime, onEvent, signal }));
    await moving;
    for (const [task, laid] of images)
      if (task.state === "done") await cache.repository("").put(laid.offered, { signal });
    return { ...run.summary(), images: arrived(images), archived };
  } catch (error) {
    control.abort(error);
    throw signal.reason ?? error;
  } finally {
    await Promise.allSettled([moving, items.drained]);
  }
}

function arrived(images: ReadonlyMap<Task, LaidImage>): readonly LaidImage[] {
  return [...images].filter(([task]) => task.state === "done").map(([, laid]) => laid);
}

interface PackOptions {
  readonly format: Format;
  readonly savedTime: Date;
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal;
}

/** Writes the archive behind the downloads. Returns its size; undefined when no image arrived, and then there is no file. */
async function pack(
  images: ReadonlyMap<Task, LaidImage>,
  output: Output,
  { format, savedTime, onEvent, signal }: PackOptions,
): Promise<number | undefined> {
  if (images.size === 0) return undefined;
  const { bytes } = await writeArchive(entriesOf(images, savedTime, signal), output, {
    format,
    signal,
    onBytes: (total) => onEvent({ type: "archived", bytes: total }),
  });
  if (arrived(images).length === 0) return undefined;
  await output.finish();
  return bytes;
}

async function* entriesOf(
  images: ReadonlyMap<Task, LaidImage>,
  savedTime: Date,
  signal: AbortSignal,
): AsyncGenerator<Entry> {
  const packed: Packed[] = [...images].map(([{ image }, laid]) => ({
    laid,
    manifests: image.manifests,
    documents: image.documents.values(),
  }));
  const written = new Set<string>();
  for (const entry of headEntries(packed, savedTime)) {
    written.add(entry.path);
    yield entry;
  }
  for (const task of images.keys())
    for (const item of task.items) {
      await settled(item, signal);
      const [holder] = item.holders;
      if (!holder || task.state === "failed") continue;
      const entry = blobEntry(holder.get(item.descriptor));
      if (written.has(entry.path)) continue;
      written.add(entry.path);
      yield entry;
    }
  yield* amendedEntries([...images.values()], arrived(images), savedTime);
}

/** A delivery that never begins, because the run stops, must not be waited for. */
async function settled(item: Item, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const stop = Promise.withResolvers<never>();
  const onAbort = (): void => stop.reject(signal.reason ?? new AppError("CANCELLED", "Cannot go on: interrupted"));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([item.settled, stop.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
