/** Authorization: what a registry asks for in its 401, given. Distribution token authentication; RFC 7617 Basic. */
import { AppError, RegistryError } from "../errors.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Credential } from "./credentials.ts";
import { drain } from "./drain.ts";
import type { Exchange, Transport } from "./exchange.ts";
import { createFlights } from "./flight.ts";
import { trustRealm } from "./realm.ts";
import { covers, mergeScopes } from "./scope.ts";
import { basicHeader, fetchToken, type Token } from "./token.ts";

export interface AuthOptions {
  /** Who we are at this registry; asked once, when it is first needed. undefined: nobody. */
  readonly credential?: (() => Promise<Credential | undefined>) | undefined;
  /** How token servers are asked: with retries, without Authorization. */
  readonly tokens: Transport;
  readonly insecure?: boolean | undefined;
}

/** A token, with what was asked for and where. */
interface Held extends Token {
  readonly realm: string;
  readonly scopes: readonly string[];
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
  const held = new Map<string, Held[]>();
  const tokenFlights = createFlights<Held>();
  const credentialFlights = createFlights<Credential | undefined>();
  let who: { readonly credential: Credential | undefined } | undefined;

  async function whoAmI(): Promise<Credential | undefined> {
    who ??= { credential: await credentialFlights("", undefined, async () => credential?.()) };
    return who.credential;
  }

  /** Tokens are looked up by the first resource they are for: a run has thousands of repositories. */
  function find(realm: string, scopes: readonly string[], refused?: string): Held | undefined {
    const place = (scopes[0] ?? "").replace(/:[^:]*$/, "");
    const fresh = (held.get(place) ?? []).filter((one) => one.renewAt > performance.now() && bearer(one) !== refused);
    held.set(place, fresh);
    return fresh.find((one) => one.realm === realm && covers(one.scopes, scopes));
  }

  async function token(url: string, { parameters }: Challenge, exchange: Exchange, refused?: string): Promise<string> {
    const realm = new URL(parameters.realm!, url);
    const scopes = mergeScopes([...(exchange.scopes ?? []), parameters.scope ?? ""]);
    const service = parameters.service;
    const key = `${realm.href} ${service ?? ""}`;
    const cached = find(key, scopes, refused);
    if (cached) return bearer(cached);
    const { unverified, signal } = exchange;
    const made = await tokenFlights(`${key} ${scopes.join(" ")}`, signal, async () => {
      const credential = await trusted(realm, new URL(url));
      const fetched = await fetchToken(tokens, { realm, service, scopes, credential, unverified, signal });
      const entry = { ...fetched, realm: key, scopes };
      held.get((scopes[0] ?? "").replace(/:[^:]*$/, ""))?.push(entry);
      return entry;
    });
    return bearer(made);
  }

  async function trusted(realm: URL, registry: URL): Promise<Credential | undefined> {
    const trust = trustRealm(realm, registry, insecure);
    if (trust === "refused")
      throw new AppError(
        "DENIED",
        `Cannot log in at "${registry.host}": it names "${realm.origin}" as its token server`,
        {
          hint: "such a server is not asked: it may be inside your network, or not encrypted",
        },
      );
    return trust === "credentials" ? whoAmI() : undefined;
  }

  return async (url, challenges, exchange, refused) => {
    const byToken = challenges.find(
      ({ scheme, parameters }) => scheme === "bearer" && URL.canParse(parameters.realm ?? "http://", url),
    );
    const isBasic = challenges.some(({ scheme }) => scheme === "basic");
    try {
      if (byToken) return await token(url, byToken, exchange, refused);
    } catch (error) {
      // ACR and others offer both, and take only one of them.
      if (!isBasic || !(error instanceof RegistryError) || error.status >= 500 || !(await whoAmI())) throw error;
    }
    const me = isBasic ? await whoAmI() : undefined;
    return me && me.password !== "" ? basicHeader(me) : undefined;
  };
}

function bearer({ value }: Token): string {
  return `Bearer ${value}`;
}
