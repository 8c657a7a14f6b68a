/** Asking again: after network errors, and after the statuses that pass. */
import { backoff, pause, type RetryPolicy } from "../../bytes/retry.ts";
import { AppError } from "../../errors.ts";
import { drain } from "../wire/drain.ts";
import { type Exchange, isStreamed, startEffort, type Trail, type Transport } from "../wire/exchange.ts";
import { isMistake } from "../wire/mistake.ts";
import { isPassing, LONGEST_WAIT, patienceOf } from "../wire/passing.ts";
import { isUnreached, networkReason, type Trouble, troubleOf } from "../wire/trouble.ts";
import type { Standing } from "./standing.ts";
import { createTraffic, type Traffic } from "./traffic.ts";

/** Tries at a host that nobody has ever answered at: there may be none. */
const UNREACHABLE_TRIES = 3;
/** What a server answers whose trouble may be with one request only. */
const TROUBLE: ReadonlySet<number> = new Set([500, 502, 504]);

/** Told before each pause; `host` is the one that is waited for, where that is not the registry itself. */
export type OnWait = (wait: {
  milliseconds: number;
  why: "rate-limit" | "retry";
  reason: string;
  host?: string;
}) => void;

export interface RetryOptions {
  /** Default: of its own. */
  readonly traffic?: Traffic | undefined;
  readonly onWait?: OnWait | undefined;
  /** Every answer will do, whatever its status. Default false. */
  readonly anyAnswer?: boolean | undefined;
}

/** Tries in all that a kind of trouble deserves. A host that has answered is only away for a while, and so is its name. */
function triesFor(trouble: Trouble, { attempts }: RetryPolicy, hasAnswered: boolean): number {
  if (trouble === "certificate" || trouble === "not-tls" || trouble === "proxy") return 1;
  if (hasAnswered) return attempts;
  if (trouble === "nameless") return 1;
  return trouble === "unreachable" ? Math.min(UNREACHABLE_TRIES, attempts) : attempts;
}

/** What came of one try. */
type Outcome = { readonly response: Response } | { readonly error: unknown };

/** A try that failed in passing. */
interface Failure {
  readonly why: "rate-limit" | "retry";
  readonly reason: string;
  /** Tries in all that it deserves. */
  readonly tries: number;
  /** Milliseconds that the host asked for. */
  readonly asked: number;
  /** The host as a whole wants rest, or is not there: everybody waits. */
  readonly isShared: boolean;
  readonly isUnreachable: boolean;
}

/**
 * Repeats what failed in passing; the last answer or error is the caller's. A courtesy is tried once, and so is a streamed
 * body: whoever has the stream decides about more, and its effort counts them. 429, 503, every Retry-After, a host that fails
 * whatever it is asked and one that cannot be reached pause that host for the whole run, told once; other failures pause this
 * request only. Who asks for more than five minutes is not waited for. A host that has answered gets the time of a restart.
 * One that failed or refused all tries of a request while no other of its kind got through is asked once for each further one.
 */
export function withRetry(next: Transport, policy: RetryPolicy, options: RetryOptions = {}): Transport {
  const { traffic = createTraffic(), onWait = ignore, anyAnswer = false } = options;
  return async (url, exchange) => {
    const { courtesy, signal } = exchange;
    if (courtesy) return next(url, exchange);
    const start = new URL(url).host;
    const { effort = startEffort() } = exchange;
    const tried = isStreamed(exchange) ? effort : startEffort();
    for (;;) {
      const trail: Trail = { host: start };
      const outcome = await ask(next, url, { ...exchange, trail });
      const host = traffic.at(trail.host);
      const { pauses } = host;
      const standing = host.standing(exchange);
      // The sessions of an upload have other URLs for each try, and are begun at the same one for all.
      if ("response" in outcome && TROUBLE.has(outcome.response.status)) standing.troubled(exchange.effort ?? url);
      const failure = anyAnswer && "response" in outcome ? undefined : failureOf(outcome, policy, standing);
      if (!failure) return result(outcome);
      const attempt = ++tried.failed;
      if (!tried.before.has(standing)) tried.before.set(standing, standing.good);
      const isOver = standing.isGivenUp || attempt >= failure.tries;
      if (isOver) lose(standing, failure, tried.before.get(standing)!);
      effort.isHopeless = standing.isGivenUp;
      const isAway = failure.isUnreachable && standing.hasAnswered;
      const wait = isAway ? absence(policy, attempt) : Math.max(backoff(policy, attempt + 1), failure.asked);
      const isNews = failure.isShared ? !standing.isGivenUp && pauses.begin(wait, policy.delay) : !isStreamed(exchange);
      if (isNews && !isOver) onWait(telling(failure, wait, host.name === start ? undefined : host.name));
      if (isOver || isStreamed(exchange)) return result(outcome);
      if ("response" in outcome) await drain(outcome.response);
      // Back to the first URL only after the pause: what it redirects to does not last.
      await (failure.isShared ? pauses.over(signal) : pause(wait, signal));
    }
  };
}

async function ask(next: Transport, url: string, exchange: Exchange): Promise<Outcome> {
  try {
    return { response: await next(url, exchange) };
  } catch (error) {
    exchange.signal?.throwIfAborted();
    return { error };
  }
}

function result(outcome: Outcome): Response {
  if ("response" in outcome) return outcome.response;
  throw outcome.error;
}

/** The pause after try number `attempt` at a host that is restarted: with the default policy, 15 seconds in all. */
function absence({ delay, maximum }: RetryPolicy, attempt: number): number {
  return Math.min(maximum, delay * 2 ** attempt);
}

/** undefined: nothing that another try would change. */
function failureOf(outcome: Outcome, policy: RetryPolicy, standing: Standing): Failure | undefined {
  if ("response" in outcome) {
    const { status } = outcome.response;
    if (!isPassing(status)) return undefined;
    const asked = patienceOf(outcome.response);
    if ((asked ?? 0) > LONGEST_WAIT) return undefined;
    return {
      why: status === 429 ? "rate-limit" : "retry",
      reason: `the registry answered ${status}`,
      tries: policy.attempts,
      asked: asked ?? 0,
      isShared: status === 429 || status === 503 || asked !== undefined || (TROUBLE.has(status) && standing.isTroubled),
      isUnreachable: false,
    };
  }
  const { error } = outcome;
  if (error instanceof AppError || isMistake(error)) return undefined;
  const trouble = troubleOf(error);
  const isUnreachable = isUnreached(trouble);
  const tries = triesFor(trouble, policy, standing.hasAnswered);
  return { why: "retry", reason: networkReason(error), tries, asked: 0, isShared: isUnreachable, isUnreachable };
}

function lose(standing: Standing, { isUnreachable, isShared }: Failure, before: number): void {
  if (isUnreachable) standing.unreachable(before);
  else if (isShared) standing.refused(before);
}

function telling({ why, reason }: Failure, milliseconds: number, host: string | undefined): Parameters<OnWait>[0] {
  return { milliseconds, why, reason, ...(host === undefined ? {} : { host }) };
}

function ignore(): void {}
