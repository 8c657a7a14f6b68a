/** Who waits for content of a pipe that has not come. */
import { within } from "../../bytes/signal.ts";
import type { Digest } from "../../oci/digest.ts";

/** Hears 1 when somebody begins to wait, and -1 when that has ended. */
export type OnWait = (by: 1 | -1) => void;

export interface Waiting {
  isAwaited(digest: Digest): boolean;
  /** Resolves when that is woken; rejects on abort. */
  wait(digest: Digest, signal: AbortSignal | undefined, onWait?: OnWait): Promise<void>;
  /** Whoever waits for it looks again. */
  wake(digest: Digest): void;
  /** Whoever waits for anything looks again. */
  wakeAll(): void;
}

interface Awaited extends PromiseWithResolvers<void> {
  readonly ends: Set<() => void>;
}

/** Nobody waits yet. */
export function createWaiting(): Waiting {
  const awaited = new Map<Digest, Awaited>();

  function wake(digest: Digest): void {
    const one = awaited.get(digest);
    if (!one) return;
    awaited.delete(digest);
    // At once, and not when those who wait come to their turn: who looks now must see that they are at work.
    for (const end of [...one.ends]) end();
    one.resolve();
  }
  return {
    isAwaited: (digest) => awaited.has(digest),
    async wait(digest, signal, onWait) {
      const one = awaited.get(digest) ?? { ...Promise.withResolvers<void>(), ends: new Set() };
      awaited.set(digest, one);
      function end(): void {
        if (one.ends.delete(end)) onWait?.(-1);
      }
      one.ends.add(end);
      onWait?.(1);
      await within(one.promise, signal).finally(end);
    },
    wake,
    wakeAll() {
      for (const digest of [...awaited.keys()]) wake(digest);
    },
  };
}
