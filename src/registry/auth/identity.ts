/** Who we are at one registry, for each of its repositories, and anew when a credential has ended. */
import { createFlights } from "../../bytes/flight.ts";
import type { Call } from "../../store/store.ts";
import type { Login, LookUp } from "../credentials/credential.ts";

/** Milliseconds that a credential is not asked for anew again: helpers are programs, and take their time. */
const PAUSE = 60_000;

/** One credential, whichever repositories it is for: what was got with it is kept by its key. */
export interface Identity extends Login {
  /** The same for the same credential. Not for people: it holds the secret. */
  readonly key: string;
}

/** How logins are found; "" is the registry itself. */
export type FindLogin = (path: string, options: LookUp) => Promise<Login | undefined>;

export interface Identities {
  /** Who we are for a repository; undefined is nobody. Asked once, then remembered. */
  at(path: string, options?: Call): Promise<Identity | undefined>;
  /** The registry, or its token server, knows this one. */
  accept(identity: Identity): void;
  isAccepted(identity: Identity): boolean;
  /**
   * Another one in place of an identity that is refused: found anew where it was accepted before, since the tokens of
   * helpers last for hours only. undefined where there is none: it is wrong, and to be told.
   */
  renew(path: string, refused: Identity, options?: Call): Promise<Identity | undefined>;
}

export function createIdentities(find: FindLogin): Identities {
  const known = new Map<string, { readonly identity: Identity | undefined }>();
  const identities = new Map<string, Identity>();
  const accepted = new Set<string>();
  const ended = new Set<string>();
  const renewals = new Map<string, number>();
  const flights = createFlights<Identity | undefined>();

  /** Kept once: a run has thousands of repositories, and the passwords of clouds have thousands of characters. */
  function distinct(login: Login): Identity {
    const key = keyOf(login);
    const name = JSON.stringify([key, login.origin, login.named]);
    const identity = identities.get(name) ?? { ...login, key };
    identities.set(name, identity);
    return identity;
  }

  async function ask(path: string, options: LookUp): Promise<Identity | undefined> {
    const login = await find(path, options);
    const identity = login && distinct(login);
    known.set(path, { identity });
    return identity;
  }

  async function at(path: string, { signal }: Call = {}): Promise<Identity | undefined> {
    const found = known.get(path);
    if (found && !(found.identity && ended.has(found.identity.key))) return found.identity;
    return flights(path, signal, () => ask(path, { signal }));
  }

  return {
    at,
    accept: ({ key }) => void accepted.add(key),
    isAccepted: ({ key }) => accepted.has(key),
    async renew(path, { key }, { signal } = {}) {
      const now = await at(path, { signal });
      if (now?.key !== key) return now;
      if (!accepted.has(key)) return undefined;
      const fresh = await flights(`renew ${key}`, signal, async () => {
        if (performance.now() - (renewals.get(key) ?? Number.NEGATIVE_INFINITY) < PAUSE) return undefined;
        renewals.set(key, performance.now());
        const found = await ask(path, { renew: true, signal });
        if (found?.key === key) return undefined;
        ended.add(key);
        return found;
      });
      // Who waited for it may be another repository, with a credential of its own.
      return fresh && at(path, { signal });
    },
  };
}

function keyOf({ credential: { username, password, identityToken, registryToken } }: Login): string {
  return JSON.stringify([username, password, identityToken, registryToken]);
}
