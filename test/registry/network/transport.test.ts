/** The network for real: TLS, proxies, bodies both ways, what a closed port looks like. */
import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Bytes } from "../../../src/bytes/stream.ts";
import { proxyFor } from "../../../src/registry/network/proxy.ts";
import { createTrust } from "../../../src/registry/network/tls.ts";
import { createTransport } from "../../../src/registry/network/transport.ts";
import { openRegistry, type RegistryOptions } from "../../../src/registry/registry.ts";
import { troubleOf } from "../../../src/registry/wire/trouble.ts";
import { createAuthority, type Pair } from "../../support/certificates.ts";
import { startProxy } from "../../support/proxy.ts";
import { temporaryFolder } from "../../support/temporary.ts";

const send = createTransport();
const DIGEST = `sha256:${"0".repeat(64)}`;

describe("a registry over TLS", () => {
  const authority = createAuthority();
  const leaf = authority.issue({ names: ["127.0.0.1", "registry.test"] });

  /** What a registry of a certificate says to `options`, called by `name`. */
  async function resolve(name: string, options: RegistryOptions, tls: Pair = leaf): Promise<unknown> {
    const server = createServer(tls, (request, response) => {
      response.writeHead(200, {
        "content-type": "application/vnd.oci.image.index.v1+json",
        "content-length": "7",
        "docker-content-digest": DIGEST,
      });
      response.end(request.method === "HEAD" ? undefined : "7 bytes");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const host = `${name}:${(server.address() as AddressInfo).port}`;
    try {
      return await openRegistry(host, { retry: { attempts: 1 }, ...options })
        .repository("a")
        .resolve("latest");
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  test("whose certificate nobody knows is refused, with what to do", async () => {
    await expect(resolve("127.0.0.1", {})).rejects.toMatchObject({
      code: "NETWORK",
      message: expect.stringMatching(/its certificate is not trusted: its authority is unknown here$/),
      hint: expect.stringMatching(/--ca-file.*certs\.d\/127.0.0.1:\d+\/ca\.crt.*--tls-verify=false/),
    });
  });

  test("unless it need not be checked", async () => {
    expect(await resolve("127.0.0.1", { tlsVerify: false })).toMatchObject({ size: 7 });
    await expect(resolve("127.0.0.1", { tlsVerify: true })).rejects.toMatchObject({ code: "NETWORK" });
  });

  test("behind a proxy that alone knows its name, and an authority that the user names", async () => {
    await using folder = await temporaryFolder();
    await using proxy = await startProxy({ login: "me:secret" });
    const file = join(folder.path, "ca.pem");
    await writeFile(file, authority.cert);
    const setting = { value: proxy.url.replace("://", "://me:secret@"), variable: "HTTPS_PROXY" };
    const trust = createTrust({ files: [file], system: { files: [], folders: [] } });
    const options: RegistryOptions = { trust, proxy: (url) => proxyFor(url, { https: setting }) };
    expect(await resolve("registry.test", options)).toMatchObject({ size: 7 });
    const wrong = { ...setting, value: proxy.url };
    await expect(
      resolve("registry.test", { ...options, proxy: (url) => proxyFor(url, { https: wrong }) }),
    ).rejects.toMatchObject({
      code: "NETWORK",
      message: expect.stringMatching(/the proxy http:\/\/127.0.0.1:\d+\/? wants a user and a password \(407\)$/),
      hint: expect.stringContaining("HTTPS_PROXY"),
    });
  });
});

test("a closed port is known as such", async () => {
  const server = createHttpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const error = await send(`http://127.0.0.1:${port}/`, { method: "GET", headers: {} }).catch(
    (thrown: unknown) => thrown,
  );
  expect(troubleOf(error)).toBe("unreachable");
  const call = openRegistry(`127.0.0.1:${port}`, { retry: { delay: 1 } })
    .repository("a")
    .resolve("latest");
  await expect(call).rejects.toMatchObject({ code: "NETWORK", message: expect.stringContaining("nobody answers") });
});

test("bytes stay as they were sent, redirects are shown, streams have their length", async () => {
  const server = createHttpServer((request, response) => {
    let size = 0;
    request.on("data", (chunk: Uint8Array) => (size += chunk.length));
    request.on("end", () => {
      response.writeHead(307, { location: "/away", "content-encoding": "gzip" });
      response.end(`${size} ${request.headers["content-length"]} ${request.headers["transfer-encoding"]}`);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const upload = {
    length: 300_000,
    async *open() {
      for (let at = 0; at < 3; at++) yield new Uint8Array(100_000) as Bytes;
    },
  };
  const response = await send(url, { method: "PUT", headers: {}, upload });
  expect([response.status, response.headers.get("location")]).toEqual([307, "/away"]);
  expect(await response.text()).toBe("300000 300000 undefined");
  const empty = await send(url, { method: "POST", headers: {} });
  expect(await empty.text()).toBe("0 0 undefined");
  server.close();
});
