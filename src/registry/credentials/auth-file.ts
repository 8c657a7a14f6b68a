/** What a file of logins says. containers-auth.json(5), docker's config.json, and .dockercfg, which was Docker's first. */
import { basename } from "node:path";
import { AppError } from "../../errors.ts";
import type { Credential } from "./credential.ts";
import { formatKey, parseKey, type RegistryKey } from "./registry-key.ts";

/** One line of `auths`. Its content is looked at when it is wanted. */
export interface Entry extends RegistryKey {
  /** As the file spells it. */
  readonly key: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface AuthFile {
  /** Keys that are for less come first; of those for the same, the usual spelling. */
  readonly entries: readonly Entry[];
  /** Which program has the credentials of a registry: `ecr-login` is `docker-credential-ecr-login`. Empty: none, the file has them. */
  readonly helpers: ReadonlyMap<string, string>;
  /** Which program has the credentials of all others. */
  readonly store: string | undefined;
}

type Json = Record<string, unknown>;

/** Parses a file's text; `origin` is what messages call it. Throws USAGE for a malformed one, and names it. */
export function parseAuthFile(text: string, origin: string): AuthFile {
  const json = parseDocument(text, origin);
  const entries = Object.entries(authsOf(json, origin)).map(([key, value]) => {
    if (value !== null && !isObject(value)) throw malformed(origin, `the entry of "${key}" is not an object`);
    return { ...parseKey(key), key, fields: value ?? {} };
  });
  const isUsual = (entry: Entry): number => Number(entry.key === entry.host || entry.key === formatKey(entry));
  return {
    entries: entries.sort((a, b) => b.path.length - a.path.length || isUsual(b) - isUsual(a)),
    helpers: isFirstFormat(origin) ? new Map() : helpersOf(json, origin),
    store: isFirstFormat(origin) ? undefined : programName(json.credsStore ?? "", "credsStore", origin) || undefined,
  };
}

/** The text as a JSON object; an empty text is an empty one. Throws USAGE. */
export function parseDocument(text: string, origin: string): Json {
  let json: unknown;
  try {
    json = JSON.parse(text.trim() === "" ? "{}" : text.replace(/^\ufeff/, ""));
  } catch {
    // What the parser says quotes the text, and there are secrets in it.
    throw malformed(origin, "it is not JSON");
  }
  if (!isObject(json)) throw malformed(origin, "it is not a JSON object");
  return json;
}

/** The map of logins within a document; Docker's first format is the map itself. Throws USAGE. */
export function authsOf(json: Json, origin: string): Json {
  const auths = isFirstFormat(origin) ? json : (json.auths ?? {});
  if (!isObject(auths)) throw malformed(origin, '"auths" is not an object');
  return auths;
}

/** Whether a file is in Docker's first format: its name says so. */
export function isFirstFormat(path: string): boolean {
  return basename(path) === ".dockercfg";
}

function helpersOf({ credHelpers }: Json, origin: string): ReadonlyMap<string, string> {
  if (!isObject(credHelpers ?? {})) throw malformed(origin, '"credHelpers" is not an object');
  const named = Object.entries((credHelpers ?? {}) as Json).map(([key, value]) => ({
    ...parseKey(key),
    name: programName(value, `credHelpers of "${key}"`, origin),
  }));
  // Programs know whole registries only.
  return new Map(named.filter(({ path }) => path === "").map(({ host, name }) => [host, name]));
}

function programName(value: unknown, field: string, origin: string): string {
  if (typeof value !== "string" || !/^[A-Za-z0-9._-]{0,100}$/.test(value))
    throw malformed(origin, `${field} is not the name of a program`);
  return value;
}

/** What an entry has; undefined for an empty one, which says that a credential helper has it. Throws USAGE. */
export function credentialOf({ key, fields }: Entry, origin: string): Credential | undefined {
  const { auth, username, password } = fields;
  const identityToken = textOf(fields.identitytoken);
  const registryToken = textOf(fields.registrytoken);
  if (registryToken !== undefined && !/^[\x21-\x7e]+$/.test(registryToken))
    throw malformed(origin, `"registrytoken" of "${key}" is not a token`);
  const tokens = { ...(identityToken && { identityToken }), ...(registryToken && { registryToken }) };
  const pair = textOf(auth) === undefined ? { username, password } : parseAuth(auth as string);
  if (!pair) throw malformed(origin, `"auth" of "${key}" is not base64 of user:password`);
  if (textOf(pair.username) !== undefined && typeof pair.password === "string") {
    if (!isUsername(pair.username as string)) throw malformed(origin, `the user name of "${key}" is not one`);
    return { username: pair.username as string, password: pair.password, ...tokens };
  }
  return (identityToken ?? registryToken) ? { username: "<token>", password: "", ...tokens } : undefined;
}

/** Whether Basic authentication can carry a user name. RFC 7617. */
export function isUsername(text: string): boolean {
  return text !== "" && !/[:\u0000-\u001f\u007f]/.test(text);
}

function parseAuth(auth: string): { username: string; password: string } | undefined {
  const text = Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(origin: string, reason: string): AppError {
  return new AppError("USAGE", `Cannot read credentials "${origin}": ${reason}`, {
    hint: "mend it, or move it away and log in again",
  });
}
