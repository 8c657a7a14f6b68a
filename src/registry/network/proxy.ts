/** Which proxy a request goes through: the variables of Go's programs (golang.org/x/net/http/httpproxy), as a pure function. */
import { AppError } from "../../errors.ts";
import { isDirect } from "./no-proxy.ts";

export interface HttpProxy {
  /** `http://proxy.example:3128`: without user info, so that it can be shown. */
  readonly url: string;
  /** The Proxy-Authorization for it, and for nobody else. */
  readonly authorization: string | undefined;
}

/** What a request that is for the proxy itself carries. */
export function proxyHeaders({ authorization }: HttpProxy): Readonly<Record<string, string>> {
  return authorization === undefined ? {} : { "proxy-authorization": authorization };
}

/** The proxy for a URL; undefined goes there directly. Throws USAGE for a proxy that cannot be understood. */
export type FindProxy = (url: URL) => HttpProxy | undefined;

/** What the user wrote, and where. */
export interface ProxySetting {
  readonly value: string;
  /** How messages call it: `HTTPS_PROXY`. */
  readonly variable: string;
}

export interface ProxySettings {
  /** For https URLs. */
  readonly https?: ProxySetting | undefined;
  /** For http URLs. */
  readonly http?: ProxySetting | undefined;
  /** A comma list of hosts that are reached directly. */
  readonly direct?: string | undefined;
}

/** The proxy that `settings` have for `url`. Their values are looked at only when they count. Throws USAGE. */
export function proxyFor(url: URL, { https, http, direct = "" }: ProxySettings): HttpProxy | undefined {
  const setting = url.protocol === "https:" ? https : http;
  return setting === undefined || isDirect(url, direct) ? undefined : parseProxy(setting);
}

function parseProxy({ value, variable }: ProxySetting): HttpProxy {
  // Errors name the variable only: what is wrong may be around a password.
  const text = value.trim();
  const spelt = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(spelt)) throw unusable(variable, "it is not a URL");
  const { protocol, hostname, host, username, password } = new URL(spelt);
  if (protocol.startsWith("socks"))
    throw unusable(variable, "SOCKS proxies are not supported", "name an HTTP proxy, http://HOST:PORT");
  if (protocol !== "http:" && protocol !== "https:")
    throw unusable(variable, `it begins with ${protocol}//, not with http://`);
  if (hostname === "") throw unusable(variable, "it names no host");
  return { url: `${protocol}//${host}`, authorization: basic(variable, username, password) };
}

function basic(variable: string, username: string, password: string): string | undefined {
  if (username === "" && password === "") return undefined;
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(pair).toString("base64")}`;
  } catch {
    throw unusable(variable, "its user or password has a % that is not an escape");
  }
}

function unusable(variable: string, reason: string, hint?: string): AppError {
  return new AppError("USAGE", `Cannot use the proxy of ${variable}: ${reason}`, { hint });
}
