/** HTTP/1.1 on bare sockets of 127.0.0.1, so that a test can do what no HTTP library lets it do. RFC 9112. */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type Bytes, concat } from "../../src/bytes/stream.ts";

export interface RawRequest {
  readonly method: string;
  /** As it was sent: the path with its query, letter for letter. */
  readonly target: string;
  /** Lower-case names; repeated ones joined with a comma. */
  readonly headers: ReadonlyMap<string, string>;
  /** Bytes of the body, until `most` of them are here, or all. Whatever was not taken stays unread. */
  body(most?: number): Promise<Bytes>;
}

/** The way back to the client. Nothing rejects: a client may leave whenever it likes. */
export interface RawConnection {
  write(bytes: Bytes): Promise<void>;
  /** Ends it as a server does that said everything. */
  end(): void;
  /** Cuts it. */
  cut(): void;
  /** Resolves when the connection is no more, whoever ended it. */
  readonly gone: Promise<void>;
}

export interface RawServer {
  readonly port: number;
  /** Cuts all connections. */
  close(): Promise<void>;
}

/** Answers a request. The connection serves the next one when it returns true and the body was read to its end. */
export type Responder = (request: RawRequest, connection: RawConnection) => Promise<boolean>;

const LONGEST_HEAD = 64 << 10;
/** The first byte of what a client says that takes this for TLS. */
const TLS_GREETING = 0x16;

/** Serves on a free port of 127.0.0.1; over TLS with a certificate. */
export async function listenRaw(respond: Responder, tls?: { cert: string; key: string }): Promise<RawServer> {
  const sockets = new Set<Socket>();
  function connected(socket: Socket): void {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    serve(socket, respond).catch(() => socket.destroy());
  }
  const server: Server = tls ? createTlsServer(tls, connected) : createServer(connected);
  if (tls) server.on("tlsClientError", () => {});
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as { port: number }).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function serve(socket: Socket, respond: Responder): Promise<void> {
  socket.setNoDelay(true);
  const input = inputOf(socket);
  const connection = connectionOf(socket);
  for (;;) {
    const head = await input.head();
    if (head === undefined) return void socket.destroy();
    const { request, isRead } = requestOf(head, input);
    if (!(await respond(request, connection)) || !isRead()) return;
  }
}

function connectionOf(socket: Socket): RawConnection {
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  return {
    gone,
    write: (bytes) =>
      new Promise((done) => {
        if (socket.destroyed) return done();
        void gone.then(done);
        socket.write(bytes, () => done());
      }),
    end: () => void socket.end(),
    cut: () => void socket.destroy(),
  };
}

interface Input {
  /** The next head; undefined where the client has left. */
  head(): Promise<string | undefined>;
  /** At most that many bytes, one at least; undefined at the end. */
  take(most: number): Promise<Bytes | undefined>;
}

function inputOf(socket: Socket): Input {
  let held: Bytes = new Uint8Array();
  let ended = false;
  let wake: () => void = () => {};
  socket.on("data", (chunk) => {
    held = concat([held, new Uint8Array(chunk as Buffer)]);
    wake();
  });
  for (const event of ["end", "close", "error"])
    socket.on(event, () => {
      ended = true;
      wake();
    });
  const more = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  async function take(most: number): Promise<Bytes | undefined> {
    while (held.length === 0) {
      if (ended) return undefined;
      await more();
    }
    const some = held.slice(0, most);
    held = held.slice(some.length);
    return some;
  }
  return {
    take,
    async head() {
      for (;;) {
        if (held[0] === TLS_GREETING) return undefined;
        const end = Buffer.from(held).indexOf("\r\n\r\n");
        if (end >= 0) return Buffer.from((await take(end + 4))!).toString("latin1");
        if (ended || held.length > LONGEST_HEAD) return undefined;
        await more();
      }
    },
  };
}

function requestOf(head: string, input: Input): { request: RawRequest; isRead: () => boolean } {
  const [first = "", ...lines] = head.trimEnd().split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name = "", value = ""] = /^([^:]*):\s*(.*)$/.exec(line) ?? [];
    const before = headers.get(name.toLowerCase());
    headers.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`);
  }
  const isChunked = /chunked/i.test(headers.get("transfer-encoding") ?? "");
  let left = isChunked ? Number.POSITIVE_INFINITY : Number(headers.get("content-length") ?? 0);
  async function body(most = Number.POSITIVE_INFINITY): Promise<Bytes> {
    const chunks: Bytes[] = [];
    for (let size = 0; left > 0 && size < most; ) {
      const chunk = await input.take(Math.min(left, most - size));
      if (chunk === undefined) break;
      left -= chunk.length;
      size += chunk.length;
      chunks.push(chunk);
      // Nobody should send these to us; one piece is enough to be told about it.
      if (isChunked) break;
    }
    return concat(chunks);
  }
  return { request: { method, target, headers, body }, isRead: () => left === 0 };
}
