/** Trying again, with pauses that a signal can end. */

/** How often, and how long between. */
export interface RetryPolicy {
  /** Tries in all. Default 5. */
  readonly attempts: number;
  /** Milliseconds that the pause before the second try may take; doubled for each further one. Default 500. */
  readonly delay: number;
  /** The longest pause in milliseconds. Default 30,000. */
  readonly maximum: number;
}

export const RETRY: RetryPolicy = { attempts: 5, delay: 500, maximum: 30_000 };

/** The pause before try number `attempt` (the second is 2): any part of the longest, by chance, so that many waiters do not come back at once. */
export function backoff(policy: RetryPolicy, attempt: number): number {
  const longest = Math.min(policy.maximum, policy.delay * 2 ** (attempt - 2));
  return Math.round(longest * Math.random());
}

/** Resolves after `milliseconds`; rejects with the signal's reason as soon as it is aborted. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    function stop(): void {
      clearTimeout(timer);
      reject(signal?.reason);
    }
    signal?.addEventListener("abort", stop, { once: true });
  });
}
