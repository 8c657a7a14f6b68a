/** What went wrong with a proxy, in words that name it. */
import { isUnreached, networkReason, ProxyError, troubleOf } from "../wire/trouble.ts";
import type { HttpProxy } from "./proxy.ts";

/** Statuses with which a proxy says that it, too, did not get there. */
const NOT_REACHED: ReadonlySet<number> = new Set([502, 503, 504]);

/** A proxy's answer to CONNECT, or to a request for itself, that is no success. */
export function proxyRefusal({ url, authorization }: HttpProxy, status: number): ProxyError {
  if (NOT_REACHED.has(status)) return new ProxyError("unreachable", `the proxy ${url} does not reach it (${status})`);
  if (status !== 407) return new ProxyError("proxy", `the proxy ${url} refuses (${status})`);
  const wish = authorization === undefined ? "wants a user and a password" : "does not take our user and password";
  return new ProxyError("proxy", `the proxy ${url} ${wish} (407)`);
}

/** An error of an exchange through a proxy: the proxy's own ones in its name, all others as they are. */
export function proxyFailure(proxy: HttpProxy, error: unknown): unknown {
  if (error instanceof ProxyError || !(error instanceof Error)) return error;
  // Bun's fetch does the CONNECT itself.
  const status = /refused to open a tunnel: (\d{3})/.exec(error.message)?.[1];
  if (status !== undefined) return proxyRefusal(proxy, Number(status));
  // Through a proxy, it is only the proxy whose name is looked up and whose port is tried.
  const trouble = troubleOf(error);
  if (!isUnreached(trouble)) return error;
  return new ProxyError(trouble, `the proxy ${proxy.url} cannot be reached: ${networkReason(error)}`, error);
}
