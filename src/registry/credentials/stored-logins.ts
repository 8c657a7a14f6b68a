/** The logins that files of docker and podman have, or that the programs have which such files name. */
import { readFile } from "node:fs/promises";
import { AppError } from "../../errors.ts";
import type { Call } from "../../store/store.ts";
import { type AuthFile, credentialOf, type Entry, parseAuthFile } from "./auth-file.ts";
import type { Login, LookUp } from "./credential.ts";
import { type CredentialPrograms, programOf } from "./credential-program.ts";
import type { LoginSource } from "./keychain.ts";
import { formatKey, isFor, isSameKey, parseKey, type RegistryKey, registryName } from "./registry-key.ts";

export interface StoredLoginsOptions {
  readonly programs: CredentialPrograms;
  /** Told what is wrong where we go on as nobody: once for each reason. */
  readonly onWarning: (message: string) => void;
}

/** A place that a file describes. */
interface Description extends StoredLoginsOptions {
  /** The file's path, or what else messages call it. */
  readonly origin: string;
}

/**
 * The logins of a file, which is read by open() or when the first is wanted, and when one has to be renewed. An absent file has
 * none, nor has one that may not be read, which is told. All methods throw USAGE for a malformed one; `find` and `registries`
 * throw what a program that is named for the registry throws.
 */
export function loginsOfFile(path: string, options: StoredLoginsOptions): LoginSource {
  let isTold = false;
  async function read(): Promise<AuthFile> {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EACCES" && !isTold) options.onWarning(`"${path}" may not be read: its logins are not used`);
      isTold ||= error.code === "EACCES";
      return "";
    });
    return parseAuthFile(text, path);
  }
  return storedLogins(read, { ...options, origin: path });
}

/** The logins in a text of the same form, such as that of DOCKER_AUTH_CONFIG. */
export function loginsOfText(text: string, origin: string, options: StoredLoginsOptions): LoginSource {
  return storedLogins(async () => parseAuthFile(text, origin), { ...options, origin });
}

function storedLogins(read: () => Promise<AuthFile>, { origin, programs, onWarning }: Description): LoginSource {
  const said = new Set<string>();
  function warn(message: string): void {
    if (!said.has(message)) onWarning(message);
    said.add(message);
  }
  let file: Promise<AuthFile> | undefined;
  return {
    async open() {
      await (file ??= read());
    },
    async find(host, path, options = {}) {
      if (!file || options.renew) file = read();
      const { entries, helpers, store } = await file;
      const name = registryName(host);
      const matching = entries.filter((entry) => isFor(entry, name, path));
      const below = firstOf(matching.filter((entry) => entry.path !== ""));
      if (below) return below;
      const whole = matching.filter((entry) => entry.path === "");
      const helper = helpers.get(name);
      const byProgram = helper
        ? await askNamed(helper, name, options)
        : store && !helpers.has(name)
          ? await askStore(store, name, whole.length > 0, options)
          : undefined;
      return byProgram ?? firstOf(whole);
    },
    async registries(options) {
      const { entries, helpers, store } = await (file ??= read());
      const stored = store ? await listed(store, options) : [];
      const keys = [...entries, ...[...helpers.keys()].map(parseKey), ...stored];
      return keys.filter((key, at) => keys.findIndex((other) => isSameKey(key, other)) === at);
    },
  };

  function firstOf(entries: readonly Entry[]): Login | undefined {
    for (const entry of entries) {
      const credential = credentialOf(entry, origin);
      if (credential) return { credential, origin, named: true };
    }
    return undefined;
  }

  async function askNamed(helper: string, host: string, options: LookUp): Promise<Login | undefined> {
    try {
      const credential = await programs.get(helper, formatKey({ host, path: "" }), options);
      return credential && { credential, origin: originOf(helper, "credHelpers"), named: true };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "NOT_FOUND") throw error;
      throw new AppError("USAGE", `${error.message}, which "${origin}" names for it`, {
        cause: error,
        hint: `install it, or take it out of credHelpers`,
      });
    }
  }

  /** Public images need nobody's credentials: a store that does not work stops those only who have logged in with it. */
  async function askStore(
    helper: string,
    host: string,
    isMarked: boolean,
    options: LookUp,
  ): Promise<Login | undefined> {
    try {
      const credential = await programs.get(helper, formatKey({ host, path: "" }), options);
      return credential && { credential, origin: originOf(helper, "credsStore"), named: isMarked };
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof AppError)) throw error;
      const isAbsent = error.code === "NOT_FOUND";
      if (isMarked && !isAbsent) throw error;
      const reason = isAbsent ? `there is no program ${programOf(helper)}` : error.message;
      warn(`${reason}, the credsStore of ${origin}; going on without it`);
      return undefined;
    }
  }

  async function listed(helper: string, options: Call | undefined): Promise<readonly RegistryKey[]> {
    try {
      return (await programs.list(helper, options)).map(parseKey);
    } catch (error) {
      options?.signal?.throwIfAborted();
      if (error instanceof AppError) warn(`${error.message}, the credsStore of ${origin}`);
      return [];
    }
  }

  function originOf(helper: string, field: string): string {
    return `${programOf(helper)} (${field} of ${origin})`;
  }
}
