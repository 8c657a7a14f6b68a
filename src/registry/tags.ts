/** The tags of a repository. OCI distribution-spec v1.1 "Listing Tags". */
import { collect } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import { isTag } from "../oci/reference.ts";
import type { Call } from "../store/store.ts";
import type { Client } from "./client.ts";
import { pullScope } from "./endpoint.ts";
import { drain } from "./wire/drain.ts";
import { bodyOf } from "./wire/stall.ts";

/** Asked for at once; ECR refuses more. */
const PAGE = 1000;
const PAGE_LIMIT = 8 << 20;
const MOST_TAGS = 1_000_000;

/**
 * All tags, sorted. None where the repository is not known. Pages are followed on the registry itself only. Throws
 * UNSUPPORTED for an answer that is no list, and for pages that go round in circles.
 */
export async function listTags(client: Client, path: string, { signal }: Call = {}): Promise<string[]> {
  const what = `Cannot list the tags of "${client.host}/${path}"`;
  const tags = new Set<string>();
  const seen = new Set<string>();
  const origin = await client.origin(what, { signal });
  let next: string | undefined = `${origin}/v2/${path}/tags/list?n=${PAGE}`;
  while (next !== undefined) {
    if (seen.has(next) || tags.size > MOST_TAGS)
      throw new AppError("UNSUPPORTED", `${what}: the registry's pages have no end`);
    seen.add(next);
    const response = await client.send(what, "GET", next, { scopes: pullScope(path), expect: [404], signal });
    if (response.status === 404) {
      await drain(response);
      break;
    }
    const before = tags.size;
    for (const tag of await parsePage(what, response)) tags.add(tag);
    next = tags.size === before ? undefined : nextPage(response.headers.get("link"), next);
  }
  return [...tags].sort();
}

async function parsePage(what: string, response: Response): Promise<string[]> {
  const bytes = await collect(bodyOf(response), PAGE_LIMIT);
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

/** The URL of a Link header's `rel="next"`, if it is on the same origin. RFC 8288. */
export function nextPage(link: string | null, current: string): string | undefined {
  for (const [, target, parameters] of (link ?? "").matchAll(/<([^>]*)>([^<]*)/g)) {
    if (!/;\s*rel="?next"?\s*(?:[;,]|$)/i.test(parameters ?? "") || !URL.canParse(target!, current)) continue;
    const url = new URL(target!, current);
    if (url.origin === new URL(current).origin) return url.href;
  }
  return undefined;
}
