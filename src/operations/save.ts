/** Registries to cache to archive: blobs land in the cache in parallel, the archive takes them in plan order right behind. */
import type { Format } from "../archive/format.ts";
import { fileOutput, type Output } from "../archive/output.ts";
import { writeArchive } from "../archive/writer.ts";
import { eager } from "../bytes/eager.ts";
import { either, within } from "../bytes/signal.ts";
import type { OnEvent } from "../events.ts";
import type { Cache } from "../layout/cache.ts";
import type { LaidImage } from "../layout/hangar.ts";
import type { Content } from "../store/store.ts";
import { carry, itemsOf } from "./carry.ts";
import type { CopyOptions } from "./copy.ts";
import { layOut } from "./lay-out.ts";
import { packEntries } from "./pack.ts";
import { plan, type Wanted } from "./plan.ts";
import { createRun, type Task } from "./run.ts";
import type { Summary } from "./summary.ts";

/** A file to write. */
export interface ArchiveTarget {
  readonly path: string;
  readonly format: Format;
}

export interface SaveOptions extends CopyOptions {
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
  const signal = either(outer, control.signal);
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
