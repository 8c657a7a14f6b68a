/** What people write for a registry, and for the part of one that a login is for. */
import { AppError } from "../errors.ts";
import { isRegistry, isRepository, parseReference } from "../oci/reference.ts";
import { parseKey, type RegistryKey } from "../registry/credentials/registry-key.ts";

/** `r.example:5000`, `https://r.example`, `quay.io/team`. Throws USAGE. */
export function parseRegistry(text: string): RegistryKey {
  const key = parseKey(text.replace(/^oci:\/\//, ""));
  if (!isRegistry(key.host) || (key.path !== "" && !isRepository(key.path)))
    throw new AppError("USAGE", `Cannot use "${text}" as a registry: expected HOST[:PORT][/NAMESPACE]`);
  return key;
}

/** An image, or a registry: what ends with a slash, begins with a scheme, or is nothing but a host with a dot. Throws USAGE. */
export function parseSubject(text: string): RegistryKey {
  if (/\/$|^https?:\/\/|^(?:[^/:]*\.[^/:]*|localhost)(?::\d+)?$/.test(text)) return parseRegistry(text);
  const { registry, repository } = parseReference(text);
  return { host: registry, path: repository };
}

/** How people know it. */
export function formatSubject({ host, path }: RegistryKey): string {
  return path === "" ? host : `${host}/${path}`;
}
