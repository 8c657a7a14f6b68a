/** https or http: decided once for each registry, before its first request. */
import { createFlights } from "../../bytes/flight.ts";
import { either } from "../../bytes/signal.ts";
import { AppError } from "../../errors.ts";
import type { Call } from "../../store/store.ts";
import { isLoopback } from "../policy/address.ts";
import { drain } from "../wire/drain.ts";
import type { Transport } from "../wire/exchange.ts";
import { isMistake } from "../wire/mistake.ts";
import { troubleOf } from "../wire/trouble.ts";

/** Milliseconds. A server that takes plain http for a broken TLS greeting, or TLS for bad http, may wait for ever. */
const PATIENCE = 10_000;

/** The origin to talk to, `https://registry.example`. */
export type FindOrigin = (options?: Call) => Promise<string>;

/**
 * https, without asking, for all but two kinds of registry. This machine's own is asked by http first, since that is what
 * tests and mirrors speak; one whose certificate need not be checked is asked by https first, then by http. An answer of
 * the host decides, a refused certificate too; a proxy's that it is not there does not. Nothing that is encrypted falls back
 * for other registries.
 */
export function createScheme(host: string, tlsVerify: boolean, send: Transport): FindOrigin {
  const hostname = new URL(`https://${host}`).hostname;
  const flights = createFlights<string>();
  let found: string | undefined;
  return async ({ signal } = {}) => {
    if (tlsVerify && !isLoopback(hostname)) return `https://${host}`;
    const schemes = tlsVerify ? ["http", "https"] : ["https", "http"];
    return (found ??= await flights("", signal, () => probe(host, schemes, !tlsVerify, send, signal)));
  };
}

/** What TLS servers say to plain http; after TLS has failed, also what a proxy says where it finds nobody. */
function isDoubtful(status: number, hasFailed: boolean): boolean {
  return status === 400 || (hasFailed && status >= 502 && status <= 504);
}

async function probe(
  host: string,
  schemes: readonly string[],
  unverified: boolean,
  send: Transport,
  signal: AbortSignal | undefined,
): Promise<string> {
  let first: unknown;
  let fallback: string | undefined;
  for (const scheme of schemes) {
    const origin = `${scheme}://${host}`;
    try {
      const limit = AbortSignal.timeout(PATIENCE);
      const response = await send(`${origin}/v2/`, {
        method: "HEAD",
        headers: {},
        unverified,
        signal: either(signal, limit),
      });
      await drain(response);
      if (scheme === "https" || !isDoubtful(response.status, first !== undefined)) return origin;
      // TLS was cut, not refused: it may be there the next time.
      if (first === undefined || troubleOf(first) === "not-tls") fallback = origin;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof AppError || isMistake(error)) throw error;
      // A certificate that is refused is an answer: it must be said, and plain http not tried.
      const trouble = troubleOf(error);
      if (trouble === "certificate") return origin;
      if (trouble === "nameless" || trouble === "unasked" || (trouble === "unreachable" && /:\d+$/.test(host)))
        throw error;
      first ??= error;
    }
  }
  if (fallback === undefined) throw first;
  return fallback;
}
