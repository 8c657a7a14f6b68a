/** dray doctor at real registries: docker-registry with and without users, behind nginx with TLS, through a proxy, and stopped on its way. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Finding } from "../../src/operations/diagnosis/finding.ts";
import { type DebianRegistry, type DebianRegistryOptions, startDebianRegistry } from "../support/debian-registry.ts";
import { DISTRIBUTIONS } from "../support/distributions.ts";
import { type Dray, type DrayOptions, openWorkplace, type Workplace } from "../support/dray.ts";
import { type Nginx, type NginxOptions, startNginx } from "../support/nginx.ts";
import { createCa, type PrivateCa } from "../support/private-ca.ts";
import { startProxy } from "../support/proxy.ts";
import { upload } from "../support/push.ts";
import { image } from "../support/random-image.ts";
import { startRegistry } from "../support/registry.ts";
import { ISSUER, SERVICE, startTokenServer } from "../support/token-server.ts";
import { requireTool } from "../support/tool.ts";

setDefaultTimeout(30_000);

const APP = image();

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
});
afterEach(() => place[Symbol.asyncDispose]());

interface Report {
  readonly code: number;
  readonly found: ReadonlyMap<string, Finding>;
  /** `ok push`, of all that is not ok. */
  readonly trouble: readonly string[];
}

async function doctor(args: readonly string[], options: DrayOptions = {}): Promise<Report> {
  const { code, stdout, stderr } = await place.dray(["doctor", "--json", ...args], options);
  expect(stderr).toBe("");
  const findings = JSON.parse(stdout) as Finding[];
  const trouble = findings.filter(({ state }) => state !== "ok").map(({ state, check }) => `${state} ${check}`);
  return { code, found: new Map(findings.map((finding) => [finding.check, finding])), trouble };
}

/** Names of all files below a storage folder, sorted, but for what every upload of a registry leaves: empty folders. */
async function filesOf(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Links are what a repository has; data without a link is what garbage collection takes. */
async function linksOf(root: string): Promise<string[]> {
  return (await filesOf(root)).filter((path) => path.endsWith("/link") || path.includes("/_uploads/"));
}

for (const { name, program, missing } of DISTRIBUTIONS)
  describe.skipIf(missing !== undefined)(`the doctor at ${name}`, () => {
    let registry: DebianRegistry | undefined;
    afterEach(async () => {
      await registry?.close();
      registry = undefined;
    });

    async function start(options: Omit<DebianRegistryOptions, "program"> = {}): Promise<DebianRegistry> {
      registry = await startDebianRegistry({ ...options, program });
      return registry;
    }

    test("finds it well, and leaves nothing", async () => {
      const { host, root } = await start();
      await upload(host, "team/app", APP, "v1");
      const before = await linksOf(root);
      const { code, found, trouble } = await doctor([`${host}/team/app`]);
      expect(code).toBe(0);
      expect(trouble.filter((one) => !/^note (?:sparse index|credentials)$/.test(one))).toEqual([
        "note referrers",
        "note subject",
      ]);
      expect(found.get("pull")!.said).toBe('"v1" can be read');
      expect(found.get("clean-up")!.state).toBe("ok");
      expect(await linksOf(root)).toEqual(before);
    });

    test("writes nothing where it may only read", async () => {
      const { host, root } = await start();
      await upload(host, "team/app", APP, "v1");
      const before = await filesOf(root);
      const { code, found } = await doctor(["--read-only", `${host}/team/app:v1`]);
      expect(code).toBe(0);
      expect(found.get("push")!.state).toBe("skipped");
      expect(await filesOf(root)).toEqual(before);
    });

    test("says that it takes no pushes", async () => {
      const { host } = await start({ readOnly: true });
      const { code, found } = await doctor([`${host}/team/app`]);
      expect(code).toBe(1);
      expect(found.get("push")!.state).toBe("failed");
      expect(found.has("clean-up")).toBe(false);
    });

    test("is somebody there, nobody, or somebody else", async () => {
      const { host } = await start({ users: { me: "right" } });
      const args = [`${host}/team/app`, "--username", "me", "--password-stdin"];
      const known = await doctor(args, { input: "right\n" });
      expect(known.code).toBe(0);
      expect(known.found.get("credentials")!.said).toBe('user "me", from --username');
      expect(known.found.get("login")!.state).toBe("ok");
      expect(known.found.get("clean-up")!.state).toBe("ok");
      const wrong = await doctor(args, { input: "left\n" });
      expect(wrong.code).toBe(1);
      expect(wrong.trouble).toEqual(["failed login"]);
      const nobody = await doctor([`${host}/team/app`]);
      expect(nobody.code).toBe(1);
      expect(nobody.trouble).toEqual(["note credentials", "note login", "failed pull", "failed push"]);
    });
  });

const absent = ["docker-registry", "nginx", "openssl"].map(requireTool).find((reason) => reason !== undefined);

describe.skipIf(absent !== undefined)("the doctor at docker-registry behind nginx", () => {
  let ca: PrivateCa;
  let registry: DebianRegistry;
  const servers: Nginx[] = [];

  beforeAll(async () => {
    [ca, registry] = await Promise.all([createCa("Private CA"), startDebianRegistry()]);
    await upload(registry.host, "team/app", APP, "v1");
  });
  afterEach(async () => {
    for (const one of servers.splice(0)) await one.close();
  });
  afterAll(async () => {
    for (const one of [registry, ca]) await one?.[Symbol.asyncDispose]();
  });

  async function behind(options: Partial<NginxOptions> = {}): Promise<Nginx> {
    const tls = await ca.server("server", ["registry.test"]);
    const nginx = await startNginx({ upstream: registry.host, tls, ...options });
    servers.push(nginx);
    return nginx;
  }

  test.each(["bun", "deno"] as const)("knows its certificate, on %s", async (runtime) => {
    const { host } = await behind();
    const { code, found } = await doctor([`${host}/team/app`, "--ca-file", ca.file], { runtime });
    expect(code).toBe(0);
    // The test's certificates last for two days.
    expect(found.get("certificate")).toMatchObject({
      state: "warning",
      said: expect.stringContaining('of "server", issued by "Private CA", valid until '),
    });
    expect(found.get("trust")!.said).toContain(`${ca.file}: 1 certificate`);
    expect(found.get("clean-up")!.state).toBe("ok");
  });

  test.each(["bun", "deno"] as const)("says who issued one that it does not trust, on %s", async (runtime) => {
    const nginx = await behind();
    const { code, found, trouble } = await doctor([`${nginx.host}/team/app`], { runtime });
    expect(code).toBe(1);
    expect(found.get("certificate")!.said).toContain('issued by "Private CA"');
    expect(found.get("connection")).toMatchObject({ state: "failed", advice: expect.stringContaining("--ca-file") });
    expect(trouble.at(-1)).toBe("failed connection");
    // What is asked by http, before TLS is tried, has no name and no content.
    const asked = await nginx.requests();
    expect(asked.filter(({ path }) => path !== "/v2/")).toEqual([]);
  });

  test("says that a client certificate is wanted", async () => {
    const { host } = await behind({ clientCa: ca.file });
    const { code, found } = await doctor([`${host}/team/app`, "--ca-file", ca.file]);
    expect(code).toBe(1);
    expect(found.get("certificate")!.said).toContain('issued by "Private CA"');
    expect(found.get("protocol")).toMatchObject({
      state: "failed",
      said: expect.stringContaining('"400 No required SSL certificate was sent"'),
      advice: expect.stringContaining(`certs.d/${host}`),
    });
  });

  test("sees the limit of requests, and Locations that lead astray", async () => {
    const { host } = await behind({ limit: "1m", forwarded: { host: "127.0.0.1", proto: "http" } });
    const { code, found } = await doctor([`${host}/team/app`, "--ca-file", ca.file]);
    expect(code).toBe(0);
    expect(found.get("location")!.said).toContain("http://127.0.0.1");
    expect(found.get("upload")).toMatchObject({
      state: "warning",
      advice: expect.stringContaining("client_max_body_size"),
    });
    expect(found.get("clean-up")!.state).toBe("ok");
  });

  test.each(["bun", "deno"] as const)(
    "goes through a proxy, and sees the certificate behind it, on %s",
    async (runtime) => {
      const { port } = await behind();
      await using proxy = await startProxy();
      const env = { HTTPS_PROXY: proxy.url };
      const args = [`registry.test:${port}/team/app`, "--ca-file", ca.file];
      const { code, found } = await doctor(args, { env, runtime });
      expect(code).toBe(0);
      expect(found.get("proxy")!.said).toBe(`the way goes through ${proxy.url}`);
      expect(found.has("name")).toBe(false);
      expect(found.get("certificate")!.said).toContain('issued by "Private CA"');
      const direct = await doctor(args, { env: { ...env, NO_PROXY: ".test" }, runtime });
      expect(direct.code).toBe(1);
      expect(direct.found.get("proxy")!.said).toContain("NO_PROXY names it");
      expect(direct.found.get("name")!.state).toBe("failed");
      const gone = await doctor(args, { env: { HTTPS_PROXY: "http://127.0.0.1:1" }, runtime });
      expect(gone.code).toBe(1);
      expect(gone.found.get("connection")!.said).toContain("the proxy http://127.0.0.1:1");
    },
  );
});

describe.skipIf(absent !== undefined)("the doctor at docker-registry with a token server", () => {
  test.each([
    ["gives everything", ["pull", "push", "delete"], "ok"],
    ["gives no right to delete", ["pull", "push"], "note"],
  ] as const)("that %s", async (_, rights, cleaned) => {
    await using ca = await createCa();
    const allow = (user: string | undefined): readonly string[] => (user === undefined ? [] : rights);
    await using tokens = await startTokenServer({ pair: ca.pair, users: { me: "right" }, allow });
    const token = { realm: tokens.realm, service: SERVICE, issuer: ISSUER, certificate: ca.file };
    await using registry = await startDebianRegistry({ token });
    const args = [`${registry.host}/team/app`, "--username", "me", "--password-stdin"];
    const known = await doctor(args, { input: "right\n" });
    expect(known.code).toBe(0);
    expect(known.found.get("login")!.said).toBe(
      `accepted: the registry wants a token of ${new URL(tokens.realm).host}`,
    );
    expect(known.found.get("clean-up")!.state).toBe(cleaned);
    const wrong = await doctor(args, { input: "left\n" });
    expect(wrong.code).toBe(1);
    expect(wrong.trouble).toEqual(["failed login"]);
    const nobody = await doctor([`${registry.host}/team/app`]);
    expect(nobody.code).toBe(1);
    expect(nobody.trouble).toEqual(["note credentials", "failed pull", "failed push"]);
  });
});

describe("dray doctor", () => {
  test("prints a line for each finding, and what to do below it", async () => {
    await using registry = await startRegistry();
    const { code, stdout, stderr } = await place.dray(["doctor", registry.host]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`ok       encryption     plain http, within this machine\n`);
    expect(stdout).toContain(`\n                        dray doctor ${registry.host}/REPOSITORY\n`);
  });

  test("cleans up when it is stopped, and says how it ended", async () => {
    let run: Dray | undefined;
    await using registry = await startRegistry(undefined, {
      wrap: (handler) => async (request) => {
        if (request.method === "DELETE" && !request.url.includes("/uploads/"))
          return new Response(null, { status: 202 });
        if (request.method === "PUT" && request.url.includes("/manifests/")) {
          run!.kill("SIGINT");
          await run!.saying(/stopping/);
        }
        return handler(request);
      },
    });
    run = place.start(["doctor", `${registry.host}/team/app`]);
    const { code, stdout } = await run.ended;
    expect(code).toBe(130);
    expect(stdout).toContain("clean-up       what was written is removed");
    const paths = (method: string): string[] =>
      registry.requests
        .filter((one) => one.method === method)
        .map(({ path }) => /sha256:[0-9a-f]+/.exec(path)?.[0] ?? path)
        .toSorted();
    expect(paths("DELETE").filter((path) => path.startsWith("sha256:"))).toEqual(paths("PUT"));
    expect(paths("PUT")).toHaveLength(3);
  });
});
