/** Makes a registry misbehave on purpose: a decorator for handlers, with rules that say when and how. */
import { type ByteStream, type Bytes, toWeb } from "../../src/bytes/stream.ts";
import type { Handler } from "./registry.ts";

export interface FaultRule {
  /** Default: any. */
  readonly method?: string;
  /** What the path with its query must match. Default: any. */
  readonly path?: RegExp;
  /** How many of the matching requests are hit, the first ones. Default: all. */
  readonly times?: number;
  /** Matching requests that are let through before. Default 0. */
  readonly skip?: number;
  readonly fault: Fault;
}

export type Fault =
  /** Cuts the connection after that many bytes of the response's body; 0: instead of a response. */
  | { readonly type: "drop"; readonly after: number }
  /** Cuts the connection, without a response, after that many bytes of the request's body. */
  | { readonly type: "drop-upload"; readonly after: number }
  /** Sends that many bytes, then nothing more until the client leaves; 0: not even a response. */
  | { readonly type: "stall"; readonly after: number }
  /** Turns the bits of one byte of the body. */
  | { readonly type: "corrupt"; readonly at: number }
  /** Answers with a status and never asks the registry. */
  | {
      readonly type: "status";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** Answers 429; `retryAfter` in seconds or as a date. */
  | { readonly type: "rate-limit"; readonly retryAfter?: number | Date }
  /** Redirects to the same path, or to `path`, of another origin such as `http://127.0.0.1:5001`. */
  | {
      readonly type: "redirect";
      readonly origin: string;
      readonly path?: string;
      readonly status?: 301 | 302 | 303 | 307 | 308;
    }
  /** Answers a range with the whole, as a 200. */
  | { readonly type: "ignore-range" }
  /** Waits that many milliseconds before each chunk of at most `chunk` bytes (default 16 KiB). */
  | { readonly type: "slow"; readonly milliseconds: number; readonly chunk?: number }
  /** Takes headers off the response, or changes them. */
  | { readonly type: "headers"; readonly set?: Readonly<Record<string, string>>; readonly remove?: readonly string[] };

/** The handler with faults. The first rule that matches, and is not used up, decides. Works through listen() as well. */
export function withFaults(handler: Handler, rules: readonly FaultRule[]): Handler {
  const seen = new Map<FaultRule, number>();
  function due(request: Request): Fault | undefined {
    const { pathname, search } = new URL(request.url);
    for (const rule of rules) {
      const { method = request.method, path = /./, skip = 0, times = Number.POSITIVE_INFINITY } = rule;
      if (method !== request.method || !path.test(pathname + search)) continue;
      const count = (seen.get(rule) ?? 0) + 1;
      seen.set(rule, count);
      if (count > skip && count <= skip + times) return rule.fault;
    }
    return undefined;
  }
  return (request) => {
    const fault = due(request);
    return fault ? misbehave(handler, request, fault) : handler(request);
  };
}

/** One fault, done to one request. */
export async function misbehave(handler: Handler, request: Request, fault: Fault): Promise<Response> {
  switch (fault.type) {
    case "status":
      return new Response(fault.body ?? null, {
        status: fault.status,
        ...(fault.headers ? { headers: fault.headers } : {}),
      });
    case "rate-limit":
      return rateLimit(fault.retryAfter);
    case "redirect": {
      const { pathname, search } = new URL(request.url);
      const location = `${fault.origin}${fault.path ?? pathname + search}`;
      return new Response(null, { status: fault.status ?? 307, headers: { location, "content-length": "0" } });
    }
    case "drop-upload":
      await leave(request, fault.after);
      return broken();
    case "stall":
      if (fault.after > 0) break;
      await gone(request.signal);
      return broken();
    case "ignore-range":
      return handler(withoutRange(request));
    default:
  }
  return spoil(await handler(request), request, fault);
}

function spoil(response: Response, request: Request, fault: Fault): Response {
  const headers = new Headers(response.headers);
  if (fault.type === "headers") {
    for (const [name, value] of Object.entries(fault.set ?? {})) headers.set(name, value);
    for (const name of fault.remove ?? []) headers.delete(name);
    return new Response(response.body, { status: response.status, headers });
  }
  const body = response.body as ByteStream | null;
  if (body === null) return fault.type === "drop" ? broken() : response;
  return new Response(toWeb(spoilt(body, request, fault)), { status: response.status, headers });
}

async function* spoilt(body: ByteStream, request: Request, fault: Fault): ByteStream {
  let at = 0;
  for await (const chunk of body) {
    const end = at + chunk.length;
    if ((fault.type === "drop" || fault.type === "stall") && end >= fault.after) {
      if (fault.after > at) yield chunk.subarray(0, fault.after - at);
      if (fault.type === "stall") await gone(request.signal);
      throw new Error("a fault on purpose");
    }
    if (fault.type === "corrupt" && fault.at >= at && fault.at < end) yield flipped(chunk, fault.at - at);
    else if (fault.type === "slow") yield* slowly(chunk, fault.milliseconds, fault.chunk ?? 16 << 10);
    else yield chunk;
    at = end;
  }
}

function flipped(chunk: Bytes, at: number): Bytes {
  const copy = chunk.slice();
  copy[at]! ^= 0xff;
  return copy;
}

async function* slowly(chunk: Bytes, milliseconds: number, size: number): ByteStream {
  for (let at = 0; at < chunk.length; at += size) {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    yield chunk.subarray(at, at + size);
  }
}

function rateLimit(retryAfter: number | Date | undefined): Response {
  const value = retryAfter instanceof Date ? retryAfter.toUTCString() : retryAfter?.toString();
  const body = JSON.stringify({ errors: [{ code: "TOOMANYREQUESTS", message: "slow down" }] });
  return new Response(body, { status: 429, headers: value === undefined ? {} : { "retry-after": value } });
}

/** A response whose body fails at once: listen() cuts the connection before a byte of it is sent. */
function broken(): Response {
  const body = new ReadableStream({
    pull(controller) {
      controller.error(new Error("a fault on purpose"));
    },
  });
  return new Response(body, { status: 200 });
}

/** Reads that many bytes of a request and no more. */
async function leave(request: Request, after: number): Promise<void> {
  let seen = 0;
  for await (const chunk of (request.body ?? []) as ByteStream) {
    seen += chunk.length;
    if (seen >= after) return;
  }
}

function gone(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function withoutRange(request: Request): Request {
  const headers = new Headers(request.headers);
  headers.delete("range");
  return new Request(request.url, { method: request.method, headers, signal: request.signal });
}
