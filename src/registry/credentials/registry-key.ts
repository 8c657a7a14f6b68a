/** How files of credentials spell registries, each key as a host and a path below it. containers-auth.json(5), docker's config.json. */
import { DOCKER_HUB, isDockerHub } from "../../oci/docker-hub.ts";

/** What a credential is for: a whole registry, or the repositories below a path of it. */
export interface RegistryKey {
  /** As registryName() has it. */
  readonly host: string;
  /** Without slashes at its ends; empty for the whole registry. */
  readonly path: string;
}

/** The one name of a registry: in lower case, and `docker.io` for every host of Docker Hub. */
export function registryName(host: string): string {
  const name = host.toLowerCase();
  return isDockerHub(name) ? DOCKER_HUB : name;
}

/** What a key is about: `host`, `host/team`, `https://host`, `host/v2/`. Below a scheme and in versions of the API there are no paths. */
export function parseKey(key: string): RegistryKey {
  const bare = key.replace(/^https?:\/\//i, "");
  const slash = bare.indexOf("/");
  const host = registryName(slash < 0 ? bare : bare.slice(0, slash));
  const path = slash < 0 ? "" : bare.slice(slash + 1).replace(/\/+$/, "");
  return { host, path: bare !== key || /^v[12]$/.test(path) ? "" : path };
}

/** The key as docker and podman write it, which is also what credential helpers are asked for. */
export function formatKey({ host, path }: RegistryKey): string {
  if (path !== "") return `${host}/${path}`;
  return host === DOCKER_HUB ? "https://index.docker.io/v1/" : host;
}

/** Whether what is for `key` is for the repository `path` of `host` too. */
export function isFor(key: RegistryKey, host: string, path: string): boolean {
  if (key.host !== registryName(host)) return false;
  return key.path === "" || path === key.path || path.startsWith(`${key.path}/`);
}

/** Whether two keys are for the same. */
export function isSameKey(a: RegistryKey, b: RegistryKey): boolean {
  return a.host === b.host && a.path === b.path;
}
