/** The first layer over the transport: what every request carries, and a line about each for whoever debugs. Made with ofetch. */
import { createFetch, FetchError, type FetchOptions } from "ofetch";
import type { Exchange, Transport } from "./exchange.ts";
import { ofNetwork } from "./mistake.ts";
import { cancelBody } from "./reading.ts";
import { redact, redactError } from "./redact.ts";

/** One request on the network: retries, redirects and token requests are lines of their own. */
export interface RequestLine {
  readonly method: string;
  /** Without user info and secrets. */
  readonly url: string;
  readonly status: number;
  /** Until the headers were here. */
  readonly milliseconds: number;
}

export interface WireOptions {
  readonly userAgent: string;
  readonly onRequest?: ((line: RequestLine) => void) | undefined;
}

/**
 * ofetch's `raw` with everything off that would touch bytes or statuses: it passes the body on as the stream it is, knows
 * nothing of our `upload`, and neither retries nor throws for a status. Its errors are unwrapped: their text holds the
 * whole URL, secrets too.
 */
export function withWire(transport: Transport, { userAgent, onRequest }: WireOptions): Transport {
  const { raw } = createFetch({
    fetch: ((url: string, { headers, ...exchange }: RequestInit) =>
      transport(url, { ...(exchange as Exchange), headers: Object.fromEntries(new Headers(headers)) })) as typeof fetch,
    defaults: { responseType: "stream", ignoreResponseError: true, retry: false, redirect: "manual" },
  });
  return async (url, exchange) => {
    const start = performance.now();
    // Any coding would change the bytes that digests are about.
    const headers = { "accept-encoding": "identity", "user-agent": userAgent, ...exchange.headers };
    let response: Response;
    try {
      response = await raw(url, { ...exchange, headers } as FetchOptions<"stream">);
    } catch (error) {
      if (exchange.signal?.aborted) throw exchange.signal.reason;
      throw ofNetwork(redactError(error instanceof FetchError && error.cause !== undefined ? error.cause : error));
    }
    // A Response of another status cannot be made anew, as layers do; nobody who means well sends one.
    if (response.status < 200 || response.status > 599) {
      await cancelBody(response);
      throw ofNetwork(new Error(`it answered with the status ${response.status}`));
    }
    onRequest?.(line(url, exchange, response.status, start));
    return response;
  };
}

function line(url: string, { method }: Exchange, status: number, start: number): RequestLine {
  return { method, url: redact(url), status, milliseconds: Math.round(performance.now() - start) };
}
