/**
 * One HTTP exchange on the network, without redirects and decompression: the only file with a Bun and a Deno branch.
 */
import { type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { Readable } from "node:stream";
import { type Bytes, toWeb } from "../../bytes/stream.ts";
import { type Exchange, isStreamed, type Transport, type Upload } from "./exchange.ts";

/** The transport of the runtime that this is. */
export function createTransport(): Transport {
  return process.versions.bun !== undefined ? sendOnBun : sendOnDeno;
}

/**
 * Bun's fetch: at the speed of curl both ways, a body's read-ahead of about a megabyte (measured against node:http on Bun,
 * which was slower and used more). It keeps our Content-Length for streams.
 */
function sendOnBun(url: string, exchange: Exchange): Promise<Response> {
  return fetch(url, {
    ...basics(exchange),
    ...(exchange.unverified ? { tls: { rejectUnauthorized: false } } : {}),
    // Without it Bun inflates encoded bodies although `identity` was asked for, and gives up after 5 quiet minutes.
    decompress: false,
    timeout: false,
  } as RequestInit);
}

/** Deno's fetch, where it can: it sends streams without Content-Length and checks every certificate. */
function sendOnDeno(url: string, exchange: Exchange): Promise<Response> {
  return isStreamed(exchange) || exchange.unverified ? sendOnNode(url, exchange) : fetch(url, basics(exchange));
}

function basics({ method, headers, upload, signal }: Exchange): RequestInit {
  const common = { method, redirect: "manual", ...(signal ? { signal } : {}) } as const;
  if (upload === undefined) return { ...common, headers };
  if (upload instanceof Uint8Array) return { ...common, headers, body: upload };
  const streamed = { body: toWeb(upload.open()), duplex: "half" };
  return { ...common, ...streamed, headers: { ...headers, "content-length": String(upload.length) } };
}

function sendOnNode(url: string, exchange: Exchange): Promise<Response> {
  const { method, headers, upload, signal, unverified } = exchange;
  const length = upload?.length ?? (method === "GET" || method === "HEAD" ? undefined : 0);
  const options: RequestOptions & { rejectUnauthorized?: boolean } = {
    method,
    headers: { ...headers, ...(length === undefined ? {} : { "content-length": length }) },
    ...(signal ? { signal } : {}),
    ...(unverified ? { rejectUnauthorized: false } : {}),
  };
  return new Promise((resolve, reject) => {
    const outgoing = (url.startsWith("https:") ? requestHttps : requestHttp)(url, options);
    outgoing.on("response", (incoming) => resolve(toResponse(incoming, method)));
    outgoing.on("error", (error) => reject(signal?.aborted ? signal.reason : error));
    const body = Readable.from(upload === undefined ? [] : chunksOf(upload), { objectMode: false, highWaterMark: 1 });
    body.on("error", (error) => outgoing.destroy(error));
    outgoing.on("close", () => body.destroy());
    body.pipe(outgoing);
  });
}

function chunksOf(upload: Bytes | Upload): AsyncIterable<Bytes> | Iterable<Bytes> {
  return upload instanceof Uint8Array ? [upload] : upload.open();
}

function toResponse(incoming: IncomingMessage, method: string): Response {
  const headers = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2)
    headers.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!);
  const status = incoming.statusCode ?? 0;
  if (method !== "HEAD" && status !== 204 && status !== 304) {
    const body = Readable.toWeb(incoming) as unknown as ReadableStream<Bytes>;
    return new Response(body, { status, headers });
  }
  incoming.resume();
  return new Response(null, { status, headers });
}
