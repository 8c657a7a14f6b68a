/** The tags of a repository. OCI distribution-spec v1.1 "Listing Tags". */
import type { Bytes } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import { isTag } from "../oci/reference.ts";
import type { Call } from "../store/store.ts";
import type { Client } from "./client.ts";
import { readDocument } from "./document.ts";
import { pullScope } from "./endpoint.ts";
import { nextPage } from "./link.ts";

/** Asked for at once; ECR refuses more. */
const PAGE = 1000;
const PAGE_LIMIT = 8 << 20;
const MOST_TAGS = 1_000_000;
const MOST_PAGES = 5000;

/**
 * All tags, sorted. None where the repository is not known. Throws UNSUPPORTED for an answer that is no list, for pages that
 * go round in circles or are too many, and for a page on another host: what is there cannot be left out silently.
 */
export async function listTags(client: Client, path: string, { signal }: Call = {}): Promise<string[]> {
  const what = `Cannot list the tags of "${client.host}/${path}"`;
  const tags = new Set<string>();
  const seen = new Set<string>();
  const origin = await client.origin(what, { signal });
  let next: string | undefined = `${origin}/v2/${path}/tags/list?n=${PAGE}`;
  while (next !== undefined) {
    if (seen.has(next) || seen.size >= MOST_PAGES) throw endless(what);
    seen.add(next);
    const expect = seen.size === 1 ? [400, 404] : [];
    const options = { scopes: pullScope(path), expect, signal };
    const { response, bytes } = await readDocument(client, what, next, PAGE_LIMIT, options);
    if (response.status === 404) break;
    if (response.status === 400) {
      next = `${origin}/v2/${path}/tags/list`; // so many at once were too many
      continue;
    }
    const before = tags.size;
    for (const tag of parsePage(what, bytes)) tags.add(tag);
    if (tags.size > MOST_TAGS) throw endless(what);
    next = tags.size === before ? undefined : nextPage(what, response.headers.get("link"), next);
  }
  return [...tags].sort();
}

function endless(what: string): AppError {
  return new AppError("UNSUPPORTED", `${what}: the registry's pages have no end`);
}

function parsePage(what: string, bytes: Bytes | undefined): string[] {
  let json: unknown;
  try {
    json = bytes && JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    json = undefined;
  }
  const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
  const tags = isObject ? ((json as Record<string, unknown>).tags ?? []) : undefined;
  if (!Array.isArray(tags)) throw new AppError("UNSUPPORTED", `${what}: the answer is no list of tags`);
  return tags.filter((tag): tag is string => typeof tag === "string" && isTag(tag));
}
