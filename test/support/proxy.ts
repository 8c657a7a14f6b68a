/** An HTTP proxy as a company has one: CONNECT and whole URLs, Basic auth if it is wanted, and a record of what passed. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type RequestListener, request } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Pair } from "./certificates.ts";

export interface Passed {
  readonly method: string;
  /** `host:port` of a CONNECT, else the URL. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

export interface TestProxy extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly passed: Passed[];
}

export interface TestProxyOptions {
  /** `user:password`, without which everything is answered with 407. Default: open to all. */
  readonly login?: string;
  /** The status with which everything is refused. Default: nothing is. */
  readonly refusal?: number;
  /** Speaks TLS itself. Default: plain http. */
  readonly tls?: Pair;
}

/** Starts a proxy on a free port. Names below `.test` lead to 127.0.0.1. */
export async function startProxy({ login, refusal, tls }: TestProxyOptions = {}): Promise<TestProxy> {
  const passed: Passed[] = [];
  const sockets = new Set<Socket>();
  const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString("base64")}`;
  function statusFor(headers: IncomingHttpHeaders): number | undefined {
    return refusal ?? (wanted !== undefined && headers["proxy-authorization"] !== wanted ? 407 : undefined);
  }
  const onRequest: RequestListener = (incoming, outgoing) => {
    const { method = "", url = "", headers } = incoming;
    passed.push({ method, target: url, headers });
    const status = statusFor(headers);
    if (status !== undefined) {
      incoming.resume();
      outgoing.writeHead(status).end("the proxy says no");
      return;
    }
    const { "proxy-authorization": _, "proxy-connection": __, ...others } = headers;
    const target = new URL(url);
    const place = { host: addressOf(target.hostname), port: target.port, path: target.pathname + target.search };
    const onward = request({ ...place, method, headers: others, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.writeHead(502).end());
    incoming.pipe(onward);
  };
  const server = tls ? createSecureServer(tls, onRequest) : createServer(onRequest);
  server.on("connect", ({ url = "", headers }, near: Socket, head: Buffer) => {
    passed.push({ method: "CONNECT", target: url, headers });
    near.on("error", () => {});
    const status = statusFor(headers);
    if (status !== undefined) return void near.end(`HTTP/1.1 ${status} No\r\nContent-Length: 2\r\n\r\nno`);
    const { hostname, port } = new URL(`http://${url}`);
    const far = connect(Number(port || 80), addressOf(hostname));
    sockets.add(far);
    far.on("connect", () => {
      near.write("HTTP/1.1 200 Connection established\r\n\r\n");
      far.write(head);
      near.pipe(far).pipe(near);
    });
    far.on("error", () => near.end("HTTP/1.1 502 Bad gateway\r\nContent-Length: 0\r\n\r\n"));
    near.on("close", () => far.destroy());
  });
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function addressOf(hostname: string): string {
  return hostname.endsWith(".test") ? "127.0.0.1" : hostname.replace(/^\[|\]$/g, "");
}
