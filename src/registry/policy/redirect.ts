/** Redirects, followed by our own rules. OCI distribution-spec v1.1: Authorization must not travel to another host. */
import { AppError } from "../../errors.ts";
import { drain } from "../wire/drain.ts";
import { type Exchange, isOnce, type Transport } from "../wire/exchange.ts";
import { cancelBody } from "../wire/reading.ts";
import { redact } from "../wire/redact.ts";
import type { Policy } from "./policy.ts";

const MAX_HOPS = 10;
/** What a storage backend answers to a HEAD for which only GET was signed (GitLab, some S3 setups). */
const HEAD_REFUSED: ReadonlySet<number> = new Set([403, 405, 501]);
/** Headers that say what is wanted or sent; all others may say who we are. */
const OPEN_HEADERS: ReadonlySet<string> = new Set(["accept", "range", "if-range", "content-type", "content-range"]);

/** Answers of hosts that the registry sent us to. */
const foreign = new WeakSet<Response>();

/** Whether an answer came from another host than the one that was asked: what it wants of us does not count. */
export function isForeign(response: Response): boolean {
  return foreign.has(response);
}

export interface RedirectOptions {
  /**
   * A request with a secret stays at its origin. For token servers: without the secret it would get a token for nobody, which
   * looks like success. Default false: the secret is left behind.
   */
  readonly secretsStay?: boolean | undefined;
}

/**
 * Follows up to 10 redirects, each where the policy lets us go. What says who we are stays with its origin. A HEAD that
 * fails after a redirect is asked again as a GET whose body is left unread. Throws UNSUPPORTED where the policy lets nothing
 * go; DENIED for one redirect too many, for what is no URL, for a secret that has to stay, and for content that cannot be
 * sent again.
 */
export function withRedirects(next: Transport, policy: Policy, options: RedirectOptions = {}): Transport {
  return async (url, exchange) => {
    const { response, hops } = await follow(next, url, exchange, policy, options);
    if (exchange.method !== "HEAD" || hops === 0 || !HEAD_REFUSED.has(response.status)) return response;
    const { response: full } = await follow(next, url, { ...exchange, method: "GET" }, policy, options);
    await cancelBody(full);
    const bare = new Response(null, { status: full.status, headers: full.headers });
    if (isForeign(full)) foreign.add(bare);
    return bare;
  };
}

async function follow(
  next: Transport,
  start: string,
  first: Exchange,
  policy: Policy,
  { secretsStay = false }: RedirectOptions,
): Promise<{ response: Response; hops: number }> {
  let url = new URL(start);
  let exchange = first;
  for (let hops = 0; ; hops++) {
    const response = await next(url.href, exchange);
    const location = response.headers.get("location");
    if (url.origin !== new URL(start).origin) foreign.add(response);
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return { response, hops };
    await drain(response);
    if (hops === MAX_HOPS) throw refused(start, `more than ${MAX_HOPS} redirects`);
    const target = targetOf(location, url, start);
    const isSecret = first.headers.authorization !== undefined || first.upload !== undefined;
    if (secretsStay && isSecret && target.origin !== url.origin)
      throw refused(start, `a redirect to "${redact(target.href)}", where secrets may not go`);
    exchange = await moved(exchange, response.status, url, target, policy);
    if (isOnce(exchange))
      throw refused(start, "its content came from a pipe and cannot be sent again to where it redirects");
    url = target;
  }
}

/** Without user info, which a runtime would send as a login or refuse to send at all. */
function targetOf(location: string, from: URL, start: string): URL {
  if (!URL.canParse(location, from)) throw refused(start, "a redirect to what is no URL");
  const target = new URL(location, from);
  target.username = "";
  target.password = "";
  return target;
}

/** The exchange as it goes on at `target`. Throws UNSUPPORTED where the policy lets nothing go there. */
async function moved(exchange: Exchange, status: number, from: URL, target: URL, policy: Policy): Promise<Exchange> {
  const { signal } = exchange;
  const staysWhole = status !== 303 || exchange.method === "HEAD";
  const hop = staysWhole && exchange.upload !== undefined ? "upload" : "redirect";
  const verdict = await policy.admit(`Cannot follow "${redact(from.href)}"`, hop, from, target, { signal });
  const headers = verdict.may === "credentials" ? exchange.headers : openOf(exchange.headers);
  return staysWhole ? { ...exchange, headers } : { ...exchange, method: "GET", headers, upload: undefined };
}

function openOf(headers: Exchange["headers"]): Exchange["headers"] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => OPEN_HEADERS.has(name)));
}

function refused(url: string, reason: string): AppError {
  return new AppError("DENIED", `Cannot follow "${redact(url)}": ${reason}`);
}
