/** The tags of a repository. OCI distribution-spec v1.1 "Listing Tags". */
import type { Bytes } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import { isTag } from "../oci/reference.ts";
import type { Call } from "../store/store.ts";
import type { Client } from "./client.ts";
import { readDocument } from "./document.ts";
import { pullScope } from "./endpoint.ts";
import { nextPage } from "./link.ts";

/** Tags that are asked for at once; ECR refuses more. */
export const TAGS_PAGE = 1000;
const PAGE_LIMIT = 8 << 20;
const MOST_TAGS = 1_000_000;
const MOST_PAGES = 5000;

/**
 * All tags, sorted. None where the repository is not known. Throws UNSUPPORTED for an answer that is no list, for pages that
 * go round in circles or are too many, and for a page on another host: what is there cannot be left out silently.
 */
export async function listTags(client: Client, path: string, { signal }: Call = {}): Promise<string[]> {
  const what = cannotList(client, path);
  const tags = new Set<string>();
  const seen = new Set<string>();
  const origin = await client.origin(what, { signal });
  let next: string | undefined = `${origin}${firstTags(path)}`;
  while (next !== undefined) {
    if (seen.has(next) || seen.size >= MOST_PAGES) throw endless(what);
    seen.add(next);
    const expect = seen.size === 1 ? [400, 404] : [];
    const { response, tags: page } = await readTags(client, path, next, expect, { signal });
    if (response.status === 404) break;
    if (response.status === 400) {
      next = `${origin}${tagsPath(path)}`; // so many at once were too many
      continue;
    }
    const before = tags.size;
    if (!page) throw new AppError("UNSUPPORTED", `${what}: the answer is no list of tags`);
    for (const tag of page) if (typeof tag === "string" && isTag(tag)) tags.add(tag);
    if (tags.size > MOST_TAGS) throw endless(what);
    next = tags.size === before ? undefined : nextPage(what, response.headers.get("link"), next);
  }
  return [...tags].sort();
}

/** One answer of the endpoint. */
export interface TagsPage {
  /** Its body is read. */
  readonly response: Response;
  /** What it lists, whether tags or not; undefined for a refusal that was expected, and for an answer that is no list. */
  readonly tags: readonly unknown[] | undefined;
}

/** One page of a repository's tags; refusals only where their status is in `expect`. Throws what readDocument does. */
export async function readTags(
  client: Client,
  path: string,
  url: string,
  expect: readonly number[],
  { signal }: Call = {},
): Promise<TagsPage> {
  const options = { scopes: pullScope(path), expect, signal };
  const { response, bytes } = await readDocument(client, cannotList(client, path), url, PAGE_LIMIT, options);
  return { response, tags: bytes && parseTags(bytes) };
}

function parseTags(bytes: Bytes): readonly unknown[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  const tags = (json as Record<string, unknown>).tags ?? [];
  return Array.isArray(tags) ? tags : undefined;
}

/** Where the list of a repository's tags begins. */
export function firstTags(path: string): string {
  return `${tagsPath(path)}?n=${TAGS_PAGE}`;
}

function tagsPath(path: string): string {
  return `/v2/${path}/tags/list`;
}

function cannotList({ host }: Client, path: string): string {
  return `Cannot list the tags of "${host}/${path}"`;
}

function endless(what: string): AppError {
  return new AppError("UNSUPPORTED", `${what}: the registry's pages have no end`);
}
