/** Copies images from wherever they are to registries: what load and mirror do, once both ends of every image are chosen. */
import { either } from "../bytes/signal.ts";
import type { OnEvent } from "../events.ts";
import type { Selection } from "../oci/platform.ts";
import type { Call } from "../store/store.ts";
import { carry, itemsOf } from "./carry.ts";
import { settleCollisions } from "./destination.ts";
import { plan, type Wanted } from "./plan.ts";
import { createRun } from "./run.ts";
import type { Summary } from "./summary.ts";

export interface CopyOptions extends Call {
  readonly selection: Selection;
  /** An image that has none of the selected platforms fails, instead of being skipped. */
  readonly strict: boolean;
  /** Blobs in flight. */
  readonly jobs: number;
  readonly onEvent: OnEvent;
  /** Whether signatures and whatever else is attached to an image travel with it. Default true. */
  readonly referrers?: boolean | undefined;
  /** Wrong bytes end the run, instead of failing only the images concerned. Default false. */
  readonly stopAtDamage?: boolean | undefined;
}

/**
 * Moves what the destinations lack, and names it. Idempotent: what is there already is left alone. Throws USAGE before
 * anything moves where two different images would get one name. Images that fail are in the summary.
 */
export async function copy(
  wanted: readonly Wanted[],
  { selection, strict, jobs, referrers, stopAtDamage, onEvent, signal: outer }: CopyOptions,
): Promise<Summary> {
  const distinct = await settleCollisions(wanted, { signal: outer });
  const control = new AbortController();
  const signal = either(outer, control.signal);
  const run = createRun({ onEvent, stopAtDamage });
  const planned = plan(distinct, { selection, strict, referrers, concurrency: jobs, ahead: jobs * 4, signal });
  const items = itemsOf(planned, run, { signal });
  try {
    // Behind damage too: all is planned, so that every image that needs what is damaged is told of.
    await carry(items, run, { jobs, signal });
    const damage = run.damage();
    if (damage) throw damage;
  } finally {
    // Where the run stops early, the planning stops too before anybody hears of it.
    control.abort();
    await items.return(undefined);
  }
  return run.summary();
}
