/**
 * What an examination saw on the network, beneath the client: challenges, redirects and hosts that nobody is told of
 * otherwise.
 */
import type { Exchange, Transport } from "../../registry/wire/exchange.ts";

/** One exchange. */
export interface Seen {
  readonly url: URL;
  readonly method: string;
  /** 0: no answer came. */
  readonly status: number;
  /** Of the answer. */
  readonly headers: Headers;
  /** The scheme of the Authorization that was sent, in lower case: `bearer`. */
  readonly scheme: string | undefined;
}

/**
 * Writes down each exchange when it is answered, or when it failed. Nobody above is told to wait: how long the registry wants
 * to be left alone is for people to read.
 */
export function withJournal(next: Transport, journal: Seen[]): Transport {
  return async (url, exchange) => {
    const entry = { url: new URL(url), method: exchange.method, scheme: schemeOf(exchange) };
    try {
      const response = await next(url, exchange);
      journal.push({ ...entry, status: response.status, headers: response.headers });
      return withoutPatience(response);
    } catch (error) {
      journal.push({ ...entry, status: 0, headers: new Headers() });
      throw error;
    }
  };
}

function withoutPatience(response: Response): Response {
  const { status, body } = response;
  if (!response.headers.has("retry-after")) return response;
  const headers = new Headers(response.headers);
  headers.delete("retry-after");
  return new Response(body, { status, headers });
}

function schemeOf({ headers }: Exchange): string | undefined {
  return headers.authorization?.split(" ", 1)[0]?.toLowerCase();
}

/** The 401 with which a registry asks who we are; undefined where it did not. */
export function challengeIn(journal: readonly Seen[], origin: string): Seen | undefined {
  return journal.find(
    ({ url, status, headers }) => status === 401 && url.origin === origin && headers.has("www-authenticate"),
  );
}
