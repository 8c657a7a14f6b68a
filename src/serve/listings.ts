/** Lists of names, page by page. OCI distribution-spec v1.1 "Listing Tags"; the catalog of Docker's registry API. */
import type { Call, Source, Store } from "../store/store.ts";
import { jsonResponse, Refusal } from "./errors.ts";
import type { Exchange } from "./exchange.ts";

/** Answers GET `/v2/<name>/tags/list`. */
export async function listTags({ request, url, store, repository, path }: Exchange): Promise<Response> {
  const tags = await tagsOf(store, repository, { signal: request.signal });
  if (tags.length === 0)
    throw new Refusal(404, "NAME_UNKNOWN", `there are no tags in "${path}"`, { detail: { name: path } });
  const { names, headers } = page(tags, url);
  return jsonResponse({ name: path, tags: names }, { headers });
}

/** Answers GET `/v2/_catalog`: repositories that have a named root. */
export async function listRepositories(store: Store, request: Request, url: URL): Promise<Response> {
  const paths = new Set<string>();
  for await (const { path } of store.references({ signal: request.signal })) paths.add(path);
  const { names, headers } = page([...paths].sort(), url);
  return jsonResponse({ repositories: names }, { headers });
}

async function tagsOf(store: Store, repository: Source, call: Call): Promise<string[]> {
  const tags: string[] = [];
  if (repository.tags) for await (const tag of repository.tags(call)) tags.push(tag);
  else
    for await (const { path, tag } of store.references(call))
      if (path === repository.place.path && tag !== undefined) tags.push(tag);
  return [...new Set(tags)].sort();
}

/** The part of sorted names that `n` and `last` ask for, with a link to the next where there are more. */
function page(all: readonly string[], url: URL): { names: readonly string[]; headers: Record<string, string> } {
  const last = url.searchParams.get("last");
  const rest = last === null ? all : all.filter((name) => name > last);
  const limit = url.searchParams.get("n");
  if (limit === null) return { names: rest, headers: {} };
  if (!/^\d{1,9}$/.test(limit))
    throw new Refusal(400, "PAGINATION_NUMBER_INVALID", "n is not a number", { detail: { n: limit.slice(0, 20) } });
  const names = rest.slice(0, Number(limit));
  const end = names.at(-1);
  if (end === undefined || names.length === rest.length) return { names, headers: {} };
  const query = new URLSearchParams({ n: limit, last: end });
  return { names, headers: { link: `<${url.pathname}?${query}>; rel="next"` } };
}
