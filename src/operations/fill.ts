/** Brings images into a cache folder, blobs in parallel, with work that follows right behind. */
import { eager } from "../bytes/eager.ts";
import { either } from "../bytes/signal.ts";
import type { Cache } from "../layout/cache.ts";
import type { LaidImage } from "../layout/hangar.ts";
import { carry, itemsOf } from "./carry.ts";
import type { CopyOptions } from "./copy.ts";
import { layOut } from "./lay-out.ts";
import { plan, type Wanted } from "./plan.ts";
import { createRun, type Run, type Task } from "./run.ts";
import type { Summary } from "./summary.ts";

export interface FillSummary extends Summary {
  /** The images that are in the cache now, as its list is to name them. */
  readonly images: readonly LaidImage[];
}

/** Planned images on their way into the cache, in the order of the list. */
export type Landing = ReadonlyMap<Task, LaidImage>;

/**
 * Brings the wanted images into the cache; those that fail are in the summary. The cache's list is left to the caller.
 * `behind` begins when everything is planned, while blobs still land, and is awaited. Rejects when the disk fails, when
 * `behind` does, or when the signal is aborted; nothing runs on then.
 */
export async function fill(
  wanted: readonly Wanted[],
  cache: Cache,
  { selection, strict, jobs, referrers, onEvent, signal: outer }: CopyOptions,
  behind?: (images: Landing, run: Pick<Run, "settled"> & { readonly signal: AbortSignal }) => Promise<void>,
): Promise<FillSummary> {
  const control = new AbortController();
  const signal = either(outer, control.signal);
  const tasks: Task[] = [];
  const run = createRun({ onEvent, onTask: (task) => tasks.push(task) });
  const planned = plan(wanted, { selection, strict, referrers, concurrency: jobs, configs: true, signal });
  const items = eager(itemsOf(planned, run, { signal }));
  const moving = carry(items, run, { jobs, signal });
  moving.catch((error: unknown) => control.abort(error));
  try {
    await items.drained;
    const images = new Map<Task, LaidImage>();
    for (const task of tasks)
      images.set(task, await layOut(task.wanted.origin, task.wanted.tag, task.image, task.wanted.madeOf));
    await behind?.(images, { settled: run.settled, signal });
    await moving;
    for (const { offered } of arrived(images)) await cache.repository("").put(offered, { signal });
    return { ...run.summary(), images: arrived(images) };
  } catch (error) {
    control.abort(error);
    throw signal.reason ?? error;
  } finally {
    await Promise.allSettled([moving, items.drained]);
  }
}

/** The images that are whole by now. */
export function arrived(images: Landing): readonly LaidImage[] {
  return [...images].filter(([task]) => task.state === "done").map(([, laid]) => laid);
}
