/** Where a list goes on that a registry gives in pages. RFC 8288; OCI distribution-spec v1.1 "Listing Tags". */
import { clean } from "../bytes/text.ts";
import { AppError } from "../errors.ts";
import { linkAt } from "./policy/policy.ts";

/**
 * The URL of a Link header's `rel="next"`; undefined where there is none. Registries behind a TLS proxy often forget
 * the scheme or the port that we reached them by: ours are kept. Throws UNSUPPORTED for another host.
 */
export function nextPage(what: string, link: string | null, current: string): string | undefined {
  for (const [, target, parameters] of (link ?? "").matchAll(/<([^<>]*)>([^<]*)/g)) {
    if (!/;\s*rel="?next"?\s*(?:[;,]|$)/i.test(parameters ?? "") || !URL.canParse(target!, current)) continue;
    const next = new URL(target!, current);
    const url = linkAt(next, new URL(current));
    if (url !== undefined) return url;
    throw new AppError("UNSUPPORTED", `${what}: the list goes on at another host, "${clean(next.origin, 100)}"`);
  }
  return undefined;
}
