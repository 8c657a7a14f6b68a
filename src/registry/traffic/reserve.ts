/** Pulls that a run leaves to others, by what registries tell of their quotas. */
import { AppError } from "../../errors.ts";
import type { OnEvent } from "../../events.ts";
import type { Transport } from "../wire/exchange.ts";
import { parsePulls, type Quota } from "./quota.ts";
import type { Traffic } from "./traffic.ts";

const MANIFEST = /^\/v2\/.+\/manifests\/[^/]+$/;

/**
 * Listens for quotas, and tells "quota" when there is news. Refuses a pull (GET of a manifest: all else is free) with
 * RATE_LIMITED while no more than the run's reserve is left, those that are on their way counted; without a reserve, while
 * the registry says that none is left.
 */
export function withReserve(next: Transport, traffic: Traffic, onEvent?: OnEvent): Transport {
  return async (url, exchange) => {
    const { host, pathname } = new URL(url);
    const { quota } = traffic.at(host);
    const isPull = exchange.method === "GET" && MANIFEST.test(pathname);
    if (isPull) keepReserve(quota, traffic.hubReserve, host);
    const sent = performance.now();
    const answered = isPull ? quota.pull() : undefined;
    let response: Response;
    try {
      response = await next(url, exchange);
    } catch (error) {
      answered?.(undefined, true);
      throw error;
    }
    const pulls = parsePulls(response.headers);
    answered?.(pulls, response.ok);
    if (pulls && quota.hear(pulls, sent)) {
      const { limit, remaining, window, source } = pulls;
      onEvent?.({ type: "quota", host, limit, remaining, window, source });
    }
    return response;
  };
}

function keepReserve(quota: Quota, reserve: number | undefined, host: string): void {
  const reason = reasonToRefuse(quota, reserve);
  if (reason === undefined) return;
  const at = new Date(Date.now() + quota.renewal).toISOString().slice(0, 16).replace("T", " ");
  const lower = reserve === undefined ? "" : ", or lower --hub-reserve";
  throw new AppError("RATE_LIMITED", `Cannot ask "${host}" for a manifest: ${reason}`, {
    hint: `there are new ones by ${at} UTC; registries allow more to whom they know: log in${lower}`,
  });
}

/** Without a reserve the registry's own word counts, not ours: a pull that is on its way may turn out to be free. */
function reasonToRefuse(quota: Quota, reserve: number | undefined): string | undefined {
  if (reserve === undefined) return quota.isSpent ? "it says that no pull is left" : undefined;
  const left = quota.left();
  if (left === undefined || left > reserve) return undefined;
  return `${left === 1 ? "1 pull is left" : `${left} pulls are left`} and --hub-reserve keeps ${reserve}`;
}
