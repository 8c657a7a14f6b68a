/** Authorization: what a registry asks for in its 401, given. Distribution token authentication; RFC 7617 Basic. */
import { isForeign } from "../policy/redirect.ts";
import { drain } from "../wire/drain.ts";
import { type Exchange, isOnce, type Transport } from "../wire/exchange.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Grant } from "./grant.ts";
import { createGrants, type GrantOptions } from "./grants.ts";
import { explained } from "./hint.ts";

/** Times that a request is sent: as nobody, with a token that has ended, with a new one, with one for more. */
const MOST = 4;

/**
 * Answers challenges of one registry (the first URL's origin): a 401 to any request is met with a token for its scopes, or
 * with Basic, and the request is sent once more, its content opened anew. What the registry wants is remembered, so that
 * later requests have it at once; tokens are kept for each set of scopes and replaced before they end. Other origins get
 * nothing. A token that was made for the request and is refused all the same is the registry's last word: the 401 is
 * the answer then, and loginHint() knows what to say. Throws what token servers and the policy say.
 */
export function withAuth(next: Transport, options: GrantOptions): Transport {
  const { host } = options;
  const grants = createGrants(options);
  let origin: string | undefined;
  let known: readonly Challenge[] = [];
  let isPinged = false;

  /** The challenges of a 401; those of the registry as a whole where it names none to somebody who reads. */
  async function challengesOf(response: Response, exchange: Exchange): Promise<readonly Challenge[]> {
    const { method, unverified, signal } = exchange;
    const told = parseChallenges(response.headers.get("www-authenticate"));
    const isReading = method === "GET" || method === "HEAD";
    if (told.length > 0 || known.length > 0 || isPinged || !isReading) return told.length > 0 ? told : known;
    isPinged = true;
    const base = await next(`${origin}/v2/`, { method: "GET", headers: {}, unverified, signal });
    await drain(base);
    return base.status === 401 && !isForeign(base) ? parseChallenges(base.headers.get("www-authenticate")) : [];
  }

  function accepted(grant: Grant | undefined): void {
    if (!grant) return;
    grants.accept(grant);
    // The tokens of a registry that offers both were of no use: they need not be tried for each request.
    if (grant.header.startsWith("Basic ")) known = known.filter(({ scheme }) => scheme === "basic");
  }

  return async (url, exchange) => {
    origin ??= new URL(url).origin;
    if (new URL(url).origin !== origin) return next(url, exchange);
    let grant = known.length > 0 ? await grants.get(url, known, exchange) : undefined;
    for (let count = 1; ; count++) {
      const response = await next(url, authorized(exchange, grant));
      if (response.status !== 401 || isForeign(response)) {
        if (response.ok || response.status === 404) accepted(grant);
        return explained(response, exchange, host, grant, false);
      }
      const challenges = await challengesOf(response, exchange);
      known = challenges.map(lasting);
      const isLast = count === MOST || isOnce(exchange);
      const better = isLast ? undefined : await grants.get(url, challenges, exchange, grant);
      if (better === undefined || better.header === grant?.header)
        return explained(response, exchange, host, grant, grants.isWrong(grant));
      await drain(response);
      grant = better;
    }
  };
}

/** What the next request may know of a challenge: its scope was for one repository. */
function lasting({ scheme, parameters: { scope: _, error: __, ...parameters } }: Challenge): Challenge {
  return { scheme, parameters };
}

function authorized(exchange: Exchange, grant: Grant | undefined): Exchange {
  return grant ? { ...exchange, headers: { ...exchange.headers, authorization: grant.header } } : exchange;
}
