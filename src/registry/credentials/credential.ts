/** Who we are at a registry. Interfaces only. */
import type { Call } from "../../store/store.ts";

export interface Credential {
  readonly username: string;
  /** Empty where there is only a token. */
  readonly password: string;
  /** An OAuth2 refresh token, given out instead of a password. */
  readonly identityToken?: string | undefined;
  /** A bearer token that is sent as it is. */
  readonly registryToken?: string | undefined;
}

/** A credential, with what a user wants to know of it. */
export interface Login {
  readonly credential: Credential;
  /** Where it comes from, for people: `$HOME/.docker/config.json`, `DEST_USERNAME`. Never a secret. */
  readonly origin: string;
  /**
   * Somebody named this very host: a flag, a variable, a login. Only then may it go over plain http; a helper that has an
   * answer for every host has named none.
   */
  readonly named: boolean;
}

export interface LookUp extends Call {
  /** What was found before was refused, or has ended: ask those anew who make credentials. */
  readonly renew?: boolean | undefined;
}

/** Who we are at `host` (`docker.io`, `registry.example:5000`) for the repository `path`; undefined is nobody. */
export type Keychain = (host: string, path: string, options?: LookUp) => Promise<Login | undefined>;
