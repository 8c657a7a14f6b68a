/** One at a time: work on the same thing waits for its turn. */
import { within } from "./signal.ts";

/** Runs `work` when nobody else works on `key`. Rejects with the signal's reason while it waits; what others threw is theirs. */
export type Turns<K> = (key: K, signal: AbortSignal | undefined, work: () => Promise<void>) => Promise<void>;

/** Nobody is at work yet. */
export function createTurns<K>(): Turns<K> {
  const working = new Map<K, Promise<void>>();
  return async function take(key, signal, work) {
    for (let other = working.get(key); other; other = working.get(key))
      await within(
        other.catch(() => {}),
        signal,
      );
    const own = work();
    working.set(key, own);
    try {
      await own;
    } finally {
      working.delete(key);
    }
  };
}
