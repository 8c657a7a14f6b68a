/** Tries at one thing that takes several requests: a pause before each further one, and an end to them. */
import { backoff, pause, type RetryPolicy } from "../bytes/retry.ts";
import { clean } from "../bytes/text.ts";
import { AppError, RegistryError } from "../errors.ts";
import type { Call } from "../store/store.ts";
import type { OnWait } from "./traffic/retry.ts";
import { type Effort, startEffort } from "./wire/exchange.ts";
import { isPassing, LONGEST_WAIT } from "./wire/passing.ts";
import { networkReason } from "./wire/trouble.ts";

export interface Tries {
  /** To go with the requests of each try. */
  readonly effort: Effort;
  /** Pauses before another try after `error`; throws `error` when that was the last one, or is by the effort. */
  again(error: unknown, options?: Call): Promise<void>;
  /** Something was achieved: the count begins anew. */
  renew(): void;
}

/** The first try is under way. */
export function createTries({ retry, onWait }: { readonly retry: RetryPolicy; readonly onWait: OnWait }): Tries {
  const effort = startEffort();
  let attempt = 1;
  return {
    effort,
    async again(error, { signal } = {}) {
      if (effort.isHopeless || attempt >= retry.attempts) throw error;
      attempt++;
      const milliseconds = backoff(retry, attempt);
      if (!isToldAlready(error)) onWait({ milliseconds, why: "retry", reason: clean(brokenBy(error), 200) });
      await pause(milliseconds, signal);
    },
    renew() {
      attempt = 1;
      Object.assign(effort, startEffort());
    },
  };
}

/** A registry that wants rest is told of where the whole host pauses. */
function isToldAlready(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  return error.status === 429 || error.status === 503 || error.retryAfter !== undefined;
}

/** Whether the same may succeed soon: there was no answer, or one that passes by itself and asks for no more than minutes. */
export function isPassingError(error: unknown): boolean {
  if (error instanceof RegistryError) return isPassing(error.status) && (error.retryAfter ?? 0) <= LONGEST_WAIT;
  return error instanceof AppError && error.code === "NETWORK";
}

/** What broke an exchange, without what was to be done by it. */
export function brokenBy(error: unknown): string {
  return error instanceof AppError && error.cause !== undefined ? networkReason(error.cause) : networkReason(error);
}
