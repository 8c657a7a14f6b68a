/** What may be shown of URLs, of errors and of the words of others: no secrets. */
import { clean } from "../../bytes/text.ts";

/** Query parameters of the protocol itself; all others may be signatures. */
const SHOWN = /^(?:scope|service|mount|from|digest|n|last|artifactType)=/;
const LONGEST_NAME = 40;
/** Causes that are looked into. */
const DEEPEST = 8;

const URLS = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>()\\]+/gi;
/** What follows the name of a scheme, a header or a field that is secret; and tokens that look like none of these (JWT). */
const SECRETS: readonly (readonly [pattern: RegExp, shown: string])[] = [
  [/\b(authorization|cookie|x-registry-auth)(["']?\s*[:=]\s*)[^\r\n]*/gi, "$1$2***"],
  [/\b(bearer|basic|negotiate)\s+(?!realm\b)[a-z0-9\-._~+/]{8,}=*/gi, "$1 ***"],
  [/\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)*/g, "***"],
  [
    /\b((?:access_|refresh_|identity_?|registry_?|id_)?token|password|passwd|secret|sig|signature|se|sp|sv|x-(?:amz|goog|oss|ms)-[a-z-]+|awsaccesskeyid|key-pair-id|policy)(["']?=["']?|["']\s*:\s*["'])(?!\*\*\*)[^\s&"',;]+/gi,
    "$1$2***",
  ],
];

/** A URL without user info, and without the values of parameters that the protocol does not know. */
export function redact(url: string): string {
  if (!URL.canParse(url)) return "(no URL)";
  const { protocol, host, pathname, search } = new URL(url);
  const query = search.slice(1).split("&").filter(Boolean).map(redactPair);
  return clean(`${protocol}//${host}${pathname}${query.length > 0 ? `?${query.join("&")}` : ""}`, 2000);
}

/** A parameter without `=` may be a secret as a whole. */
function redactPair(pair: string): string {
  if (SHOWN.test(pair)) return pair;
  const at = pair.indexOf("=");
  return at < 0 || at > LONGEST_NAME ? "***" : `${pair.slice(0, at)}=***`;
}

/** Words of a runtime or of a registry, their URLs redacted and what looks like a secret left out. */
export function redactText(text: string): string {
  const urls = text.replace(URLS, (url) => (URL.canParse(url) ? asWritten(redact(url), url) : "(no URL)"));
  return SECRETS.reduce((words, [pattern, shown]) => words.replace(pattern, shown), urls);
}

/** A host without a path gets none. */
function asWritten(shown: string, url: string): string {
  return shown.endsWith("/") && !url.endsWith("/") ? shown.slice(0, -1) : shown;
}

/**
 * The same error, without secrets in it and its causes: the runtimes write whole URLs into messages and properties. Errors
 * that cannot be changed stay as they are.
 */
export function redactError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error) || depth > DEEPEST) return error;
  const said = error as unknown as Record<string, unknown>;
  for (const name of new Set(["message", "stack", ...Object.keys(error)])) {
    const value = said[name];
    if (typeof value !== "string") continue;
    const shown = redactText(value);
    if (shown !== value) Reflect.defineProperty(error, name, { value: shown, configurable: true, writable: true });
  }
  redactError(error.cause, depth + 1);
  if (error instanceof AggregateError) for (const one of error.errors) redactError(one, depth + 1);
  return error;
}
