/** Where an upload goes on: the Location that a registry gives. OCI distribution-spec v1.1 "Pushing blobs". */
import { AppError } from "../../errors.ts";

/**
 * The Location of an upload as a URL, its query letter for letter. Whether anything may be sent there is not decided here:
 * the client asks its policy. Throws UNSUPPORTED where there is no URL.
 */
export function resolveLocation(what: string, location: string | null, request: string): string {
  if (location === null || !URL.canParse(location, request))
    throw new AppError("UNSUPPORTED", `${what}: the registry did not say where to upload`);
  return asReached(new URL(location, request), new URL(request));
}

/**
 * Registries behind a TLS proxy often forget the scheme or the port that we reached them by: on the same host ours are kept.
 * User info is nobody's business.
 */
function asReached(to: URL, from: URL): string {
  to.hash = "";
  to.username = "";
  to.password = "";
  const isDowngrade = from.protocol === "https:" && to.protocol === "http:";
  const lostPort = to.port === "" && from.port !== "" && to.protocol === from.protocol;
  const isForgotten = to.hostname === from.hostname && (isDowngrade || lostPort);
  return isForgotten ? `${from.origin}${to.pathname}${to.search}` : to.href;
}
