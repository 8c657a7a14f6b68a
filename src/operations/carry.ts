/** Drives a run by a pool: blobs move as soon as the first image is planned. */
import { runAll } from "../bytes/pool.ts";
import type { Call } from "../store/store.ts";
import type { Item } from "./items.ts";
import type { Planned } from "./plan.ts";
import type { Run } from "./run.ts";

/** The blobs to deliver, as the plan streams in. */
export async function* itemsOf(planned: AsyncIterable<Planned>, run: Run, options: Call): AsyncGenerator<Item> {
  for await (const one of planned) yield* await run.add(one, options);
}

/** Delivers all items, `jobs` at once. Rejects when the run must stop, after all that was under way has ended. */
export function carry(items: AsyncIterable<Item>, run: Run, { jobs, signal }: Call & { jobs: number }): Promise<void> {
  return runAll(items, (item, signal) => run.deliver(item, { signal }), { concurrency: jobs, signal });
}
