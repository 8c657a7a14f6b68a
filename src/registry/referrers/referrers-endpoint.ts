/** A registry's own list of who refers to a manifest. OCI distribution-spec v1.1 "Listing Referrers". */
import { AppError } from "../../errors.ts";
import { type Descriptor, parseDescriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { OCI_INDEX } from "../../oci/media-types.ts";
import { MANIFEST_LIMIT } from "../../store/read.ts";
import type { Call } from "../../store/store.ts";
import type { Client } from "../client.ts";
import { readDocument } from "../document.ts";
import { ABSENT, pullScope } from "../endpoint.ts";
import { nextPage } from "../link.ts";

const MOST_PAGES = 100;
/** More than anybody attaches to one manifest; an endless list is an attack. */
const MOST = 5000;
/** Bytes of all pages. */
const BYTES_LIMIT: number = 4 * MANIFEST_LIMIT;

/** What came of asking: the list, or the status that says that there is none (200 for an answer that is something else). */
export type Listed = { readonly referrers: readonly Descriptor[] } | { readonly refused: number };

/**
 * Asks the endpoint, page after page. Throws UNSUPPORTED for lists without end, for pages on another host, and for a list
 * with something in it that cannot be read: what is there is not left out silently.
 */
export async function askReferrers(client: Client, path: string, subject: Digest, { signal }: Call): Promise<Listed> {
  const what = `Cannot list the referrers of "${client.host}/${path}@${subject}"`;
  const referrers = new Map<Digest, Descriptor>();
  const seen = new Set<string>();
  let bytes = 0;
  let next: string | undefined = `${await client.origin(what, { signal })}/v2/${path}/referrers/${subject}`;
  while (next !== undefined) {
    if (seen.has(next) || seen.size >= MOST_PAGES) throw endless(what);
    seen.add(next);
    const expect = seen.size === 1 ? ABSENT : [];
    const options = { headers: { accept: OCI_INDEX }, scopes: pullScope(path), expect, signal };
    const { response, bytes: page } = await readDocument(client, what, next, BYTES_LIMIT - bytes, options);
    if (!response.ok) return { refused: response.status };
    if (!page) throw endless(what);
    bytes += page.length;
    const found = parsePage(what, page);
    if (!found && seen.size === 1) return { refused: response.status };
    if (!found) throw new AppError("UNSUPPORTED", `${what}: the answer is no list of referrers`);
    const before = referrers.size;
    for (const one of found) referrers.set(one.digest, one);
    if (referrers.size > MOST) throw endless(what);
    next = referrers.size === before ? undefined : nextPage(what, response.headers.get("link"), next);
  }
  return { referrers: [...referrers.values()] };
}

/** The descriptors of a page; undefined for what is no index: some registries answer every path with a web page. */
function parsePage(what: string, bytes: Uint8Array): readonly Descriptor[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null || !("manifests" in json)) return undefined;
  const { mediaType = OCI_INDEX, manifests } = json as Record<string, unknown>;
  if (mediaType !== OCI_INDEX || !Array.isArray(manifests ?? [])) return undefined;
  return ((manifests ?? []) as readonly unknown[]).map((one) => {
    const descriptor = parseDescriptor(one);
    if (!descriptor) throw new AppError("UNSUPPORTED", `${what}: a descriptor in the list is not valid`);
    return descriptor;
  });
}

function endless(what: string): AppError {
  return new AppError("UNSUPPORTED", `${what}: the list has no end`);
}
