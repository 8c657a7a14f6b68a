/** The handler on real sockets: streaming, cut connections, clients that leave. */
import { afterEach, expect, test } from "bun:test";
import { connect } from "node:net";
import { type ByteStream, type Bytes, toWeb } from "../../src/bytes/stream.ts";
import { AppError } from "../../src/errors.ts";
import { type Listening, listen } from "../../src/serve/listen.ts";
import { randomBytes } from "../support/random-image.ts";

const open: Listening[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function serve(handler: (request: Request) => Promise<Response>): Promise<string> {
  const server = await listen(handler);
  open.push(server);
  return server.url;
}

/** Chunks without end, until the reader leaves. */
async function* endless(left: () => void): ByteStream {
  try {
    for (;;) yield new Uint8Array(64 << 10);
  } finally {
    left();
  }
}

async function* failing(chunks: readonly Bytes[]): ByteStream {
  yield* chunks;
  throw new Error("the disk is gone");
}

test("hands over method, path, query, headers and body", async () => {
  const url = await serve(async (request) => {
    const { pathname, search } = new URL(request.url);
    const header = request.headers.get("x-thing");
    return new Response(`${request.method} ${pathname}${search} ${header} ${await request.text()}`, {
      status: 299,
      headers: { "x-other": "two" },
    });
  });
  const response = await fetch(`${url}/a%20b/c?d=e%3Af`, {
    method: "PATCH",
    body: "hello",
    headers: { "x-thing": "one" },
  });
  expect(response.status).toBe(299);
  expect(response.headers.get("x-other")).toBe("two");
  expect(await response.text()).toBe("PATCH /a%20b/c?d=e%3Af one hello");
});

test("streams large bodies both ways, with the length that the handler says", async () => {
  const bytes = randomBytes("listen", 20_000_000);
  const url = await serve(
    async ({ body }) => new Response(body, { headers: { "content-length": String(bytes.length) } }),
  );
  const response = await fetch(url, { method: "PUT", body: bytes });
  expect(response.headers.get("content-length")).toBe(String(bytes.length));
  expect(response.headers.get("transfer-encoding")).toBeNull();
  expect(Buffer.compare(await response.bytes(), bytes)).toBe(0);
});

test("answers HEAD with the length and no body", async () => {
  const url = await serve(async () => new Response("body", { headers: { "content-length": "4" } }));
  const response = await fetch(url, { method: "HEAD" });
  expect(response.headers.get("content-length")).toBe("4");
  expect(await response.text()).toBe("");
});

test("cuts the connection when a body fails", async () => {
  const url = await serve(
    async () => new Response(toWeb(failing([new Uint8Array(1000)])), { headers: { "content-length": "2000" } }),
  );
  const response = await fetch(url);
  expect(response.status).toBe(200);
  await expect(response.bytes()).rejects.toThrow();
});

test("cuts the connection when a body of unknown length fails", async () => {
  const url = await serve(async () => new Response(toWeb(failing([new Uint8Array(1000)]))));
  await expect(fetch(url).then((response) => response.bytes())).rejects.toThrow();
});

test("gives no response when the body, or the handler, fails at once", async () => {
  const url = await serve(async () => new Response(toWeb(failing([]))));
  await expect(fetch(url)).rejects.toThrow();
  const other = await serve(() => Promise.reject(new Error("no")));
  await expect(fetch(other)).rejects.toThrow();
});

test("tells the handler that the client left, and lets go of its body", async () => {
  const left = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const url = await serve(async ({ signal }) => {
    signal.addEventListener("abort", () => aborted.resolve());
    return new Response(toWeb(endless(left.resolve)));
  });
  const abort = new AbortController();
  const response = await fetch(url, { signal: abort.signal });
  await response.body!.getReader().read();
  abort.abort();
  await Promise.all([left.promise, aborted.promise]);
});

test("does not ask for more than the client takes", async () => {
  let asked = 0;
  const left = Promise.withResolvers<void>();
  async function* counted() {
    for await (const chunk of endless(left.resolve)) {
      asked += chunk.length;
      yield chunk;
    }
  }
  const url = await serve(async () => new Response(toWeb(counted())));
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  for (let before = -1; asked === 0 || asked !== before; ) {
    before = asked;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(asked).toBeLessThan(64 << 20);
  socket.destroy();
  await left.promise;
});

test("answers before it has read the request, and then the next one", async () => {
  const url = await serve(
    async (request) => new Response(request.method, { status: request.method === "PUT" ? 405 : 200 }),
  );
  for (let round = 0; round < 3; round++) {
    const refused = await fetch(url, { method: "PUT", body: new Uint8Array(3_000_000) });
    expect(`${refused.status} ${await refused.text()}`).toBe("405 PUT");
    expect(await (await fetch(url)).text()).toBe("GET");
  }
});

test("answers after it has read a part of the request", async () => {
  const url = await serve(async (request) => {
    for await (const _ of request.body as ByteStream) break;
    return new Response("enough", { status: 413 });
  });
  const response = await fetch(url, { method: "PUT", body: new Uint8Array(3_000_000) });
  expect(`${response.status} ${await response.text()}`).toBe("413 enough");
});

test("takes nothing from a request about where it is", async () => {
  const url = await serve(async (request) => new Response(request.url));
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk) => (answer += chunk));
  socket.write("GET http://evil.example/v2/ HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
  await new Promise((resolve) => socket.on("close", resolve));
  expect(answer).toStartWith("HTTP/1.1 200");
  expect(answer).not.toContain("evil");
});

test("closes with connections open", async () => {
  const server = await listen(async () => new Response(toWeb(endless(() => {}))));
  const response = await fetch(server.url);
  await server.close();
  await expect(response.bytes()).rejects.toThrow();
  await expect(fetch(server.url)).rejects.toThrow();
});

test("says which port it cannot have", async () => {
  const url = await serve(async () => new Response());
  const error = await listen(async () => new Response(), { port: Number(new URL(url).port) }).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(AppError);
  expect(error.code).toBe("STORAGE");
  expect(error.message).toStartWith('Cannot listen on "127.0.0.1:');
});
