/** The choice of an Authorization: which of a registry's challenges is met, as whom and how. Distribution token authentication; RFC 7617. */
import type { Policy } from "../policy/policy.ts";
import type { Exchange, Transport } from "../wire/exchange.ts";
import { basicHeader } from "./basic.ts";
import type { Challenge } from "./challenge.ts";
import type { Grant } from "./grant.ts";
import { createIdentities, type FindLogin, type Identity } from "./identity.ts";
import { forbidOpenLine } from "./open-line.ts";
import { hasRealm } from "./realm.ts";
import { repositoryOf } from "./scope.ts";
import { createTokenGrants, isRefusal } from "./token-grant.ts";

export interface Grants {
  /**
   * What meets the challenges to a request, in place of what was refused; undefined where there is nothing (else). Throws
   * UNAUTHORIZED and DENIED, as token servers do, and DENIED for what the policy or an open line forbids.
   */
  get(url: string, challenges: readonly Challenge[], exchange: Exchange, refused?: Grant): Promise<Grant | undefined>;
  /** The registry took it. */
  accept(grant: Grant): void;
  /** Whether it is a credential that nobody ever took. */
  isWrong(grant: Grant | undefined): boolean;
}

export interface GrantOptions {
  /** The registry as the user calls it. */
  readonly host: string;
  readonly login: FindLogin;
  /** How token servers are asked: with retries, without Authorization. */
  readonly tokens: Transport;
  readonly policy: Policy;
}

export function createGrants({ host, login, tokens: send, policy }: GrantOptions): Grants {
  const identities = createIdentities(login);
  const byToken = createTokenGrants({ host, identities, send, policy });

  /** The credential itself. */
  function direct(url: string, identity: Identity): Grant {
    const { registryToken } = identity.credential;
    forbidOpenLine(host, identity, url);
    const header = registryToken === undefined ? basicHeader(identity) : `Bearer ${registryToken}`;
    return { header, identity, isFresh: true };
  }

  return {
    accept: ({ identity, token }) => {
      if (identity && !token) identities.accept(identity);
    },
    isWrong: (grant) => grant?.identity !== undefined && !identities.isAccepted(grant.identity),
    async get(url, challenges, exchange, refused) {
      const { signal } = exchange;
      const path = repositoryOf(exchange.scopes ?? []);
      const isDirect = refused?.identity !== undefined && refused.token === undefined;
      const me = isDirect
        ? await identities.renew(path, refused.identity!, { signal })
        : await identities.at(path, { signal });
      if (isDirect && !me) return undefined;
      const wantsToken = challenges.find((challenge) => hasRealm(challenge, url));
      const isBearer = challenges.some(({ scheme }) => scheme === "bearer");
      const takesBasic = challenges.some(({ scheme }) => scheme === "basic") && hasPassword(me);
      if (me?.credential.registryToken !== undefined && (isBearer || !hasPassword(me))) return direct(url, me);
      try {
        if (wantsToken) return await byToken(url, wantsToken, exchange, refused);
      } catch (error) {
        // ACR and others offer both, and take only one of them.
        if (!takesBasic || !isRefusal(error)) throw error;
      }
      return takesBasic ? direct(url, me!) : undefined;
    },
  };
}

function hasPassword(identity: Identity | undefined): boolean {
  return identity !== undefined && identity.credential.password !== "";
}
