/** One HTTP exchange by node:http and node:https: for what Deno's fetch does not do, and for the words of Node's TLS errors. */
import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from "node:http";
import { Agent, request as requestHttps } from "node:https";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { connect, createSecureContext, type SecureContext } from "node:tls";
import type { Bytes } from "../../bytes/stream.ts";
import { unbracketed } from "../policy/address.ts";
import type { Exchange, Upload } from "../wire/exchange.ts";
import { type HttpProxy, proxyHeaders } from "./proxy.ts";
import type { TlsMaterial } from "./tls.ts";
import { openTunnel } from "./tunnel.ts";

/** How an exchange gets to its host. */
export interface Way {
  /** undefined: directly. */
  readonly proxy: HttpProxy | undefined;
  /** undefined: with what the runtime trusts. */
  readonly tls: TlsMaterial | undefined;
}

/** Streams keep their Content-Length, connections are kept and used again. The promises are those of a Transport. */
export function sendOnNode(url: string, exchange: Exchange, way: Way): Promise<Response> {
  const { method, headers, upload, signal, unverified = false } = exchange;
  const length = upload?.length ?? (method === "GET" || method === "HEAD" ? undefined : 0);
  const target = new URL(url);
  const options: RequestOptions = {
    method,
    headers: { ...headers, ...(length === undefined ? {} : { "content-length": length }) },
    ...(signal ? { signal } : {}),
  };
  return new Promise((resolve, reject) => {
    const outgoing =
      target.protocol === "https:"
        ? requestHttps(url, { ...options, agent: secureAgent(way, unverified), until: signal } as RequestOptions)
        : way.proxy
          ? requestPlainly(target, options, way, way.proxy)
          : requestHttp(url, { ...options, agent: plainAgent() });
    outgoing.on("response", (incoming) => {
      try {
        resolve(toResponse(incoming, method));
      } catch (error) {
        incoming.destroy();
        reject(error);
      }
    });
    outgoing.on("error", (error) => reject(signal?.aborted ? signal.reason : error));
    const body = Readable.from(upload === undefined ? [] : chunksOf(upload), { objectMode: false, highWaterMark: 1 });
    outgoing.on("close", () => body.destroy());
    pour(body, outgoing).catch((error) => outgoing.destroy(error));
  });
}

/** A proxy for http gets the whole URL: RFC 9112 section 3.2.2. */
function requestPlainly(target: URL, options: RequestOptions, way: Way, proxy: HttpProxy): ClientRequest {
  const headers = { ...(options.headers as Record<string, string>), host: target.host, ...proxyHeaders(proxy) };
  const whole = { ...options, headers, path: target.href };
  return proxy.url.startsWith("https:")
    ? requestHttps(proxy.url, { ...whole, agent: secureAgent({ ...way, proxy: undefined }, false) })
    : requestHttp(proxy.url, { ...whole, agent: plainAgent() });
}

let plain: HttpAgent | undefined;
function plainAgent(): HttpAgent {
  return (plain ??= new HttpAgent({ keepAlive: true }));
}

/** Connections by what they were made with. An agent's own key would hold all authorities as text. */
const agents = new WeakMap<object, Map<string, Agent>>();
const NOTHING_MORE = {};

function secureAgent({ proxy, tls }: Way, unverified: boolean): Agent {
  const owner = tls ?? NOTHING_MORE;
  const mine = agents.get(owner) ?? new Map<string, Agent>();
  agents.set(owner, mine);
  const key = JSON.stringify([proxy?.url, proxy?.authorization, unverified]);
  const agent = mine.get(key) ?? createAgent(proxy, tls, unverified);
  mine.set(key, agent);
  return agent;
}

function createAgent(proxy: HttpProxy | undefined, tls: TlsMaterial | undefined, unverified: boolean): Agent {
  const secureContext = contextOf(tls);
  const settings = { rejectUnauthorized: !unverified, ...(secureContext ? { secureContext } : {}) };
  const agent = new Agent({ keepAlive: true, ...settings });
  if (proxy) {
    const through = agent as unknown as { createConnection: CreateConnection };
    through.createConnection = ({ host, port, servername, until: signal }, callback) => {
      const name = unbracketed(host);
      const authority = `${name.includes(":") ? `[${name}]` : name}:${port}`;
      openTunnel(proxy, authority, { ca: tls?.all, signal }).then(
        (socket) => callback(null, connect({ ...settings, socket, host: name, ...(servername ? { servername } : {}) })),
        callback,
      );
      return undefined;
    };
  }
  return agent;
}

type CreateConnection = (
  // Deno does not hand on the request's `signal`.
  options: { host: string; port: number | string; servername?: string; until?: AbortSignal },
  callback: (error: unknown, socket?: Socket) => void,
) => undefined;

function contextOf(tls: TlsMaterial | undefined): SecureContext | undefined {
  if (!tls || (tls.added.length === 0 && !tls.client)) return undefined;
  return createSecureContext({ ca: tls.all, ...tls.client });
}

/**
 * Writes a body, its last chunk together with the end: on Deno 2.9.6 a TLS connection is never free for another request
 * after an empty end that follows a write at once.
 */
async function pour(body: Readable, outgoing: ClientRequest): Promise<void> {
  let held: Buffer | undefined;
  for await (const chunk of body) {
    if (held && !outgoing.write(held)) await drained(outgoing);
    held = chunk;
  }
  outgoing.end(held);
}

/** Has room again, or is closed. */
function drained(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off("drain", done).off("close", done);
      resolve();
    };
    outgoing.on("drain", done).on("close", done);
  });
}

function chunksOf(upload: Bytes | Upload): AsyncIterable<Bytes> | Iterable<Bytes> {
  return upload instanceof Uint8Array ? [upload] : upload.open();
}

/** Statuses of which a Response has no body. Fetch standard, "null body status". */
const BODILESS: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);

/** Throws for an answer that no Response can be. */
function toResponse(incoming: IncomingMessage, method: string): Response {
  const headers = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2)
    headers.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!);
  const status = incoming.statusCode ?? 0;
  if (method !== "HEAD" && !BODILESS.has(status)) {
    const body = Readable.toWeb(incoming) as unknown as ReadableStream<Bytes>;
    return new Response(body, { status, headers });
  }
  incoming.resume();
  return new Response(null, { status, headers });
}
