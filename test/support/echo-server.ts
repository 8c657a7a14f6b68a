/** A server over TLS or plain http that answers each request with what it was asked. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Pair } from "./certificates.ts";

/** The JSON of an answer. */
export interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Bytes of the body. */
  readonly size: number;
}

export interface EchoServer extends AsyncDisposable {
  readonly port: number;
  /** What was asked so far. */
  readonly echoes: readonly Echo[];
  /** The common name of the client's certificate, for each connection. */
  readonly clients: readonly (string | undefined)[];
}

export interface EchoOptions {
  /** Default: plain http. */
  readonly tls?: Pair | undefined;
  /** An authority in PEM whose clients it knows. Default: it asks nobody for a certificate. */
  readonly clients?: string | undefined;
  /** Others are refused. Default: they are served. */
  readonly required?: boolean;
}

/** Serves on a free port. TLS is a server of its own in front, since Bun's node:https does not tell who the client is. */
export async function startEcho({ tls, clients, required = false }: EchoOptions = {}): Promise<EchoServer> {
  const echoes: Echo[] = [];
  const names: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((incoming, outgoing) => {
    let size = 0;
    incoming.on("data", (chunk: Uint8Array) => (size += chunk.length));
    incoming.on("end", () => {
      const echo: Echo = { method: incoming.method!, url: incoming.url!, headers: incoming.headers, size };
      echoes.push(echo);
      const text = JSON.stringify(echo);
      outgoing.writeHead(200, { "content-length": Buffer.byteLength(text) });
      outgoing.end(incoming.method === "HEAD" ? undefined : text);
    });
  });
  server.on("connection", (socket: Socket) => sockets.add(socket));
  const inner = await listening(server);
  const asking = clients === undefined ? {} : { ca: clients, requestCert: true, rejectUnauthorized: required };
  const front =
    tls &&
    createTlsServer({ ...tls, ...asking }, (socket) => {
      const { subject } = socket.getPeerCertificate() ?? {};
      names.push(subject?.CN === undefined ? undefined : String(subject.CN));
      const through = connect(inner, "127.0.0.1");
      for (const one of [socket, through]) {
        sockets.add(one);
        one.on("error", () => {});
        one.on("close", () => {
          socket.destroy();
          through.destroy();
        });
      }
      socket.pipe(through).pipe(socket);
    });
  front?.on("tlsClientError", () => {});
  const port = front ? await listening(front) : inner;
  return {
    port,
    echoes,
    clients: names,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      for (const one of [front, server]) if (one) await new Promise((resolve) => one.close(resolve));
    },
  };
}

async function listening(
  server: ReturnType<typeof createServer> | ReturnType<typeof createTlsServer>,
): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
