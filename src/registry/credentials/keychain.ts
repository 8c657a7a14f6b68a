/** Several places where logins are kept, as one keychain: the first that has one for a registry decides. */
import type { Call } from "../../store/store.ts";
import type { Credential, Keychain, LookUp } from "./credential.ts";
import { isFor, type RegistryKey, registryName } from "./registry-key.ts";

/** A place where logins are kept. */
export interface LoginSource {
  readonly find: Keychain;
  /**
   * Reads a text that is kept, once, and runs nothing; absent where there is none. Throws USAGE for a malformed one; what a
   * single entry says is looked at when somebody wants it.
   */
  open?(): Promise<void>;
  /** What it has logins for, as far as it can tell. */
  registries(options?: Call): Promise<readonly RegistryKey[]>;
}

/** Asks the sources in their order, until one knows. What a source throws ends the search. */
export function createKeychain(sources: readonly Pick<LoginSource, "find">[]): Keychain {
  return async (host: string, path: string, options?: LookUp) => {
    for (const { find } of sources) {
      const login = await find(host, path, options);
      if (login) return login;
    }
    return undefined;
  };
}

/** A credential that a flag or a variable gave for one registry, which is the only one that ever sees it. */
export function givenLogin(registry: RegistryKey, credential: Credential, origin: string): LoginSource {
  const key = { host: registryName(registry.host), path: registry.path };
  return {
    find: async (host, path) => (isFor(key, host, path) ? { credential, origin, named: true } : undefined),
    registries: async () => [key],
  };
}
