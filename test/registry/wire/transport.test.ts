/** The network for real: TLS, bodies both ways, what a closed port looks like. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Bytes } from "../../../src/bytes/stream.ts";
import { openRegistry, type RegistryOptions } from "../../../src/registry/registry.ts";
import { troubleOf } from "../../../src/registry/wire/network.ts";
import { createTransport } from "../../../src/registry/wire/transport.ts";
import { run } from "../../support/run.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/temporary.ts";
import { requireTool } from "../../support/tool.ts";

const send = createTransport();
const DIGEST = `sha256:${"0".repeat(64)}`;

describe.skipIf(requireTool("openssl") !== undefined)("over TLS", () => {
  let folder: TemporaryFolder;
  let server: ReturnType<typeof createServer>;
  let host: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
    const [key, cert] = [join(folder.path, "key"), join(folder.path, "cert")];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    await run("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert, ...name]);
    server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (request, response) => {
      response.writeHead(200, {
        "content-type": "application/vnd.oci.image.index.v1+json",
        "content-length": "7",
        "docker-content-digest": DIGEST,
      });
      response.end(request.method === "HEAD" ? undefined : "7 bytes");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await folder[Symbol.asyncDispose]();
  });

  function resolve(options: RegistryOptions): Promise<unknown> {
    return openRegistry(host, { retry: { attempts: 1 }, ...options })
      .repository("a")
      .resolve("latest");
  }

  test("a certificate that nobody knows is refused, with what to do", async () => {
    await expect(resolve({})).rejects.toMatchObject({
      code: "NETWORK",
      message: expect.stringContaining("certificate is not trusted"),
      hint: expect.stringContaining("--tls-verify=false"),
    });
  });

  test("unless it need not be checked", async () => {
    expect(await resolve({ tlsVerify: false })).toMatchObject({ size: 7 });
    await expect(resolve({ tlsVerify: true })).rejects.toMatchObject({ code: "NETWORK" });
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
