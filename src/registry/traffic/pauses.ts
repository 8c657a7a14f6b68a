/** The pauses that one host asked for, kept by everybody who asks it. */
import { pause } from "../../bytes/retry.ts";

export interface Pauses {
  /** Nobody may ask the host now. */
  readonly isOn: boolean;
  /**
   * Begins a pause of so many milliseconds, or prolongs the one that is on. Whoever waits for its end comes back within
   * `spread` milliseconds after it, by chance, so that not all do at once. Returns whether that is worth telling: a new
   * pause, or one that has become much longer.
   */
  begin(milliseconds: number, spread: number): boolean;
  /** Resolves when there is no pause, at once where there is none. Rejects with the signal's reason. */
  over(signal?: AbortSignal): Promise<void>;
}

/** No pause is on. */
export function createPauses(): Pauses {
  let until = Number.NEGATIVE_INFINITY;
  let told = Number.NEGATIVE_INFINITY;
  let jitter = 0;
  return {
    get isOn() {
      return performance.now() < until;
    },
    begin(milliseconds, spread) {
      const now = performance.now();
      const end = now + milliseconds;
      if (end <= until) return false;
      until = end;
      jitter = spread;
      if (told > now && milliseconds < 2 * (told - now)) return false;
      told = end;
      return true;
    },
    async over(signal) {
      for (let now = performance.now(); now < until; now = performance.now())
        await pause(until - now + jitter * Math.random(), signal);
    },
  };
}
