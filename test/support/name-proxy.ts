/** A forward proxy that alone knows where some names are: the network that only a proxy can reach. RFC 9110 CONNECT, RFC 9112 absolute-form. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface NameProxy extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** First lines of requests: `CONNECT registry.test:443`, `GET http://registry.test/v2/`. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Starts a proxy for `names`, each with the port of 127.0.0.1 that it stands for. All others are refused with 502. */
export async function startNameProxy(names: Readonly<Record<string, number>>): Promise<NameProxy> {
  const requests: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((client) => {
    open.add(client);
    client.on("close", () => open.delete(client));
    client.on("error", () => client.destroy());
    serve(client, names, requests);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  async function close(): Promise<void> {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, requests, close, [Symbol.asyncDispose]: close };
}

function serve(client: Socket, names: Readonly<Record<string, number>>, requests: string[]): void {
  let received = Buffer.alloc(0);
  client.on("data", function begin(chunk: Buffer) {
    received = Buffer.concat([received, chunk]);
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) return;
    client.off("data", begin);
    client.pause();
    const [first = "", ...fields] = received.subarray(0, end).toString("latin1").split("\r\n");
    const [method = "", target = ""] = first.split(" ");
    requests.push(`${method} ${target}`);
    const { hostname } = new URL(method === "CONNECT" ? `http://${target}` : target);
    const port = names[hostname];
    if (port === undefined) return void client.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    const rest = received.subarray(end + 4);
    // One request a connection, so that each has its line in the log.
    const kept = fields.filter((field) => !/^(?:connection|proxy-[a-z]+):/i.test(field));
    const head = [first, ...kept, "Connection: close", "", ""].join("\r\n");
    join(client, port, method === "CONNECT" ? rest : Buffer.concat([Buffer.from(head, "latin1"), rest]), method);
  });
}

function join(client: Socket, port: number, first: Buffer, method: string): void {
  const server = connect(port, "127.0.0.1", () => {
    if (method === "CONNECT") client.write("HTTP/1.1 200 Connection established\r\n\r\n");
    server.write(first);
    client.pipe(server).pipe(client);
  });
  server.on("error", () => client.destroy());
  server.on("close", () => client.destroy());
  client.on("close", () => server.destroy());
}
