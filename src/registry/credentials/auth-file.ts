/** Credentials from the files that docker login and podman login write. containers-auth.json(5), docker's config.json. */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { AppError } from "../../errors.ts";
import type { Credential } from "./credential.ts";

const HUB: ReadonlySet<string> = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/**
 * Looks a registry up in the `auths` of files, first match wins. Each file is read once, when it is first needed; one that
 * is absent or may not be read is passed over. Throws USAGE for a malformed one.
 */
export function credentialsFromFiles(paths: readonly string[]): (host: string) => Promise<Credential | undefined> {
  const files = new Map<string, Promise<Auths>>();
  return async (host) => {
    for (const path of paths) {
      if (!files.has(path)) files.set(path, readAuths(path));
      const found = find(await files.get(path)!, host, path);
      if (found) return found;
    }
    return undefined;
  };
}

type Auths = ReadonlyMap<string, Record<string, unknown>>;

async function readAuths(path: string): Promise<Auths> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    return new Map();
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw malformed(path, "it is not JSON", cause);
  }
  if (!isObject(json)) throw malformed(path, "it is not a JSON object");
  // Docker's first format is the map itself.
  const auths = basename(path) === ".dockercfg" ? json : (json.auths ?? {});
  if (!isObject(auths)) throw malformed(path, '"auths" is not an object');
  const entries = Object.entries(auths).map(([key, value]) => {
    if (!isObject(value)) throw malformed(path, `the entry of "${key}" is not an object`);
    return [key, value] as const;
  });
  return new Map(entries);
}

/** The exact key, then any spelling of the same host. An empty entry says that a credential helper has it. */
function find(auths: Auths, host: string, path: string): Credential | undefined {
  const wanted = hostOfKey(host);
  const keys = [host, ...[...auths.keys()].filter((key) => key !== host && hostOfKey(key) === wanted)];
  for (const key of keys) {
    const credential = parseEntry(auths.get(key) ?? {}, key, path);
    if (credential) return credential;
  }
  return undefined;
}

/** The host that a key is about; undefined for one that is about a single namespace of it. */
function hostOfKey(key: string): string | undefined {
  const bare = key.replace(/^https?:\/\//, "");
  const slash = bare.indexOf("/");
  const host = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase();
  const rest = slash < 0 ? "" : bare.slice(slash);
  if (bare === key && !/^(?:\/v[12])?\/?$/.test(rest)) return undefined;
  return HUB.has(host) ? "docker.io" : host;
}

function parseEntry(entry: Record<string, unknown>, key: string, path: string): Credential | undefined {
  const { auth, username, password, identitytoken } = entry;
  const identityToken = typeof identitytoken === "string" && identitytoken !== "" ? identitytoken : undefined;
  const extra = identityToken === undefined ? {} : { identityToken };
  if (typeof auth === "string" && auth !== "") {
    const text = Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "");
    const colon = text.indexOf(":");
    if (colon < 0) throw malformed(path, `"auth" of "${key}" is not base64 of user:password`);
    return { username: text.slice(0, colon), password: text.slice(colon + 1), ...extra };
  }
  if (typeof username === "string" && typeof password === "string" && username !== "")
    return { username, password, ...extra };
  return identityToken === undefined ? undefined : { username: "<token>", password: "", identityToken };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(path: string, reason: string, cause?: unknown): AppError {
  return new AppError("USAGE", `Cannot read credentials "${path}": ${reason}`, {
    cause,
    hint: "log in again with docker login or podman login",
  });
}
