/** Web pages that come where an answer of a registry was wanted: from proxies, portals and hosts that are no registry. */
import { clean } from "../../bytes/text.ts";
import { redactText } from "./redact.ts";

/** Characters of a page that are looked at, and of its title that are shown. */
const START = 16 << 10;
const SHOWN = 100;

/** Whether a text is one, by its type or its beginning. */
export function isWebPage(text: string, mediaType: string): boolean {
  return /^(?:text\/html|application\/xhtml\+xml)$/.test(mediaType) || /^\s*<(?:!doctype\s+html|html)\b/i.test(text);
}

/** What stands in a text's first <title>, for people; undefined where there is none: web pages may lack one. */
export function pageTitle(text: string): string | undefined {
  const [, title = ""] = /<title[^>]{0,200}>([^<]{0,1000})/i.exec(text.slice(0, START)) ?? [];
  return clean(redactText(title.replace(/\s+/g, " ").trim()), SHOWN) || undefined;
}
