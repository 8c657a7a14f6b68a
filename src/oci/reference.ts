/** Image references: `registry/repository:tag@digest`, parsed and written. Grammar of the distribution project's reference package. */
import { AppError } from "../errors.ts";
import { type Digest, isDigest } from "./digest.ts";
import { DOCKER_HUB, isDockerHub } from "./docker-hub.ts";

export interface Reference {
  /** Host, with a port where one was given: `docker.io`, `registry.example:5000`. */
  readonly registry: string;
  /** Path below the registry, with `library/` filled in for Docker Hub. */
  readonly repository: string;
  /** Absent where only a digest was given. */
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

const LABEL = /(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])/.source;
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?$`);
const COMPONENT = /[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*/.source;
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** Whether `text` can name a registry: a host with an optional port, such as a URL can have. */
export function isRegistry(text: string): boolean {
  return HOST.test(text) && URL.canParse(`https://${text}`);
}

/** Whether `text` can be the path of a repository. At most 255 characters. */
export function isRepository(text: string): boolean {
  return text.length <= 255 && REPOSITORY.test(text);
}

/** Whether `text` can be a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/**
 * Parses what people write: Docker Hub, `library/` and `latest` are filled in, `oci://` is taken off. A digest fetches; a
 * tag beside it is a name. Throws USAGE.
 */
export function parseReference(text: string): Reference {
  const bare = text.replace(/^oci:\/\//, "");
  const scheme = /^([a-z-]+):\/\//.exec(bare);
  if (scheme) throw invalid(text, "it begins with a scheme", `leave out "${scheme[0]}"`);
  const at = bare.indexOf("@");
  const digest = at < 0 ? undefined : bare.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) throw invalid(text, `"${digest}" is not a sha256 or sha512 digest`);
  const named = at < 0 ? bare : bare.slice(0, at);
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !isTag(tag)) throw invalid(text, `"${tag}" is not a tag`);
  const { registry, repository } = parseName(colon < 0 ? named : named.slice(0, colon), text);
  return {
    registry,
    repository,
    ...(tag !== undefined ? { tag } : digest === undefined ? { tag: "latest" } : {}),
    ...(digest !== undefined ? { digest } : {}),
  };
}

/** Parses a name without tag and digest. The first part is a registry if it has a dot, a colon or a capital, or is `localhost`. */
export function parseName(
  name: string,
  whole: string = name,
): { registry: string; repository: string; explicit: boolean } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const explicit = /[.:A-Z]/.test(first) || first === "localhost";
  const registry = explicit ? first : DOCKER_HUB;
  const path = explicit ? name.slice(slash + 1) : name;
  if (!isRegistry(registry)) throw invalid(whole, `"${registry}" is not a host name`);
  if (path === "") throw invalid(whole, "it names no repository");
  if (!explicit && /^[0-9a-f]{64}$/.test(path)) throw invalid(whole, "64 hexadecimal digits are an id, not a name");
  if (!isRepository(path)) {
    const hint = path !== path.toLowerCase() ? "repository names are lower case" : undefined;
    throw invalid(whole, `"${path}" is not a repository name`, hint);
  }
  const hub = canonical(registry);
  return { registry: hub, repository: hub === DOCKER_HUB && !path.includes("/") ? `library/${path}` : path, explicit };
}

/** Docker Hub has several host names and one name. */
function canonical(registry: string): string {
  return isDockerHub(registry) ? DOCKER_HUB : registry;
}

/** `registry/repository`, without tag and digest. */
export function formatName({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

/** The whole reference, in full. */
export function formatReference(reference: Reference): string {
  const { tag, digest } = reference;
  return `${formatName(reference)}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** `name:tag`, or `name@digest` of what has no tag. */
export function formatTagged(name: string, tag: string | undefined, digest: Digest): string {
  return tag === undefined ? `${name}@${digest}` : `${name}:${tag}`;
}

/** A registry and the path below it that other names go under: `host`, `host:port/some/project`. */
export interface RegistryPrefix {
  readonly registry: string;
  /** Without slashes at its ends; empty for the registry itself. */
  readonly path: string;
}

/** Parses what `--source` and `--destination` take for a registry. Throws USAGE. */
export function parsePrefix(text: string): RegistryPrefix {
  const bare = text.replace(/^(?:oci|https?|docker):\/\//, "").replace(/\/+$/, "");
  const slash = bare.indexOf("/");
  const registry = slash < 0 ? bare : bare.slice(0, slash);
  const path = slash < 0 ? "" : bare.slice(slash + 1);
  if (!isRegistry(registry) || (path !== "" && !isRepository(path)))
    throw new AppError("USAGE", `Cannot use "${text}" as a registry: expected HOST[:PORT][/PREFIX]`, {
      hint: path === path.toLowerCase() ? undefined : "names of projects and repositories are lower case",
    });
  return { registry: canonical(registry), path };
}

/** A repository path below the prefix. */
export function underPrefix({ path }: RegistryPrefix, repository: string): string {
  return path === "" ? repository : `${path}/${repository}`;
}

function invalid(text: string, reason: string, hint?: string): AppError {
  return new AppError("USAGE", `Cannot understand image "${text}": ${reason}`, {
    hint: hint ?? "expected [REGISTRY[:PORT]/]NAME[:TAG][@DIGEST]",
  });
}
