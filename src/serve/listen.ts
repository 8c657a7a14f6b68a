/** A `(Request) => Response` handler on a TCP port, streaming both ways. node:http, because Bun.serve drops Content-Length of streams. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type ByteStream, toWeb } from "../bytes/stream.ts";
import { asAppError } from "../errors.ts";

export interface ListenOptions {
  /** The address to listen on. Default 127.0.0.1, which no other machine reaches. */
  readonly host?: string | undefined;
  /** Default 0: any free one. */
  readonly port?: number | undefined;
}

export interface Listening {
  /** `http://127.0.0.1:49152`, without a slash. */
  readonly url: string;
  readonly port: number;
  /** Takes no more requests and cuts the connections that are open. */
  close(): Promise<void>;
}

/** How long an unused connection is kept for the next request, in milliseconds. */
const KEEP_ALIVE = 120_000;

/**
 * Serves until closed. Transfers may take as long as they like. A response whose body fails cuts the connection, so that no
 * client takes half a body for the whole; when it fails before its first byte, the client sees no response at all.
 * Throws STORAGE where the port cannot be had.
 */
export async function listen(
  handler: (request: Request) => Promise<Response>,
  { host = "127.0.0.1", port = 0 }: ListenOptions = {},
): Promise<Listening> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE, requestTimeout: 0 });
  server.timeout = 0;
  server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    answer(handler, incoming, outgoing).catch(() => outgoing.destroy());
  });
  await listening(server, host, port);
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    throw asAppError(error, "STORAGE", `Cannot listen on "${host}:${port}"`);
  }
}

async function answer(
  handler: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort(new DOMException("the client went away", "AbortError")));
  const response = await handler(toRequest(incoming, gone.signal));
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body && incoming.method !== "HEAD") await send(response.body, outgoing);
  else await response.body?.cancel();
  outgoing.end();
  // An unread body would stand before the next request of the connection.
  incoming.resume();
}

function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const headers = new Headers();
  for (let at = 0; at < incoming.rawHeaders.length; at += 2)
    headers.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!);
  // The path only: what the client says about our name is not trusted with anything.
  const url = new URL(`http://localhost${incoming.url?.startsWith("/") ? incoming.url : "/"}`);
  const method = incoming.method ?? "GET";
  if (method === "GET" || method === "HEAD") return new Request(url, { method, headers, signal });
  const init = { method, headers, signal, body: toWeb(bodyOf(incoming)), duplex: "half" };
  return new Request(url, init);
}

/** The body; a reader that leaves early does not cut the connection, over which the response has yet to go. */
function bodyOf(incoming: IncomingMessage): ByteStream {
  return incoming.iterator({ destroyOnReturn: false });
}

async function send(body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (!outgoing.write(value)) await drained(outgoing);
      if (outgoing.destroyed) throw new DOMException("the client went away", "AbortError");
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Resolves when more may be written, or when there is nobody to write to. */
function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    function done(): void {
      outgoing.off("drain", done);
      outgoing.off("close", done);
      resolve();
    }
    outgoing.on("drain", done);
    outgoing.on("close", done);
    if (outgoing.destroyed) done();
  });
}
