/** Several who want the same thing at the same time wait for one. */

import { within } from "./signal.ts";

/** Shares the result of work that is under way. A failure is shared by those who waited, and not kept; who gives up waits no longer. */
export type Flights<T> = (key: string, signal: AbortSignal | undefined, make: () => Promise<T>) => Promise<T>;

/**
 * New flights. Work runs under the signal of whoever began it: when that one gives up, another of the waiters begins anew,
 * so that no work goes on which nobody waits for.
 */
export function createFlights<T>(): Flights<T> {
  const flying = new Map<string, { work: Promise<T>; signal: AbortSignal | undefined }>();
  return async function share(key, signal, make) {
    for (;;) {
      signal?.throwIfAborted();
      const other = flying.get(key);
      if (other) {
        try {
          return await within(other.work, signal);
        } catch (error) {
          signal?.throwIfAborted();
          if (!other.signal?.aborted) throw error;
          continue;
        }
      }
      const own = { work: make(), signal };
      flying.set(key, own);
      try {
        return await own.work;
      } finally {
        flying.delete(key);
      }
    }
  };
}
