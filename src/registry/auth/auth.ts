/** Authorization: what a registry asks for in its 401, given. Distribution token authentication; RFC 7617 Basic. */

import { createFlights } from "../../bytes/flight.ts";
import { RegistryError } from "../../errors.ts";
import type { Credential } from "../credentials/credential.ts";
import { drain } from "../wire/drain.ts";
import type { Exchange, Transport } from "../wire/exchange.ts";
import { createBearer } from "./bearer.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { basicHeader } from "./token.ts";

export interface AuthOptions {
  /** Who we are at this registry; asked once, when it is first needed. undefined: nobody. */
  readonly credential?: (() => Promise<Credential | undefined>) | undefined;
  /** How token servers are asked: with retries, without Authorization. */
  readonly tokens: Transport;
  readonly insecure?: boolean | undefined;
}

/**
 * Answers challenges of one registry (the first URL's origin): a 401 to any request is met with a token for its scopes, or
 * with Basic, and the request is sent once more. What the registry wants is remembered, so that later requests have it at
 * once; tokens are kept for each set of scopes and replaced before they end. Other origins get nothing.
 */
export function withAuth(next: Transport, options: AuthOptions): Transport {
  let origin: string | undefined;
  let known: readonly Challenge[] = [];
  const headerFor = createHeaders(options);
  return async (url, exchange) => {
    origin ??= new URL(url).origin;
    if (new URL(url).origin !== origin) return next(url, exchange);
    const first = known.length > 0 ? await headerFor(url, known, exchange) : undefined;
    const response = await next(url, authorized(exchange, first));
    if (response.status !== 401) return response;
    const challenges = parseChallenges(response.headers.get("www-authenticate"));
    if (challenges.length === 0 || cannotRepeat(exchange)) return response;
    known = challenges;
    const second = await headerFor(url, challenges, exchange, first);
    if (second === undefined || second === first) return response;
    await drain(response);
    return next(url, authorized(exchange, second));
  };
}

function cannotRepeat({ upload }: Exchange): boolean {
  return upload !== undefined && "once" in upload && upload.once === true;
}

function authorized(exchange: Exchange, header: string | undefined): Exchange {
  return header === undefined ? exchange : { ...exchange, headers: { ...exchange.headers, authorization: header } };
}

type HeaderFor = (
  url: string,
  challenges: readonly Challenge[],
  exchange: Exchange,
  /** What was refused. */
  refused?: string,
) => Promise<string | undefined>;

function createHeaders({ credential, tokens, insecure = false }: AuthOptions): HeaderFor {
  const flights = createFlights<Credential | undefined>();
  let who: { readonly credential: Credential | undefined } | undefined;
  async function whoAmI(): Promise<Credential | undefined> {
    who ??= { credential: await flights("", undefined, async () => credential?.()) };
    return who.credential;
  }
  const bearer = createBearer({ tokens, whoAmI, insecure });
  return async (url, challenges, exchange, refused) => {
    const byToken = challenges.find(({ scheme, parameters }) => scheme === "bearer" && isRealm(parameters.realm, url));
    const isBasic = challenges.some(({ scheme }) => scheme === "basic");
    try {
      if (byToken) return await bearer(url, byToken, exchange, refused);
    } catch (error) {
      // ACR and others offer both, and take only one of them.
      if (!isBasic || !(error instanceof RegistryError) || error.status >= 500 || !(await whoAmI())) throw error;
    }
    const me = isBasic ? await whoAmI() : undefined;
    return me && me.password !== "" ? basicHeader(me) : undefined;
  };
}

function isRealm(realm: string | undefined, url: string): boolean {
  return realm !== undefined && URL.canParse(realm, url);
}
