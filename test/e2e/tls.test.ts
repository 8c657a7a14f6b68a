/** docker-registry behind nginx, as people run it: TLS from a CA of their own, client certificates, lost schemes and ports, small limits. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type DebianRegistry, startDebianRegistry } from "../support/debian-registry.ts";
import { expectStored } from "../support/distribution-storage.ts";
import { type DrayOptions, openWorkplace, type Workplace } from "../support/dray.ts";
import { type Nginx, type NginxOptions, type NginxRequest, startNginx } from "../support/nginx.ts";
import { createCa, type Pair, type PrivateCa } from "../support/private-ca.ts";
import { pushTo, upload } from "../support/push.ts";
import { type Artifact, image, layer, multiPlatform } from "../support/random-image.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import type { Ended } from "../support/run.ts";
import { requireTool } from "../support/tool.ts";

setDefaultTimeout(20_000);

const APP = multiPlatform(["linux/amd64", "linux/arm64"]);
const RUNTIMES = ["bun", "deno"] as const;

/** Without the question by http whether that is what is spoken, which this machine's own registries get first. */
function asked(requests: readonly NginxRequest[]): readonly NginxRequest[] {
  return requests.filter(({ path }) => path !== "/v2/");
}

const missing = ["docker-registry", "nginx", "openssl"].map(requireTool).find((reason) => reason !== undefined);

describe.skipIf(missing !== undefined)("docker-registry behind nginx with TLS", () => {
  let ca: PrivateCa;
  let other: PrivateCa;
  let tls: Pair;
  let registry: DebianRegistry;
  /** In front of the registry that has the image. */
  let nginx: Nginx;
  let place: Workplace;

  beforeAll(async () => {
    [ca, other] = await Promise.all([createCa("Private CA"), createCa("Other CA")]);
    tls = await ca.server("server", ["registry.test"]);
    registry = await startDebianRegistry();
    await upload(registry.host, "team/app", APP, "v1");
    nginx = await startNginx({ upstream: registry.host, tls });
  });
  beforeEach(async () => {
    place = await openWorkplace();
  });
  afterEach(() => place[Symbol.asyncDispose]());
  afterAll(async () => {
    for (const one of [nginx, registry, ca, other]) await one?.[Symbol.asyncDispose]();
  });

  function save(host: string, args: readonly string[] = [], options: DrayOptions = {}): Promise<Ended> {
    return place.dray(["save", "-d", "images.tar", ...args], { ...options, input: `${host}/team/app:v1\n` });
  }

  function expectSaved(ended: Ended): void {
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Saved 1 image;/) });
  }

  /** A folder for the certificates of a registry, below the home of the run. */
  async function certsOf(host: string, files: Readonly<Record<string, string>>): Promise<void> {
    const folder = join(dirname(place.path), "home", ".config", "containers", "certs.d", host);
    await mkdir(folder, { recursive: true });
    for (const [name, file] of Object.entries(files)) await copyFile(file, join(folder, name));
  }

  describe.each(RUNTIMES)("on %s", (runtime) => {
    test("--ca-file: save and load", async () => {
      expectSaved(await save(nginx.host, ["--ca-file", ca.file], { runtime }));
      await using target = await startDebianRegistry();
      await using front = await startNginx({ upstream: target.host, tls });
      const args = ["load", "-s", "images.tar", "-d", front.host, "--ca-file", ca.file];
      expect(await place.dray(args, { runtime })).toMatchObject({ code: 0 });
      await expectStored(target.root, "team/app", APP);
      for (const { scheme } of asked(await front.requests())) expect(scheme).toBe("https");
    });

    test("certs.d of the registry", async () => {
      await certsOf(nginx.host, { "private.crt": ca.file });
      expectSaved(await save(nginx.host, [], { runtime }));
    });

    test("SSL_CERT_FILE", async () => {
      expectSaved(await save(nginx.host, [], { runtime, env: { SSL_CERT_FILE: ca.file } }));
    });

    test("--tls-verify=false", async () => {
      expectSaved(await save(nginx.host, ["--tls-verify=false"], { runtime }));
      await using target = await startDebianRegistry();
      await using front = await startNginx({ upstream: target.host, tls });
      const args = ["load", "-s", "images.tar", "-d", front.host, "--tls-verify=false"];
      expect(await place.dray(args, { runtime })).toMatchObject({ code: 0 });
      await expectStored(target.root, "team/app", APP);
    });

    test.each(["no", "another"])("%s CA is one clear line with what to do, and nothing is asked for", async (which) => {
      const before = (await nginx.requests()).length;
      const { code, stderr } = await save(nginx.host, which === "no" ? [] : ["--ca-file", other.file], { runtime });
      expect(code).toBe(3);
      expect(stderr).toMatch(/FAILED \[\S+\] Cannot .* certificate.*\n.*hint: .*--ca-file/);
      expect(stderr.match(/FAILED/g)).toHaveLength(1);
      expect(asked((await nginx.requests()).slice(before))).toEqual([]);
    });

    test("a client certificate of certs.d", async () => {
      await using strict = await startNginx({ upstream: registry.host, tls, clientCa: ca.file });
      const client = await ca.client(`client-${runtime}`);
      await certsOf(strict.host, { "ca.crt": ca.file, "client.cert": client.cert, "client.key": client.key });
      expectSaved(await save(strict.host, [], { runtime }));
      for (const { client } of asked(await strict.requests())) expect(client).toBe("SUCCESS");
      await using target = await startDebianRegistry();
      await using front = await startNginx({ upstream: target.host, tls, clientCa: ca.file });
      await certsOf(front.host, { "ca.crt": ca.file, "client.cert": client.cert, "client.key": client.key });
      expect(await place.dray(["load", "-s", "images.tar", "-d", front.host], { runtime })).toMatchObject({ code: 0 });
      await expectStored(target.root, "team/app", APP);
    });
  });

  test("a client certificate that is wanted and missing is said", async () => {
    await using strict = await startNginx({ upstream: registry.host, tls, clientCa: ca.file });
    const { code, stderr } = await save(strict.host, ["--ca-file", ca.file]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/FAILED \[\S+\] Cannot .*/);
    for (const one of await strict.requests()) expect(one.status).toBe(400);
  });

  test("a client certificate without its key is one clear line", async () => {
    const client = await ca.client("half");
    await certsOf(nginx.host, { "ca.crt": ca.file, "client.cert": client.cert });
    const { code, stderr } = await save(nginx.host);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/client\.key/);
  });

  test("a CA file that is none is one clear line, before any work", async () => {
    await writeFile(place.file("no.pem"), "not a certificate\n");
    const before = (await nginx.requests()).length;
    const ended = await save(nginx.host, ["--ca-file", "no.pem"]);
    expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(/^dray: Cannot .*no\.pem/) });
    expect((await nginx.requests()).length).toBe(before);
  });

  test("the other side of a mirror need not be verified for one that is", async () => {
    await using target = await startDebianRegistry();
    const unknown = await other.server("unknown");
    await using front = await startNginx({ upstream: target.host, tls: unknown });
    const args = ["mirror", "-d", front.host, "--ca-file", ca.file];
    const input = `${nginx.host}/team/app:v1\n`;
    expect((await place.dray(args, { input })).code).toBe(3);
    expect((await place.dray([...args, "--src-tls-verify=false"], { input })).code).toBe(3);
    expect(await place.dray([...args, "--dest-tls-verify=false"], { input })).toMatchObject({ code: 0 });
    await expectStored(target.root, "team/app", APP);
  });
});

describe.skipIf(missing !== undefined)("what nginx does to uploads", () => {
  const large: Artifact = image({ seed: "large", layers: [layer("large", 3_000_000), layer("small", 1000)] });
  let ca: PrivateCa;
  let source: TestRegistry;

  beforeAll(async () => {
    ca = await createCa();
    source = await startRegistry();
    await pushTo(source.store.repository("team/large"), large, "v1");
  });
  afterAll(async () => {
    await source?.close();
    await ca?.[Symbol.asyncDispose]();
  });

  /** Mirrors the image through a front of nginx, and returns what was asked of it. */
  async function carry(
    options: Omit<NginxOptions, "upstream">,
    runtime: (typeof RUNTIMES)[number],
  ): Promise<Awaited<ReturnType<Nginx["requests"]>>> {
    await using place = await openWorkplace();
    await using target = await startDebianRegistry();
    await using nginx = await startNginx({
      ...options,
      upstream: target.host,
      tls: await ca.server(`server-${crypto.randomUUID()}`),
    });
    const args = ["mirror", "-d", nginx.host, "--tls-verify=false"];
    const ended = await place.dray(args, { input: `${source.host}/team/large:v1\n`, runtime });
    expect(ended).toMatchObject({ code: 0 });
    await expectStored(target.root, "team/large", large);
    return nginx.requests();
  }

  test.each(RUNTIMES)(
    "a Location of http and without our port stays with the origin that we know, on %s",
    async (runtime) => {
      const requests = await carry({ forwarded: { host: "127.0.0.1", proto: "http" } }, runtime);
      for (const { scheme } of requests) expect(scheme).toBe("https");
      expect(requests.filter(({ method }) => method === "PUT").every(({ status }) => status === 201)).toBe(true);
    },
  );

  test("a Location of http with our port does as well", async () => {
    const requests = await carry({ forwarded: { host: "$http_host", proto: "http" } }, "bun");
    for (const { scheme, status } of requests)
      expect([scheme, status < 400 || status === 404]).toEqual(["https", true]);
  });

  test.each(RUNTIMES)("a limit on the size of requests leads to chunks below it, on %s", async (runtime) => {
    const requests = await carry({ limit: "1m" }, runtime);
    const [refused, ...more] = requests.filter(({ status }) => status === 413);
    expect(refused).toMatchObject({ method: "PUT" });
    expect(more.length).toBeLessThan(4);
    const chunks = requests.filter(({ method, status }) => method === "PATCH" && status === 202);
    for (const { contentLength } of chunks) expect(Number(contentLength)).toBeLessThanOrEqual(1 << 20);
    const sent = chunks.reduce((sum, { contentLength }) => sum + Number(contentLength), 0);
    expect(sent).toBe(large.blobs.find(({ descriptor }) => descriptor.size > 1 << 20)!.descriptor.size);
  });
});
