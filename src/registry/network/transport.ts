/** One HTTP exchange on the network, without redirects and decompression: the only file with a Bun and a Deno branch. */
import { either } from "../../bytes/signal.ts";
import { toWeb } from "../../bytes/stream.ts";
import { type Exchange, isStreamed, type Transport } from "../wire/exchange.ts";
import { cancelBody } from "../wire/reading.ts";
import { troubleOf } from "../wire/trouble.ts";
import { sendOnNode, type Way } from "./node-exchange.ts";
import { type FindProxy, proxyHeaders } from "./proxy.ts";
import { proxyFailure, proxyRefusal } from "./proxy-error.ts";
import type { TlsMaterial } from "./tls.ts";

export interface TransportOptions {
  /** What TLS needs at `host[:port]` of a URL; asked before each exchange over it. Default: what the runtime trusts. */
  readonly tls?: ((target: string) => Promise<TlsMaterial>) | undefined;
  /** Default: every host is reached directly. */
  readonly proxy?: FindProxy | undefined;
}

/** The transport of the runtime that this is. Failures of proxies are ProxyErrors. */
export function createTransport({ tls, proxy: find }: TransportOptions = {}): Transport {
  const send = process.versions.bun !== undefined ? sendOnBun : sendOnDeno;
  return async (url, exchange) => {
    const target = new URL(url);
    const proxy = find?.(target);
    const secure = target.protocol === "https:" ? target : proxy?.url.startsWith("https:") && new URL(proxy.url);
    const way: Way = { proxy, tls: secure ? await tls?.(secure.host) : undefined };
    try {
      const response = await send(url, exchange, way);
      if (!proxy || response.status !== 407 || target.protocol === "https:") return response;
      await cancelBody(response);
      throw proxyRefusal(proxy, response.status);
    } catch (error) {
      throw proxy && !exchange.signal?.aborted ? proxyFailure(proxy, error) : error;
    }
  };
}

/**
 * Bun's fetch: at the speed of curl both ways, a body's read-ahead of about a megabyte (measured against node:http on Bun,
 * which was slower and used more). It keeps our Content-Length for streams, through proxies too, and connections for the
 * next request with the same authorities.
 */
async function sendOnBun(url: string, exchange: Exchange, way: Way): Promise<Response> {
  const { unverified } = exchange;
  const { added = [], all, client } = way.tls ?? {};
  const { proxy } = way;
  try {
    return await fetch(url, {
      ...basics(exchange),
      tls: {
        ...(unverified ? { rejectUnauthorized: false } : {}),
        // In Bun they take the place of its own ones.
        ...(added.length > 0 ? { ca: all } : {}),
        ...client,
      },
      // Else Bun asks the environment.
      proxy: proxy ? { url: proxy.url, headers: proxyHeaders(proxy) } : false,
      // Without it Bun inflates encoded bodies although `identity` was asked for, and gives up after 5 quiet minutes.
      decompress: false,
      timeout: false,
    } as RequestInit);
  } catch (error) {
    throw await explained(error, url, exchange, way);
  }
}

/** Bun does not say which names a certificate has, and takes a server that wants one of us for one without TLS. Node's TLS tells. */
async function explained(error: unknown, url: string, { unverified, signal }: Exchange, way: Way): Promise<unknown> {
  const { code } = error as { code?: unknown };
  if (signal?.aborted || (code !== "ERR_TLS_CERT_ALTNAME_INVALID" && code !== "EPROTO")) return error;
  const probe = { method: "HEAD", headers: {}, unverified, signal: either(signal, AbortSignal.timeout(5000)) };
  const better = await sendOnNode(new URL("/", url).href, probe, way).then(
    () => error,
    (thrown: unknown) => thrown,
  );
  return troubleOf(better) === "certificate" ? better : error;
}

/** Those for which Deno's fetch was no use: it takes no certificate for itself as its own authority. */
const ownAuthorities = new WeakSet<TlsMaterial>();

/**
 * Deno's fetch, where it can. It sends streams without Content-Length, checks every certificate, and shows servers what is
 * meant for a proxy alone.
 */
async function sendOnDeno(url: string, exchange: Exchange, way: Way): Promise<Response> {
  const { proxy, tls } = way;
  if (isStreamed(exchange) || exchange.unverified || proxy || (tls && ownAuthorities.has(tls)))
    return sendOnNode(url, exchange, way);
  try {
    const client = tls && denoClient(tls);
    return await fetch(url, { ...basics(exchange), ...(client ? { client } : {}) } as RequestInit);
  } catch (error) {
    if (!tls?.added.length || !/CaUsedAsEndEntity/.test(String((error as Error).cause ?? error))) throw error;
    ownAuthorities.add(tls);
    return sendOnNode(url, exchange, way);
  }
}

declare const Deno: { createHttpClient(options: { caCerts: readonly string[]; cert?: string; key?: string }): object };

const clients = new WeakMap<TlsMaterial, object>();

/** One for the same needs: it keeps the connections. Deno adds the authorities to its own. */
function denoClient(tls: TlsMaterial): object | undefined {
  if (tls.added.length === 0 && !tls.client) return undefined;
  const client = clients.get(tls) ?? Deno.createHttpClient({ caCerts: tls.added, ...tls.client });
  clients.set(tls, client);
  return client;
}

function basics({ method, headers, upload, signal }: Exchange): RequestInit {
  const common = { method, redirect: "manual", ...(signal ? { signal } : {}) } as const;
  if (upload === undefined) return { ...common, headers };
  if (upload instanceof Uint8Array) return { ...common, headers, body: upload };
  const streamed = { body: toWeb(upload.open()), duplex: "half" };
  return { ...common, ...streamed, headers: { ...headers, "content-length": String(upload.length) } };
}
