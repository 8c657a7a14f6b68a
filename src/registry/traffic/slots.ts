/** Places that are taken and given back, first come, first served. */

export interface Place {
  /** Gives it back. Again, it does nothing. */
  leave(): void;
  /**
   * The place may be taken away from a holder that does nothing with it while others wait: one for which `idle` gives the
   * same number twice, a while apart.
   */
  lend(idle: () => number | undefined): void;
}

export interface Slots {
  /** Resolves with a place. Rejects with the signal's reason as soon as it is aborted, and then none is taken. */
  take(signal?: AbortSignal): Promise<Place>;
  /** Places that are taken. */
  readonly taken: number;
}

interface Loan {
  readonly idle: () => number | undefined;
  last: number | undefined;
}

/** Milliseconds between two looks at idle holders. */
const IDLE = 1000;

/** So many places, all free. Infinity is no limit. */
export function createSlots(places: number, idle: number = IDLE): Slots {
  const queue = new Set<() => void>();
  const loans = new Map<Place, Loan>();
  let taken = 0;
  let timer: ReturnType<typeof setInterval> | undefined;

  function enter(): Place {
    let isMine = true;
    const place: Place = {
      leave() {
        if (!isMine) return;
        isMine = false;
        taken--;
        loans.delete(place);
        const [first] = queue;
        first?.();
      },
      lend(idle) {
        if (isMine) loans.set(place, { idle, last: undefined });
      },
    };
    taken++;
    return place;
  }
  function callIn(): void {
    for (const [place, loan] of loans) {
      const now = loan.idle();
      if (now !== undefined && now === loan.last) place.leave();
      else loan.last = now;
    }
  }
  /** Looks are only taken while somebody waits. */
  function look(): void {
    if (queue.size > 0) timer ??= setInterval(callIn, idle);
    else {
      clearInterval(timer);
      timer = undefined;
    }
  }

  return {
    get taken() {
      return taken;
    },
    async take(signal) {
      signal?.throwIfAborted();
      if (taken < places) return enter();
      const { promise, resolve, reject } = Promise.withResolvers<Place>();
      function next(): void {
        queue.delete(next);
        resolve(enter());
      }
      function stop(): void {
        if (queue.delete(next)) reject(signal?.reason);
      }
      queue.add(next);
      signal?.addEventListener("abort", stop, { once: true });
      look();
      try {
        return await promise;
      } finally {
        signal?.removeEventListener("abort", stop);
        look();
      }
    },
  };
}
