/** The tokens of one registry, kept for as long as they last. Distribution token authentication. */

import { createFlights } from "../../bytes/flight.ts";
import { AppError } from "../../errors.ts";
import type { Credential } from "../credentials/credential.ts";
import type { Exchange, Transport } from "../wire/exchange.ts";
import type { Challenge } from "./challenge.ts";
import { trustRealm } from "./realm.ts";
import { covers, mergeScopes } from "./scope.ts";
import { fetchToken, type Token } from "./token.ts";

export interface BearerOptions {
  /** How token servers are asked. */
  readonly tokens: Transport;
  /** Asked only when a token server may know it. */
  readonly whoAmI: () => Promise<Credential | undefined>;
  readonly insecure: boolean;
}

/** The Authorization that a challenge wants for a request to `url`; never `refused`, which the registry did not take. */
export type Bearer = (url: string, challenge: Challenge, exchange: Exchange, refused?: string) => Promise<string>;

/** A token, with what was asked for and where. */
interface Held extends Token {
  readonly realm: string;
  readonly scopes: readonly string[];
}

/**
 * Gets tokens and keeps them: one for each set of scopes, shared by those who want it at the same time; a token for more
 * serves those who want less. Throws DENIED for a token server that must not be asked, and what fetchToken throws.
 */
export function createBearer({ tokens, whoAmI, insecure }: BearerOptions): Bearer {
  const held = new Map<string, Held[]>();
  const flights = createFlights<Held>();

  /** Tokens lie under the first resource they are for: a run has thousands of repositories. */
  function find(realm: string, scopes: readonly string[], refused?: string): Held | undefined {
    const place = placeOf(scopes);
    const fresh = (held.get(place) ?? []).filter((one) => one.renewAt > performance.now() && header(one) !== refused);
    held.set(place, fresh);
    return fresh.find((one) => one.realm === realm && covers(one.scopes, scopes));
  }

  return async (url, { parameters }, { scopes: wanted = [], unverified, signal }, refused) => {
    const realm = new URL(parameters.realm ?? "", url);
    const { service } = parameters;
    const scopes = mergeScopes([...wanted, parameters.scope ?? ""]);
    const key = `${realm.href} ${service ?? ""}`;
    const cached = find(key, scopes, refused);
    if (cached) return header(cached);
    const made = await flights(`${key} ${scopes.join(" ")}`, signal, async () => {
      const credential = maySee(realm, new URL(url), insecure) ? await whoAmI() : undefined;
      const token = await fetchToken(tokens, { realm, service, scopes, credential, unverified, signal });
      const entry = { ...token, realm: key, scopes };
      held.get(placeOf(scopes))?.push(entry);
      return entry;
    });
    return header(made);
  };
}

function placeOf(scopes: readonly string[]): string {
  return (scopes[0] ?? "").replace(/:[^:]*$/, "");
}

/** Whether the token server may see credentials. Throws DENIED where it may not be asked at all. */
function maySee(realm: URL, registry: URL, insecure: boolean): boolean {
  const trust = trustRealm(realm, registry, insecure);
  if (trust !== "refused") return trust === "credentials";
  const reason = `it names "${realm.origin}" as its token server`;
  throw new AppError("DENIED", `Cannot log in at "${registry.host}": ${reason}`, {
    hint: "such a server is not asked: it may be inside your network, or not encrypted",
  });
}

function header({ value }: Token): string {
  return `Bearer ${value}`;
}
