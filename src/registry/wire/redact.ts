/** What may be shown of URLs: no secrets. */
import { clean } from "../../bytes/text.ts";

/** Query parameters of the protocol itself; all others may be signatures. */
const SHOWN = /^(?:scope|service|mount|from|digest|n|last|artifactType)=/;

/** A URL without user info, and without the values of parameters that the protocol does not know. */
export function redact(url: string): string {
  if (!URL.canParse(url)) return "(no URL)";
  const { protocol, host, pathname, search } = new URL(url);
  const query = search
    .slice(1)
    .split("&")
    .filter(Boolean)
    .map((pair) => (SHOWN.test(pair) ? pair : `${pair.split("=", 1)[0]}=***`));
  return clean(`${protocol}//${host}${pathname}${query.length > 0 ? `?${query.join("&")}` : ""}`, 2000);
}
