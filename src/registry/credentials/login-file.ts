/** Logins put into the files of docker and podman, or given to the program that such a file names, and taken out again. */
import { readFile } from "node:fs/promises";
import { AppError, reasonOf } from "../../errors.ts";
import type { Call } from "../../store/store.ts";
import { authsOf, isFirstFormat, parseAuthFile, parseDocument } from "./auth-file.ts";
import type { Credential } from "./credential.ts";
import { type CredentialPrograms, programOf } from "./credential-program.ts";
import { editFile } from "./edit-file.ts";
import { formatKey, isSameKey, parseKey, type RegistryKey } from "./registry-key.ts";

export interface LoginFileOptions extends Call {
  readonly programs: CredentialPrograms;
}

type Json = Record<string, unknown>;

/**
 * Stores a login in the file at `path`, or with the program that it names; resolves with that program, or undefined where the
 * file itself has the secret now. All else that is in the file stays. Throws USAGE for a malformed file, STORAGE, and
 * NOT_FOUND or UNAUTHORIZED for a program that is absent or fails.
 */
export async function storeLogin(
  path: string,
  registry: RegistryKey,
  credential: Credential,
  { programs, signal }: LoginFileOptions,
): Promise<string | undefined> {
  const program = await programFor(path, registry);
  if (program && registry.path !== "")
    throw new AppError(
      "USAGE",
      `Cannot store a login for "${formatKey(registry)}": ${programOf(program)} knows whole registries only`,
      {
        hint: "use a file without credsStore: --authfile FILE",
      },
    );
  if (program) await programs.store(program, formatKey(registry), credential, { signal });
  // An empty entry says that a program has it.
  const entry = program ? {} : fieldsOf(credential);
  await editAuths(path, (auths) => [...without(auths, registry), [formatKey(registry), entry]], signal);
  return program && programOf(program);
}

/**
 * Takes a login out of the file and from the program that it names, in all spellings; resolves with whether the file had one.
 * Throws what storeLogin does.
 */
export async function eraseLogin(
  path: string,
  registry: RegistryKey,
  { programs, signal }: LoginFileOptions,
): Promise<boolean> {
  // Nothing is made for the sake of finding nothing.
  if ((await textIn(path)) === undefined) return false;
  let had = false;
  const program = registry.path === "" ? await programFor(path, registry) : undefined;
  if (program) {
    const server = formatKey(registry);
    had = (await programs.get(program, server, { renew: true, signal })) !== undefined;
    if (had) await programs.erase(program, server, { signal });
  }
  await editAuths(
    path,
    (auths) => {
      const rest = without(auths, registry);
      const count = Object.keys(auths).length - rest.length;
      had ||= count > 0;
      return count > 0 ? rest : undefined;
    },
    signal,
  );
  return had;
}

/** What the file has a login for, one spelling of each; none where there is no file. Throws STORAGE; USAGE for a malformed one. */
export async function loginsIn(path: string): Promise<readonly RegistryKey[]> {
  const { entries } = parseAuthFile((await textIn(path)) ?? "", path);
  return entries.filter((entry, at) => at === entries.findIndex((one) => isSameKey(one, entry)));
}

/** Undefined where there is no such file. Throws STORAGE for one that cannot be read. */
async function textIn(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw new AppError("STORAGE", `Cannot read credentials "${path}": ${reasonOf(cause)}`, { cause });
  }
}

function without(auths: Json, registry: RegistryKey): [string, unknown][] {
  return Object.entries(auths).filter(([key]) => !isSameKey(parseKey(key), registry));
}

function fieldsOf({ username, password, identityToken }: Credential): Json {
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  return identityToken === undefined ? { auth } : { auth, identitytoken: identityToken };
}

/** The program that the file gives a registry to; an empty name says that there is none for it. */
async function programFor(path: string, { host }: RegistryKey): Promise<string | undefined> {
  const { helpers, store } = parseAuthFile((await textIn(path)) ?? "", path);
  return (helpers.has(host) ? helpers.get(host) : store) || undefined;
}

/** Changes the map of logins in the file; undefined leaves it. Indented as it was, else as docker does. */
async function editAuths(
  path: string,
  change: (auths: Json) => readonly [string, unknown][] | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  function edit(text: string): string | undefined {
    const json = parseDocument(text, path);
    const entries = change(authsOf(json, path));
    if (entries === undefined) return undefined;
    const auths = Object.fromEntries(entries);
    const indent = /^[\ufeff]?\{\r?\n([ \t]+)"/.exec(text)?.[1] ?? "\t";
    const end = text === "" || text.endsWith("\n") ? "\n" : "";
    return JSON.stringify(isFirstFormat(path) ? auths : { ...json, auths }, null, indent) + end;
  }
  await editFile(path, edit, { signal });
}
