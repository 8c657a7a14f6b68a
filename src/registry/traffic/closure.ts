/** Hosts that want to be left alone for longer than anybody waits. RFC 9110 section 10.2.3 "Retry-After". */
import { collect } from "../../bytes/stream.ts";
import type { Transport } from "../wire/exchange.ts";
import { isPassing, LONGEST_WAIT, patienceOf } from "../wire/passing.ts";
import { bodyOf } from "../wire/reading.ts";
import type { Traffic } from "./traffic.ts";

/** What a host said, and until when it holds: a time of performance.now(). */
export interface Closure {
  readonly until: number;
  /** The answer anew, its Retry-After as of now. */
  again(): Response;
}

/**
 * Remembers for each host an answer whose Retry-After is not waited for, and gives it to whoever asks before that time,
 * without a request. To be put around withRefusals, which caps the bodies of such answers.
 */
export function withClosures(next: Transport, traffic: Traffic): Transport {
  return async (url, exchange) => {
    const host = traffic.at(new URL(url).host);
    if (host.closure && performance.now() < host.closure.until) return host.closure.again();
    const response = await next(url, exchange);
    const patience = isPassing(response.status) ? (patienceOf(response) ?? 0) : 0;
    if (patience <= LONGEST_WAIT) return response;
    host.closure = await closed(response, performance.now() + patience);
    return host.closure.again();
  };
}

async function closed(response: Response, until: number): Promise<Closure> {
  const { status, headers } = response;
  const body = response.body && (await collect(bodyOf(response), Number.POSITIVE_INFINITY))!;
  return {
    until,
    again() {
      const left = new Headers(headers);
      left.set("retry-after", String(Math.ceil((until - performance.now()) / 1000)));
      return new Response(body, { status, headers: left });
    },
  };
}
