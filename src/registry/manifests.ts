/** Manifests of a repository. OCI distribution-spec v1.1 "Pulling manifests" and "Pushing Manifests". */
import type { Bytes } from "../bytes/stream.ts";
import { clean } from "../bytes/text.ts";
import { AppError, IntegrityError, RegistryError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, isDigest, splitDigest } from "../oci/digest.ts";
import { schema1Error, sniffMediaType } from "../oci/manifest.ts";
import { ACCEPT_MANIFESTS, isManifestType, isSchema1Type } from "../oci/media-types.ts";
import { isTag } from "../oci/reference.ts";
import { MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Call, Content } from "../store/store.ts";
import type { Client } from "./client.ts";
import { type Document, readDocument } from "./document.ts";
import { pullScope, pushScope } from "./endpoint.ts";
import { checkStored } from "./stored.ts";
import { drain } from "./wire/drain.ts";
import { isWebPage, pageTitle } from "./wire/page.ts";

/** A HEAD has no words, some registries refuse it, and Nexus denies by HEAD what it gives by GET: these ask for a GET. */
const ASK_AGAIN = [400, 403, 404, 405, 406, 501];

/**
 * The descriptor that a tag or digest stands for; undefined where there is none. By HEAD, which Docker Hub does not count;
 * by GET where that does not tell all. Throws UNSUPPORTED for schema 1 and what is no manifest, INTEGRITY for a wrong digest,
 * USAGE for a name that is neither tag nor digest.
 * `hasty` (default false): a HEAD that says no is believed, for tags that mostly are not there.
 */
export async function resolveManifest(
  client: Client,
  path: string,
  name: string,
  { signal, hasty = false }: Call & { readonly hasty?: boolean } = {},
): Promise<Descriptor | undefined> {
  if (!isTag(name) && !isDigest(name))
    throw new AppError("USAGE", `Cannot resolve "${name}": it is neither a tag nor a digest`);
  const shown = showName(client, path, name);
  const what = `Cannot read "${shown}"`;
  const url = `/v2/${path}/manifests/${name}`;
  const options = { headers: { accept: ACCEPT_MANIFESTS }, scopes: pullScope(path), signal };
  const head = await client.send(what, "HEAD", url, { ...options, expect: ASK_AGAIN });
  await drain(head);
  const told = head.ok ? describe(shown, name, head) : undefined;
  if (told) return told;
  if (hasty && [400, 403, 404].includes(head.status)) return undefined;
  try {
    return inspect(shown, name, await readDocument(client, what, url, MANIFEST_LIMIT, options));
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** registry.redhat.io and Harbor say "not found" under other statuses, with a code that says nothing. */
function isAbsence(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  if (error.status === 404) return true;
  return error.errors.includes("UNKNOWN") && /\bUNKNOWN \([^)]*not found/i.test(error.message);
}

/** What the headers of a HEAD tell, if they tell all and are to be believed. */
function describe(shown: string, name: string, { headers }: Response): Descriptor | undefined {
  const mediaType = typeOf(headers);
  if (isSchema1Type(mediaType)) throw schema1Error(shown);
  const digest = headers.get("docker-content-digest");
  const size = Number(headers.get("content-length") ?? Number.NaN);
  if (!isManifestType(mediaType) || !isDigest(digest) || !Number.isSafeInteger(size) || size <= 0) return undefined;
  if (isDigest(name) && digest !== name) return undefined;
  return { mediaType, digest, size };
}

/** The descriptor of bytes that are here. */
function inspect(shown: string, name: string, document: Document): Descriptor {
  const { headers } = document.response;
  const bytes = manifestBytes(shown, document);
  const said = typeOf(headers);
  const mediaType = isManifestType(said) || isSchema1Type(said) ? said : (sniffMediaType(bytes) ?? said);
  if (isSchema1Type(mediaType)) throw schema1Error(shown);
  if (!isManifestType(mediaType)) throw notManifest(shown, mediaType, bytes);
  const header = headers.get("docker-content-digest");
  const promised = isDigest(name) ? name : isDigest(header) ? header : undefined;
  return { mediaType, digest: checkDigest(shown, bytes, promised), size: bytes.length };
}

function checkDigest(shown: string, bytes: Bytes, promised: Digest | undefined): Digest {
  const actual = digestOf(bytes, promised && splitDigest(promised).algorithm);
  if (promised === undefined || promised === actual) return actual;
  throw new IntegrityError(`Cannot read "${shown}": the registry says "${promised}" and sent "${actual}"`, {
    expected: promised,
    actual,
  });
}

function manifestBytes(shown: string, { response, bytes }: Document): Bytes {
  const coding = response.headers.get("content-encoding") ?? "identity";
  if (bytes && coding === "identity") return bytes;
  const reason =
    coding === "identity" ? `it has more than ${MANIFEST_LIMIT} bytes` : `it came encoded as "${clean(coding, 20)}"`;
  throw new AppError("UNSUPPORTED", `Cannot read "${shown}": ${reason}`);
}

function notManifest(shown: string, mediaType: string, bytes: Bytes): AppError {
  const text = new TextDecoder().decode(bytes);
  const title = pageTitle(text);
  const isPage = title !== undefined || isWebPage(text, mediaType);
  const page = `it is a web page${title === undefined ? "" : `, "${title}"`}`;
  const other = mediaType === "" ? "it has no media type" : `"${clean(mediaType, 100)}" is no manifest type we know`;
  return new AppError("UNSUPPORTED", `Cannot read "${shown}": ${isPage ? page : other}`, {
    hint:
      isPage || mediaType === ""
        ? "check whether that host is a registry, and what is between: a proxy, or the login page of a portal"
        : undefined,
  });
}

/**
 * Puts a manifest under a tag or its own digest. Verified before it is sent; what the registry says it stored is compared.
 * Resolves with the headers of the answer. Throws UNSUPPORTED for more than 4 MiB, INTEGRITY for other bytes than the
 * descriptor promised or the registry stored, USAGE for a name that is neither tag nor digest.
 */
export async function putManifest(
  client: Client,
  path: string,
  name: string,
  manifest: Content,
  { signal }: Call = {},
): Promise<Headers> {
  if (!isTag(name) && !isDigest(name)) throw new AppError("USAGE", `Cannot write tag "${name}": it is not a tag`);
  const { digest, mediaType } = manifest.descriptor;
  const shown = showName(client, path, name);
  const upload = await readAll(manifest, MANIFEST_LIMIT, { signal });
  const what = `Cannot write "${shown}"`;
  const response = await client.send(what, "PUT", `/v2/${path}/manifests/${name}`, {
    headers: { "content-type": mediaType },
    upload,
    scopes: pushScope(path),
    signal,
  });
  await drain(response);
  checkStored(what, response, digest);
  return response.headers;
}

/** The media type without its parameters. */
function typeOf(headers: Headers): string {
  return (headers.get("content-type") ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

function showName(client: Client, path: string, name: string): string {
  return `${client.host}/${path}${isDigest(name) ? "@" : ":"}${name}`;
}
