/** Redirects, followed by our own rules. OCI distribution-spec v1.1: Authorization must not travel to another host. */
import { AppError } from "../../errors.ts";
import { type Nearness, nearness, registryNearness } from "./address.ts";
import { drain } from "./drain.ts";
import { type Exchange, isStreamed, type Transport } from "./exchange.ts";
import { redact } from "./redact.ts";
import { cancelBody } from "./stall.ts";

const MAX_HOPS = 10;
/** What a storage backend answers to a HEAD for which only GET was signed (GitLab, some S3 setups). */
const HEAD_REFUSED: ReadonlySet<number> = new Set([403, 405, 501]);

export interface RedirectOptions {
  /** The registry may send us from https to http. Default false. */
  readonly insecure?: boolean | undefined;
  /** Where the host of a registry is. Default: by its spelling, then by DNS. */
  readonly where?: ((hostname: string) => Promise<Nearness>) | undefined;
}

/**
 * Follows up to 10 redirects. Authorization stays with its origin; https never becomes http; a public registry cannot send
 * us into private networks. A HEAD that fails after a redirect is asked again as a GET whose body is left unread.
 */
export function withRedirects(next: Transport, options: RedirectOptions = {}): Transport {
  return async (url, exchange) => {
    const { response, hops } = await follow(next, url, exchange, options);
    if (exchange.method !== "HEAD" || hops === 0 || !HEAD_REFUSED.has(response.status)) return response;
    const { response: full } = await follow(next, url, { ...exchange, method: "GET" }, options);
    await cancelBody(full);
    return new Response(null, { status: full.status, headers: full.headers });
  };
}

async function follow(
  next: Transport,
  start: string,
  first: Exchange,
  options: RedirectOptions,
): Promise<{ response: Response; hops: number }> {
  let url = new URL(start);
  let exchange = first;
  for (let hops = 0; ; hops++) {
    const response = await next(url.href, exchange);
    const location = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null)
      return { response: url.origin === new URL(start).origin ? response : withoutChallenge(response), hops };
    await drain(response);
    if (hops === MAX_HOPS) throw refused(start, `more than ${MAX_HOPS} redirects`);
    const target = await check(url, location, new URL(start), options);
    const isOtherOrigin = target.origin !== url.origin;
    if (isOtherOrigin && exchange.method === "POST" && exchange.upload)
      throw refused(start, "a form with secrets stays");
    exchange = moved(exchange, response.status, isOtherOrigin);
    if (isStreamed(exchange) && (exchange.upload as { once?: true }).once)
      throw refused(start, "its content came from a pipe and cannot be sent again to where it redirects");
    url = target;
  }
}

async function check(from: URL, location: string, start: URL, options: RedirectOptions): Promise<URL> {
  if (!URL.canParse(location, from)) throw refused(start.href, "a redirect to what is not a URL");
  const target = new URL(location, from);
  const shown = redact(target.href);
  if (target.protocol !== "https:" && target.protocol !== "http:") throw refused(start.href, `a redirect to ${shown}`);
  if (from.protocol === "https:" && target.protocol === "http:" && !options.insecure)
    throw refused(start.href, `a redirect from https to ${shown}`);
  const near = nearness(target.hostname);
  if (near === "public" || target.hostname === start.hostname) return target;
  if (!isReachableFrom(await (options.where ?? registryNearness)(start.hostname), near))
    throw refused(start.href, `a redirect into a ${near} network, to ${shown}`);
  return target;
}

/** Loopback sees all but link-local; a private network sees itself. */
function isReachableFrom(registry: Nearness, target: Nearness): boolean {
  return registry === target || (registry === "loopback" && target === "private");
}

function moved(exchange: Exchange, status: number, isOtherOrigin: boolean): Exchange {
  const { authorization: _, cookie: __, ...open } = exchange.headers;
  const headers = isOtherOrigin ? open : exchange.headers;
  if (status !== 303 || exchange.method === "HEAD") return { ...exchange, headers };
  return { ...exchange, method: "GET", headers, upload: undefined };
}

/** A foreign host must not ask for the registry's credentials. */
function withoutChallenge(response: Response): Response {
  if (response.status !== 401) return response;
  const headers = new Headers(response.headers);
  headers.delete("www-authenticate");
  return new Response(response.body, { status: response.status, headers });
}

function refused(url: string, reason: string): AppError {
  return new AppError("UNSUPPORTED", `Cannot follow "${redact(url)}": ${reason}`);
}
