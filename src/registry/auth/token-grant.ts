/** Authorization by token: from which token server, as whom, and what if it refuses. Distribution token authentication. */
import { AppError, RegistryError } from "../../errors.ts";
import type { Policy } from "../policy/policy.ts";
import type { Exchange, Transport } from "../wire/exchange.ts";
import type { Challenge } from "./challenge.ts";
import type { Grant } from "./grant.ts";
import type { Identities, Identity } from "./identity.ts";
import { forbidOpenLine } from "./open-line.ts";
import { findRealm, type Realm } from "./realm.ts";
import { covers, mergeScopes, repositoryOf } from "./scope.ts";
import { createTokens } from "./tokens.ts";

/** A challenge that names more than this many characters of scopes is not believed: tokens with many are too long to be sent. */
const LONGEST_SCOPE = 2000;

export interface TokenGrantOptions {
  readonly host: string;
  readonly identities: Identities;
  /** How token servers are asked. */
  readonly send: Transport;
  readonly policy: Policy;
}

/** A token that meets a challenge to a request; undefined where the one that was refused is as good as it gets. */
export type TokenGrants = (
  url: string,
  challenge: Challenge,
  exchange: Exchange,
  refused?: Grant,
) => Promise<Grant | undefined>;

export function createTokenGrants({ host, identities, send, policy }: TokenGrantOptions): TokenGrants {
  const tokens = createTokens(send);
  const realms = new Map<string, Realm>();

  async function realmOf(url: string, challenge: Challenge, signal: AbortSignal | undefined): Promise<Realm> {
    const key = JSON.stringify([new URL(challenge.parameters.realm!, url).href, challenge.parameters.service]);
    const realm = realms.get(key) ?? (await findRealm(host, challenge, url, policy, { signal }));
    realms.set(key, realm);
    return realm;
  }

  return async (url, challenge, exchange, refused) => {
    const { scopes: wanted = [], unverified, signal } = exchange;
    const scopes = mergeScopes([...wanted, scopeOf(challenge)]);
    if (refused?.token) tokens.drop(refused.token);
    if (refused?.token && refused.isFresh && covers(refused.token.scopes, scopes)) return undefined;
    const realm = await realmOf(url, challenge, signal);
    const path = repositoryOf(wanted);
    const me = await identities.at(path, { signal });

    async function as(identity: Identity | undefined): Promise<Grant> {
      if (identity) forbidOpenLine(host, identity, url, realm.url.href);
      const { token, isFresh } = await tokens.get({ host, realm, scopes, identity, unverified, signal });
      if (identity) identities.accept(identity);
      return { header: `Bearer ${token.value}`, identity, token, isFresh };
    }

    if (me && realm.stranger) return asNobody(host, me, realm.stranger, () => as(undefined));
    try {
      return await as(me);
    } catch (error) {
      if (!me || !(error instanceof RegistryError) || !isRefusal(error)) throw error;
      const renewed = await identities.renew(path, me, { signal });
      if (!renewed) throw error;
      return as(renewed);
    }
  };
}

/** Whether an error is a "no" that holds for these credentials. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof RegistryError) return error.status < 500 && error.status !== 429;
  return error instanceof AppError && error.code === "DENIED";
}

function scopeOf({ parameters: { scope = "" } }: Challenge): string {
  return scope.length > LONGEST_SCOPE ? "" : scope;
}

/** A user with credentials who goes as nobody is told so when nobody is not enough. */
async function asNobody(
  host: string,
  { origin }: Identity,
  stranger: NonNullable<Realm["stranger"]>,
  work: () => Promise<Grant>,
): Promise<Grant> {
  try {
    return { ...(await work()), keptBack: stranger };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const reason = `the credentials from ${origin} were kept back, since ${stranger.reason}`;
    throw new AppError("DENIED", `Cannot log in at "${host}": ${reason}`, { cause: error, hint: stranger.hint });
  }
}
