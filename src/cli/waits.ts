/** Which pauses of a run are worth a line: many requests that fail for one reason are one piece of news. */
import type { Event, OnEvent } from "../events.ts";

type Waiting = Event & { readonly type: "waiting" };

export interface Waits {
  /** What to say of a pause; undefined: nothing, it is counted. */
  take(event: Waiting): string | undefined;
  /** What was counted and not said, a line for each host and reason. */
  rest(): readonly string[];
}

/** Milliseconds in which one host's pauses for one reason are said once; one that is as long is said in any case. */
const QUIET = 15_000;

interface Told {
  at: number;
  more: number;
}

/** Nothing was said. `now` in milliseconds, for tests. */
export function createWaits(now: () => number = () => performance.now()): Waits {
  const all = new Map<string, Told>();
  return {
    take({ host, reason, milliseconds }) {
      const key = `${host}: ${reason}`;
      const told = all.get(key);
      if (told && now() - told.at < QUIET && milliseconds < QUIET) {
        told.more++;
        return undefined;
      }
      all.set(key, { at: now(), more: 0 });
      const since = told && told.more > 0 ? ` (${told.more} more since the last time)` : "";
      const seconds = (milliseconds / 1000).toFixed(1);
      return `${key}${since}; trying again ${seconds === "0.0" ? "at once" : `in ${seconds} s`}`;
    },
    rest() {
      const open = [...all].filter(([, { more }]) => more > 0);
      return open.map(([key, { more }]) => `${key} (${more} more ${more === 1 ? "time" : "times"})`);
    },
  };
}

/** Says those pauses that are worth it, and nothing else: for commands that report no images. */
export function warnOfWaits(warn: (line: string) => void): OnEvent {
  const waits = createWaits();
  return (event) => {
    const line = event.type === "waiting" ? waits.take(event) : undefined;
    if (line !== undefined) warn(line);
  };
}
