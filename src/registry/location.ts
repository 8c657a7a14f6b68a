/** Where an upload goes on: the Location that a registry gives, resolved and checked. OCI distribution-spec v1.1 "Pushing blobs". */
import { AppError } from "../errors.ts";
import { isSameSite } from "./wire/address.ts";
import { redact } from "./wire/redact.ts";

/**
 * A Location as a URL, its query letter for letter. Registries behind a TLS proxy often forget the scheme or the port that
 * we reached them by: on the same host ours are kept. Throws UNSUPPORTED for a host that is not of the same site.
 */
export function resolveLocation(what: string, location: string | null, request: string): string {
  if (location === null || !URL.canParse(location, request))
    throw new AppError("UNSUPPORTED", `${what}: the registry did not say where to upload`);
  const from = new URL(request);
  const to = new URL(location, request);
  to.hash = "";
  if (to.hostname === from.hostname) {
    const isDowngrade = from.protocol === "https:" && to.protocol === "http:";
    const lostPort = to.port === "" && from.port !== "" && to.protocol === from.protocol;
    if (isDowngrade || lostPort) return `${from.origin}${to.pathname}${to.search}`;
    return to.href;
  }
  const isDowngrade = to.protocol !== "https:" && to.protocol !== from.protocol;
  if (isDowngrade || !isSameSite(to.hostname, from.hostname))
    throw new AppError("UNSUPPORTED", `${what}: the registry sends the upload to another host, "${redact(to.href)}"`);
  return to.href;
}
