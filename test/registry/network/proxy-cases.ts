/** Proxies: which one, and real ones between us and real servers. The cases for both runtimes. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { AppError } from "../../../src/errors.ts";
import { type FindProxy, type ProxySettings, proxyFor } from "../../../src/registry/network/proxy.ts";
import { createScheme } from "../../../src/registry/network/scheme.ts";
import type { TlsMaterial } from "../../../src/registry/network/tls.ts";
import { createTransport } from "../../../src/registry/network/transport.ts";
import type { Exchange, Transport } from "../../../src/registry/wire/exchange.ts";
import { networkReason, troubleOf } from "../../../src/registry/wire/trouble.ts";
import { createAuthority } from "../../support/certificates.ts";
import { type Echo, startEcho } from "../../support/echo-server.ts";
import { startProxy, type TestProxy, type TestProxyOptions } from "../../support/proxy.ts";
import { type Cases, runCases } from "../../support/run-cases.ts";

const AUTHORITY = createAuthority();
const LEAF = AUTHORITY.issue({ names: ["registry.test", "127.0.0.1"] });
const MATERIAL: TlsMaterial = { added: [AUTHORITY.cert], all: AUTHORITY.cert, client: undefined };
const BOTH = (value: string): ProxySettings => ({
  https: { value, variable: "HTTPS_PROXY" },
  http: { value, variable: "HTTP_PROXY" },
});

function through(value: string): Transport {
  const proxy: FindProxy = (url) => proxyFor(url, BOTH(value));
  return createTransport({ proxy, tls: async () => MATERIAL });
}

async function ask(send: Transport, url: string, exchange: Partial<Exchange> = {}): Promise<Echo> {
  const response = await send(url, { method: "GET", headers: {}, ...exchange });
  assert.equal(response.status, 200);
  return (await response.json()) as Echo;
}

/** What is said of `url` through a proxy with `options`, called by `name`. */
async function refusal(options: TestProxyOptions, url: string, user = ""): Promise<string> {
  await using proxy = await startProxy(options);
  return (await failure(through(proxy.url.replace("://", `://${user}`)), url)).replace(proxy.url, "PROXY");
}

async function failure(send: Transport, url: string): Promise<string> {
  const error = await ask(send, url).then(
    () => assert.fail("it went through"),
    (thrown: unknown) => thrown,
  );
  return `${troubleOf(error)}: ${networkReason(error)}`;
}

function streamed(): Exchange["upload"] {
  return {
    length: 300_000,
    async *open() {
      for (let at = 0; at < 3; at++) yield new Uint8Array(100_000);
    },
  };
}

/** Asks `url` three times and sends a body, and returns what the server has seen. */
async function traffic(send: Transport, url: string): Promise<void> {
  for (let at = 0; at < 3; at++) await ask(send, url, { headers: { authorization: "Bearer registry" } });
  const { size, headers } = await ask(send, url, { method: "PUT", upload: streamed() });
  assert.deepEqual([size, headers["content-length"], headers["transfer-encoding"]], [300_000, "300000", undefined]);
}

function lines({ passed }: TestProxy): string[] {
  return passed.map(({ method, target }) => `${method} ${target}`);
}

const RULES: readonly [url: string, list: string, direct: boolean][] = [
  ["https://r.example/v2/", "", false],
  ["https://r.example/v2/", "*", true],
  ["https://r.example/v2/", "a.example, R.Example ,b", true],
  ["https://a.r.example/v2/", "r.example", true],
  ["https://ar.example/v2/", "r.example", false],
  ["https://r.example/v2/", ".r.example", false],
  ["https://a.b.r.example/v2/", ".r.example", true],
  ["https://r.example/v2/", "*.r.example", false],
  ["https://a.r.example/v2/", "*.r.example", true],
  ["https://r.example:5000/v2/", "r.example", true],
  ["https://r.example:5000/v2/", "r.example:5000", true],
  ["https://r.example:5000/v2/", "r.example:443", false],
  ["https://r.example/v2/", "r.example:443", true],
  ["http://r.example/v2/", "r.example:443", false],
  ["http://r.example/v2/", ".example:80", true],
  ["https://10.1.2.3/v2/", "10.1.2.3", true],
  ["https://10.1.2.3:5000/v2/", "10.1.2.3:443", false],
  ["https://10.1.2.3/v2/", "10.0.0.0/8", true],
  ["https://11.1.2.3/v2/", "10.0.0.0/8", false],
  ["https://11.1.2.3/v2/", "10.0.0.0/33,0.0.0.0/99", false],
  ["https://[::ffff:10.1.2.3]/v2/", "10.0.0.0/8", true],
  ["https://[2001:db8::1]/v2/", "2001:db8::/32", true],
  ["https://[2001:db8::1]/v2/", "2001:0db8::0001", true],
  ["https://[2001:db8::1]:5000/v2/", "[2001:db8::1]:5000", true],
  ["https://[2001:db8::1]/v2/", "10.0.0.0/8", false],
  ["https://r.example/v2/", "10.0.0.0/8", false],
  ["https://localhost:5000/v2/", "", true],
  ["https://127.9.9.9/v2/", "", true],
  ["https://[::1]:5000/v2/", "", true],
];

export const cases: Cases = {
  "NO_PROXY is read as Go reads it": async () => {
    for (const [url, direct, expected] of RULES)
      assert.equal(proxyFor(new URL(url), { ...BOTH("proxy:1"), direct }) === undefined, expected, `${url} ${direct}`);
  },

  "each scheme has its proxy, with the user of its URL": async () => {
    const settings: ProxySettings = {
      https: { value: "http://us%40er:p%3Aw@proxy.example:3128/", variable: "HTTPS_PROXY" },
      http: { value: "plain.example", variable: "http_proxy" },
    };
    const authorization = `Basic ${Buffer.from("us@er:p:w").toString("base64")}`;
    assert.deepEqual(proxyFor(new URL("https://r.example/"), settings), {
      url: "http://proxy.example:3128",
      authorization,
    });
    assert.deepEqual(proxyFor(new URL("http://r.example/"), settings), {
      url: "http://plain.example",
      authorization: undefined,
    });
    assert.equal(proxyFor(new URL("https://r.example/"), {}), undefined);
  },

  "a proxy that cannot be used is an error once it is needed, without its password": async () => {
    for (const [value, reason] of [
      ["socks5://u:secret@p:1080", "SOCKS proxies are not supported"],
      ["http://u:secret@p:port", "it is not a URL"],
      ["ftp://u:secret@p", "it begins with ftp://, not with http://"],
      ["http://u:secret%@p", "its user or password has a % that is not an escape"],
    ]) {
      assert.equal(proxyFor(new URL("https://localhost/"), BOTH(value!)), undefined);
      assert.throws(
        () => proxyFor(new URL("https://r.example/"), BOTH(value!)),
        (error) =>
          error instanceof AppError &&
          error.code === "USAGE" &&
          error.message === `Cannot use the proxy of HTTPS_PROXY: ${reason}`,
      );
    }
  },

  "https goes through a tunnel, and the server never sees what is for the proxy": async () => {
    await using server = await startEcho({ tls: LEAF });
    await using proxy = await startProxy({ login: "user:p@ss" });
    const send = through(proxy.url.replace("://", "://user:p%40ss@"));
    await traffic(send, `https://registry.test:${server.port}/v2/?a=1`);
    assert.equal(server.echoes.length, 4);
    assert.ok(proxy.passed.length < 4, "tunnels are used again");
    assert.deepEqual(new Set(lines(proxy)), new Set([`CONNECT registry.test:${server.port}`]));
    for (const { headers } of server.echoes)
      assert.deepEqual(
        Object.keys(headers).filter((name) => name.startsWith("proxy-")),
        [],
      );
    for (const { headers } of proxy.passed) assert.equal(headers.authorization, undefined);
  },

  "http goes as a whole URL, with its length": async () => {
    await using server = await startEcho();
    await using proxy = await startProxy({ login: "user:" });
    const url = `http://registry.test:${server.port}/v2/?a=1`;
    await traffic(through(proxy.url.replace("://", "://user@")), url);
    assert.deepEqual(lines(proxy), [...new Array<string>(3).fill(`GET ${url}`), `PUT ${url}`]);
    assert.equal(proxy.passed[3]!.headers["content-length"], "300000");
    assert.equal(server.echoes[0]!.headers.host, `registry.test:${server.port}`);
  },

  "a server's certificate is checked through the tunnel, unless it need not be": async () => {
    await using server = await startEcho({ tls: AUTHORITY.issue({ names: ["other.test"] }) });
    await using proxy = await startProxy();
    const url = `https://registry.test:${server.port}/`;
    assert.equal(
      await failure(through(proxy.url), url),
      "certificate: its certificate is not for this name, but for other.test",
    );
    assert.equal(server.echoes.length, 0);
    await ask(through(proxy.url), url, { unverified: true });
    const trusting = createTransport({ proxy: (target) => proxyFor(target, BOTH(proxy.url)) });
    assert.match(await failure(trusting, url), /^certificate: .*authority is unknown here|not for this name/);
  },

  "an address goes through a tunnel like a name": async () => {
    await using server = await startEcho({ tls: LEAF });
    await using proxy = await startProxy();
    const always = createTransport({
      proxy: () => ({ url: proxy.url, authorization: undefined }),
      tls: async () => MATERIAL,
    });
    await ask(always, `https://127.0.0.1:${server.port}/`);
    assert.deepEqual(lines(proxy), [`CONNECT 127.0.0.1:${server.port}`]);
  },

  "a proxy that speaks TLS itself": async () => {
    await using server = await startEcho({ tls: LEAF });
    await using plain = await startEcho();
    await using proxy = await startProxy({ tls: LEAF, login: "u:p" });
    const send = through(proxy.url.replace("://", "://u:p@"));
    await traffic(send, `https://registry.test:${server.port}/`);
    await traffic(send, `http://registry.test:${plain.port}/`);
    assert.equal(server.echoes.length + plain.echoes.length, 8);
  },

  "a proxy that refuses is named, without its password": async () => {
    for (const url of ["https://registry.test:1/", "http://registry.test:1/"]) {
      assert.equal(await refusal({ login: "a:b" }, url), "proxy: the proxy PROXY wants a user and a password (407)");
      const refused = "proxy: the proxy PROXY does not take our user and password (407)";
      assert.equal(await refusal({ login: "a:b" }, url, "a:c@"), refused);
    }
    assert.equal(await refusal({ refusal: 403 }, "https://registry.test:1/"), "proxy: the proxy PROXY refuses (403)");
    const lost = "unreachable: the proxy PROXY does not reach it (502)";
    assert.equal(await refusal({}, "https://registry.test:1/"), lost);
  },

  "a proxy that is not there is named": async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const url = `http://127.0.0.1:${port}`;
    for (const target of ["https://registry.test/", "http://registry.test/"])
      assert.equal(
        await failure(through(url.replace("://", "://u:secret@")), target),
        `unreachable: the proxy ${url} cannot be reached: nobody answers`,
      );
  },

  "a proxy that never answers is left when the work is": async () => {
    const sockets = new Set<{ destroy(): void }>();
    const server = createServer((socket) => sockets.add(socket)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const control = new AbortController();
    const call = ask(through(`127.0.0.1:${port}`), "https://registry.test/", { signal: control.signal });
    await once(server, "connection");
    control.abort(new Error("enough"));
    await assert.rejects(call, /enough/);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  },

  "https or http is found out through a proxy too": async () => {
    await using plain = await startEcho();
    await using secure = await startEcho({ tls: LEAF });
    await using proxy = await startProxy();
    const send = through(proxy.url);
    const hosts = [plain.port, secure.port].map((port) => `registry.test:${port}`);
    assert.equal(await createScheme(hosts[0]!, false, send)(), `http://${hosts[0]}`);
    assert.equal(await createScheme(hosts[1]!, false, send)(), `https://${hosts[1]}`);
    await assert.rejects(createScheme("registry.test:1", false, send)(), /does not reach it/);
  },
};

if (import.meta.main) await runCases(cases);
