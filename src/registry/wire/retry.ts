/** Asking again: after network errors, and after the statuses that pass. RFC 9110 section 10.2.3 for Retry-After. */
import { backoff, pause, type RetryPolicy } from "../../bytes/retry.ts";
import { AppError } from "../../errors.ts";
import { drain } from "./drain.ts";
import { isStreamed, type Transport } from "./exchange.ts";
import { networkReason, type Trouble, troubleOf } from "./network.ts";

const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 499, 500, 502, 503, 504, 522]);
/** A registry that wants more patience than this many milliseconds is not waited for. */
const LONGEST_WAIT = 300_000;
/** Tries at a host that nobody answers at: enough for a restart, without a minute of silence. */
const UNREACHABLE_TRIES = 3;

/** Told before each pause. */
export type OnWait = (wait: { milliseconds: number; why: "rate-limit" | "retry"; reason: string }) => void;

/** Tries in all that a kind of trouble deserves. */
export function triesFor(trouble: Trouble, policy: RetryPolicy): number {
  if (trouble === "certificate" || trouble === "not-tls") return 1;
  return trouble === "unreachable" ? Math.min(UNREACHABLE_TRIES, policy.attempts) : policy.attempts;
}

/** Milliseconds that a Retry-After asks for, as seconds or as a date; undefined where there is none. */
export function retryAfter(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  const milliseconds = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}

/** Whether asking again may help. */
export function isPassing(status: number): boolean {
  return PASSING.has(status);
}

/**
 * Repeats what failed in passing; the last answer or error is the caller's. A streamed body is sent once: whoever has the
 * stream decides about more. A 429 that asks for more than five minutes is not waited for.
 */
export function withRetry(next: Transport, policy: RetryPolicy, onWait: OnWait = ignore): Transport {
  // A host that never answered, after all tries, is misspelt or not there: its other images need not wait for as long.
  const answered = new Set<string>();
  const silent = new Set<string>();
  function tries(host: string, trouble: Trouble): number {
    return trouble === "unreachable" && silent.has(host) ? 1 : triesFor(trouble, policy);
  }
  return async (url, exchange) => {
    const { signal } = exchange;
    const { host } = new URL(url);
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt >= policy.attempts || isStreamed(exchange);
      let wait = backoff(policy, attempt + 1);
      try {
        const response = await next(url, exchange);
        answered.add(host);
        silent.delete(host);
        if (isLast || !isPassing(response.status)) return response;
        const asked = retryAfter(response.headers.get("retry-after"));
        if (asked !== undefined && asked > LONGEST_WAIT) return response;
        wait = Math.max(wait, asked ?? 0);
        await drain(response);
        const why = response.status === 429 ? "rate-limit" : "retry";
        onWait({ milliseconds: wait, why, reason: `the registry answered ${response.status}` });
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof AppError) throw error;
        const trouble = troubleOf(error);
        const isEnough = attempt >= tries(host, trouble);
        if (isEnough && trouble === "unreachable" && !answered.has(host)) silent.add(host);
        if (isLast || isEnough) throw error;
        onWait({ milliseconds: wait, why: "retry", reason: networkReason(error) });
      }
      await pause(wait, signal);
    }
  };
}

function ignore(): void {}
