/** The tokens of one registry, kept for as long as they last. Distribution token authentication. */
import { createFlights } from "../../bytes/flight.ts";
import type { Transport } from "../wire/exchange.ts";
import { covers } from "./scope.ts";
import { fetchToken, type Token, type TokenRequest } from "./token.ts";

/** Places that tokens are held for; the oldest makes room for the next, and costs a request when it is wanted again. */
const MOST_PLACES = 1000;

export interface HeldToken extends Token {
  /** What was asked for. */
  readonly scopes: readonly string[];
}

export interface Tokens {
  /**
   * A token for all of the scopes: one that is held, or a new one, shared by those who want it at the same time. `isFresh`:
   * it was made for this call. Throws what fetchToken throws.
   */
  get(request: TokenRequest): Promise<{ readonly token: HeldToken; readonly isFresh: boolean }>;
  /** The registry did not take it. */
  drop(token: HeldToken): void;
}

/** A token, with where and for whom it was made. */
interface Entry extends HeldToken {
  readonly owner: string;
}

/** An empty keep. A token is never used for another credential, service or token server; one for more serves less. */
export function createTokens(send: Transport): Tokens {
  const held = new Map<string, readonly Entry[]>();
  const flights = createFlights<Entry>();

  function find(owner: string, scopes: readonly string[]): Entry | undefined {
    return freshAt(placeOf(scopes)).find((one) => one.owner === owner && covers(one.scopes, scopes));
  }

  function freshAt(place: string): readonly Entry[] {
    return (held.get(place) ?? []).filter((one) => one.renewAt > performance.now());
  }

  function hold(entry: Entry): void {
    const place = placeOf(entry.scopes);
    const entries = [...freshAt(place), entry];
    held.delete(place);
    held.set(place, entries);
    if (held.size > MOST_PLACES) held.delete(held.keys().next().value!);
  }

  return {
    async get(request) {
      const { realm, scopes, identity, signal } = request;
      const owner = JSON.stringify([realm.url.href, realm.service, identity?.key]);
      const cached = find(owner, scopes);
      if (cached) return { token: cached, isFresh: false };
      const token = await flights(`${owner} ${scopes.join(" ")}`, signal, async () => {
        const entry = { ...(await fetchToken(send, request)), owner, scopes };
        hold(entry);
        return entry;
      });
      return { token, isFresh: true };
    },
    drop(token) {
      const place = placeOf(token.scopes);
      const kept = held.get(place)?.filter((one) => one.value !== token.value);
      if (kept) held.set(place, kept);
    },
  };
}

/** Tokens lie under the first resource they are for: a run has thousands of repositories. */
function placeOf(scopes: readonly string[]): string {
  return (scopes[0] ?? "").replace(/:[^:]*$/, "");
}
