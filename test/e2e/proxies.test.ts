/** Registries behind a proxy: tinyproxy, which alone can reach them, with a password, and NO_PROXY in the ways that Go reads it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type DebianRegistry, startDebianRegistry } from "../support/debian-registry.ts";
import { expectStored } from "../support/distribution-storage.ts";
import { type DrayOptions, openWorkplace, type Workplace } from "../support/dray.ts";
import { type NameProxy, startNameProxy } from "../support/name-proxy.ts";
import { type Nginx, startNginx } from "../support/nginx.ts";
import { createCa, type PrivateCa } from "../support/private-ca.ts";
import { upload } from "../support/push.ts";
import { image } from "../support/random-image.ts";
import type { Ended } from "../support/run.ts";
import { startTinyproxy, type Tinyproxy } from "../support/tinyproxy.ts";
import { requireTool } from "../support/tool.ts";

// A silence of 30 seconds on the way must be outlived.
setDefaultTimeout(60_000);

const APP = image({ size: 200_000 });
const USER = { name: "dave", password: "proxy-password" };
const RUNTIMES = ["bun", "deno"] as const;

const tools = ["docker-registry", "nginx", "openssl", "tinyproxy"];
const missing = tools.map(requireTool).find((reason) => reason !== undefined);

describe.skipIf(missing !== undefined)("through tinyproxy", () => {
  let ca: PrivateCa;
  /** `registry.test`, over TLS, and `plain.test`, without. */
  let source: DebianRegistry;
  let sourceFront: Nginx;
  /** `target.test`, over TLS. */
  let target: DebianRegistry;
  let targetFront: Nginx;
  let network: NameProxy;
  let proxy: Tinyproxy;
  let place: Workplace;

  beforeAll(async () => {
    ca = await createCa();
    const tls = await ca.server("server", ["registry.test", "target.test"]);
    [source, target] = await Promise.all([startDebianRegistry(), startDebianRegistry()]);
    [sourceFront, targetFront] = await Promise.all(
      [source, target].map(({ host }) => startNginx({ upstream: host, tls })) as [Promise<Nginx>, Promise<Nginx>],
    );
    await upload(source.host, "team/app", APP, "v1");
    network = await startNameProxy({
      "registry.test": sourceFront.port,
      "target.test": targetFront.port,
      "plain.test": Number(source.host.split(":")[1]),
    });
  });
  beforeEach(async () => {
    place = await openWorkplace();
    proxy = await startTinyproxy({ user: USER, upstream: network.host });
  });
  afterEach(async () => {
    await proxy.close();
    await place[Symbol.asyncDispose]();
  });
  afterAll(async () => {
    for (const one of [network, sourceFront, targetFront, source, target, ca]) await one?.[Symbol.asyncDispose]();
  });

  const url = ({ name, password } = USER): string => `http://${name}:${password}@${proxy.host}`;

  function save(host: string, options: DrayOptions = {}, args: readonly string[] = []): Promise<Ended> {
    const input = `${host}/team/app:v1\n`;
    return place.dray(["save", "-d", "images.tar", "--ca-file", ca.file, ...args], { ...options, input });
  }

  function expectSaved(ended: Ended): void {
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Saved 1 image;/) });
  }

  test.each(RUNTIMES)("save and load over tunnels of CONNECT with a password, on %s", async (runtime) => {
    const env = { HTTPS_PROXY: url() };
    expectSaved(await save("registry.test", { runtime, env }));
    const args = ["load", "-s", "images.tar", "-d", "target.test", "--ca-file", ca.file];
    expect(await place.dray(args, { runtime, env })).toMatchObject({ code: 0 });
    await expectStored(target.root, "team/app", APP);
    expect(new Set(proxy.requests)).toEqual(new Set(["CONNECT registry.test:443", "CONNECT target.test:443"]));
    for (const front of [sourceFront, targetFront])
      for (const { proxyAuthorization } of await front.requests()) expect(proxyAuthorization).toBe("");
  });

  test.each(RUNTIMES)("plain http by whole URLs, on %s", async (runtime) => {
    const env = { HTTP_PROXY: url(), HTTPS_PROXY: url() };
    expectSaved(await save("plain.test:5000", { runtime, env }, ["--tls-verify=false"]));
    for (const { descriptor } of APP.blobs)
      expect(proxy.requests).toContain(`GET http://plain.test:5000/v2/team/app/blobs/${descriptor.digest}`);
  });

  test("small letters are as good", async () => {
    expectSaved(await save("registry.test", { env: { https_proxy: url() } }));
    expect(proxy.requests).toContain("CONNECT registry.test:443");
  });

  test.each(["other.test", "egistry.test", ".registry.test", "registry.test:8443", "10.0.0.0/8,192.168.1.1"])(
    "NO_PROXY=%s is not about registry.test",
    async (NO_PROXY) => {
      expectSaved(await save("registry.test", { env: { HTTPS_PROXY: url(), NO_PROXY } }));
      expect(proxy.requests).toContain("CONNECT registry.test:443");
    },
  );

  test.each([
    [".test", "bun"],
    ["*", "bun"],
    ["other.test, registry.test:443", "deno"],
  ] as const)(
    "NO_PROXY=%s is, on %s: the proxy is not asked, and nobody else knows the name",
    async (NO_PROXY, runtime) => {
      const ended = await save("registry.test", { runtime, env: { HTTPS_PROXY: url(), NO_PROXY } });
      expect(ended.code).toBe(3);
      expect(ended.stderr).toMatch(/FAILED \[\S+\] Cannot .*registry\.test/);
      expect(proxy.requests).toEqual([]);
    },
  );

  test.each(RUNTIMES)("this machine's own registries are always asked directly, on %s", async (runtime) => {
    const env = { HTTP_PROXY: url(), HTTPS_PROXY: url() };
    for (const host of [source.host, source.host.replace("127.0.0.1", "localhost"), sourceFront.host])
      expectSaved(await save(host, { runtime, env }));
    expect(proxy.requests).toEqual([]);
  });

  test.each(RUNTIMES)("one mirror has a side behind the proxy and one on this machine, on %s", async (runtime) => {
    await using here = await startDebianRegistry();
    const args = ["mirror", "-d", here.host, "--ca-file", ca.file];
    const env = { HTTP_PROXY: url(), HTTPS_PROXY: url() };
    const input = "registry.test/team/app:v1\n";
    expect(await place.dray(args, { runtime, env, input })).toMatchObject({ code: 0 });
    await expectStored(here.root, "team/app", APP);
    expect(new Set(proxy.requests)).toEqual(new Set(["CONNECT registry.test:443"]));
  });

  test.each(RUNTIMES)("a proxy that refuses us is named, its password is not, on %s", async (runtime) => {
    const wrong = url({ ...USER, password: "not-the-password" });
    const { code, stdout, stderr } = await save("registry.test", { runtime, env: { HTTPS_PROXY: wrong } });
    expect(code).toBe(3);
    expect(stderr).toMatch(/FAILED \[\S+\] Cannot .*proxy/);
    expect(stderr).toContain(proxy.host);
    expect(stdout + stderr).not.toContain("not-the-password");
  });

  test("a proxy that is not there is named", async () => {
    const gone = url();
    await proxy.close();
    const { code, stderr } = await save("registry.test", { env: { HTTPS_PROXY: gone } });
    expect(code).toBe(3);
    expect(stderr).toMatch(/FAILED \[\S+\] Cannot .*proxy/);
    expect(stderr).toContain(proxy.host);
    expect(stderr).not.toContain(USER.password);
  });
});
