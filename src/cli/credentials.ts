/** Who a run is at its registries: flags before variables before what this machine keeps, for each side apart. */
import { AppError } from "../errors.ts";
import { DOCKER_HUB } from "../oci/docker-hub.ts";
import { parsePrefix, type RegistryPrefix } from "../oci/reference.ts";
import { isUsername } from "../registry/credentials/auth-file.ts";
import type { Keychain } from "../registry/credentials/credential.ts";
import { createKeychain, givenLogin, type LoginSource } from "../registry/credentials/keychain.ts";
import { registryName } from "../registry/credentials/registry-key.ts";
import type { Call } from "../store/store.ts";
import { checkAuthFile, type Environment, storedLogins } from "./credential-files.ts";
import { askPassword, readPasswords } from "./passwords.ts";

export type SideName = "source" | "destination";

/** What flags say of credentials; a command has those that it needs. */
export interface CredentialFlags {
  readonly authfile?: string | undefined;
  readonly username?: string | undefined;
  readonly "password-stdin"?: boolean | undefined;
  readonly "src-username"?: string | undefined;
  readonly "src-password-stdin"?: boolean | undefined;
  readonly "dest-username"?: string | undefined;
  readonly "dest-password-stdin"?: boolean | undefined;
}

/** The registries of one side. */
export interface Side {
  /** What a flag or variable puts in the place of the list's: sourceRegistry(), destinationRegistry(). */
  readonly prefix?: RegistryPrefix | undefined;
  /** Where there is none: the registries that the list names. */
  readonly hosts?: readonly string[] | undefined;
}

export interface KeychainOptions extends Call {
  /** The side of `--username`. */
  readonly about: SideName;
  readonly source?: Side | undefined;
  readonly destination?: Side | undefined;
  /** Standard input is the list, and can have no passwords. */
  readonly isInputTaken: boolean;
  readonly env: Environment;
  readonly onWarning: (message: string) => void;
}

export type Keychains = Readonly<Record<SideName, Keychain>>;

/**
 * The keychain of each side, made of its sources; the same for both where they have the same. The texts of stored logins are
 * read, so that a malformed one is one error before the run; no helper runs. Throws USAGE.
 */
export async function openKeychains(flags: CredentialFlags, options: KeychainOptions): Promise<Keychains> {
  const { source, destination } = await openLogins(flags, options);
  for (const { open } of new Set([...source, ...destination])) await open?.();
  const keychain = createKeychain(source);
  const isOne = source.length === destination.length && source.every((one, at) => one === destination[at]);
  return { source: keychain, destination: isOne ? keychain : createKeychain(destination) };
}

/**
 * Where the logins of each side come from, the first to be asked first. Reads passwords from standard input where flags say
 * so, and asks at a terminal for one that is missing. A credential of a flag or variable is for one registry and one side.
 * Throws USAGE.
 */
export async function openLogins(
  flags: CredentialFlags,
  options: KeychainOptions,
): Promise<Readonly<Record<SideName, readonly LoginSource[]>>> {
  await checkAuthFile(flags.authfile);
  const { env, onWarning } = options;
  const given = await givenByFlags(flags, options);
  const stored = storedLogins(flags.authfile, env, onWarning);
  const variables = { source: ["SOURCE"], destination: ["DEST", "DOCKER"] } as const;
  function sourcesOf(side: SideName): readonly LoginSource[] {
    const byVariables = variables[side].map((name) => givenByVariables(name, options[side]?.prefix, env, onWarning));
    return [given[side], ...byVariables, ...stored].filter((source) => source !== undefined);
  }
  return { source: sourcesOf("source"), destination: sourcesOf("destination") };
}

interface Wish {
  readonly side: SideName;
  readonly username: string;
  readonly flag: string;
  /** The flag that reads its password. */
  readonly stdin: string;
  readonly isPiped: boolean;
  readonly host: string;
}

async function givenByFlags(
  flags: CredentialFlags,
  options: KeychainOptions,
): Promise<Partial<Record<SideName, LoginSource>>> {
  const { signal } = options;
  const wishes = (["source", "destination"] as const).flatMap((side) => wishOf(side, flags, options) ?? []);
  const piped = wishes.filter(({ isPiped }) => isPiped);
  if (piped.length > 0 && options.isInputTaken)
    throw new AppError("USAGE", "Cannot read the password from standard input: the list comes from there", {
      hint: "give the list with -f FILE",
    });
  const passwords = await readPasswords(piped.length, { signal });
  const given: Partial<Record<SideName, LoginSource>> = {};
  for (const wish of wishes) {
    const { side, username, flag, stdin, isPiped, host } = wish;
    const password = isPiped
      ? passwords[piped.indexOf(wish)]!
      : await askPassword(`${username} at ${host}`, stdin, { signal });
    given[side] = givenLogin({ host, path: "" }, { username, password }, flag);
  }
  return given;
}

const FLAGS = {
  source: ["src-username", "src-password-stdin"],
  destination: ["dest-username", "dest-password-stdin"],
  about: ["username", "password-stdin"],
} as const;

/** What the flags want for a side: its own, or those without a side. */
function wishOf(side: SideName, flags: CredentialFlags, { about, ...sides }: KeychainOptions): Wish | undefined {
  const [own, other] = [FLAGS[side], ...(side === about ? [FLAGS.about] : [])].filter(
    ([user, stdin]) => flags[user] || flags[stdin],
  );
  if (!own) return undefined;
  if (other) throw new AppError("USAGE", `Cannot use --${own[0]} and --${other[0]}: both are for the ${side}`);
  const [name, stdin] = own;
  const username = flags[name];
  if (!username)
    throw new AppError("USAGE", `Cannot use --${stdin}: no user name is given`, { hint: `give it with --${name}` });
  checkUsername(username, `--${name}`);
  const host = ownerOf(`--${name}`, side, sides[side]);
  return { side, username, flag: `--${name}`, stdin: `--${stdin}`, isPiped: flags[stdin] === true, host };
}

/** The one registry that a flag can mean. */
function ownerOf(flag: string, side: SideName, { prefix, hosts = [] }: Side = {}): string {
  const all = new Set(prefix ? [prefix.registry] : hosts.map(registryName));
  const [host] = all;
  if (host !== undefined && all.size === 1) return host;
  const reason = all.size === 0 ? "there is none" : "the list has several";
  throw new AppError("USAGE", `Cannot tell which registry ${flag} is for: ${reason}`, {
    hint: `name it with --${side}, or use dray login for each`,
  });
}

/**
 * `SOURCE_USERNAME` and `SOURCE_PASSWORD`, which belong to `SOURCE_REGISTRY`, else to the side's registry, else to Docker
 * Hub.
 */
function givenByVariables(
  name: "SOURCE" | "DEST" | "DOCKER",
  prefix: RegistryPrefix | undefined,
  env: Environment,
  onWarning: (message: string) => void,
): LoginSource | undefined {
  const username = env[`${name}_USERNAME`];
  const password = env[`${name}_PASSWORD`];
  if (!username || !password) {
    if (username || password)
      onWarning(
        `${name}_${username ? "USERNAME" : "PASSWORD"} is ignored: ${name}_${username ? "PASSWORD" : "USERNAME"} is not set`,
      );
    return undefined;
  }
  checkUsername(username, `${name}_USERNAME`);
  const own = env[`${name}_REGISTRY`];
  const { registry } = own ? parsePrefix(own) : (prefix ?? { registry: DOCKER_HUB });
  if (prefix && registryName(registry) !== registryName(prefix.registry))
    onWarning(
      `${name}_USERNAME is for "${registry}", as ${name}_REGISTRY says: it is not used at "${prefix.registry}"`,
    );
  return givenLogin({ host: registry, path: "" }, { username, password }, `${name}_USERNAME`);
}

function checkUsername(username: string, where: string): void {
  if (!isUsername(username))
    throw new AppError("USAGE", `Cannot use ${where}: a user name has no colon and no control characters`);
}
