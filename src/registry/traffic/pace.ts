/** Requests a second: starts that keep their distance. */
import { pause } from "../../bytes/retry.ts";
import { createSlots } from "./slots.ts";

/** Resolves when the next may start, in the order of the calls. Rejects with the signal's reason, and then nobody waits longer for it. */
export type Pace = (signal?: AbortSignal) => Promise<void>;

/** At most so many starts a second, such as 5 or 0.5, evenly spread: what was not used is not made up for. */
export function createPace(perSecond: number): Pace {
  const interval = 1000 / perSecond;
  const turn = createSlots(1);
  let due = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    const place = await turn.take(signal);
    try {
      if (due > performance.now()) await pause(due - performance.now(), signal);
      const now = performance.now();
      // Timers are late: what they lose is not added up.
      due = (now - due < interval / 2 ? due : now) + interval;
    } finally {
      place.leave();
    }
  };
}
