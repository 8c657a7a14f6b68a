/** What the doctor says of registries of all kinds, and that it leaves nothing behind. */
import { afterEach, describe, expect, test } from "bun:test";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { diagnose, type Patient } from "../../src/operations/diagnose.ts";
import type { Finding } from "../../src/operations/diagnosis/finding.ts";
import { createTransport } from "../../src/registry/network/transport.ts";
import type { RegistryOptions } from "../../src/registry/registry.ts";
import type { Transport } from "../../src/registry/wire/exchange.ts";
import { createAuthority, type Subject, selfSigned } from "../support/certificates.ts";
import { type FaultRule, withFaults } from "../support/faults.ts";
import { pushTo } from "../support/push.ts";
import { multiPlatform } from "../support/random-image.ts";
import { type Handler, startRegistry, type TestRegistry, type TestRegistryOptions } from "../support/registry.ts";
import { thrownBy } from "../support/thrown.ts";

const APP = multiPlatform(["linux/amd64", "linux/arm64"]);
const ME: RegistryOptions["credentials"] = async () => ({
  credential: { username: "me", password: "right" },
  origin: "a test",
  named: true,
});

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

/** One that has `team/app:v1`. */
async function start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const registry = await startRegistry(undefined, options);
  open.push(registry);
  const repository = registry.store.repository("team/app");
  await pushTo(repository, APP);
  const root = APP.manifests.at(-1)!;
  await repository.tag("v1", {
    descriptor: root.descriptor,
    open: async function* () {
      yield root.bytes;
    },
  });
  return registry;
}

function faulty(...rules: readonly FaultRule[]): TestRegistryOptions {
  return { wrap: (handler) => withFaults(handler, rules) };
}

interface Asked extends Omit<Partial<Patient>, "host"> {
  readonly readOnly?: boolean;
  readonly signal?: AbortSignal;
  readonly onFinding?: (finding: Finding) => void;
}

/** Each finding by its check. */
async function examine(host: string, asked: Asked = {}): Promise<Map<string, Finding>> {
  const { readOnly = false, signal, onFinding = () => {}, ...patient } = asked;
  const found = new Map<string, Finding>();
  for await (const finding of diagnose({ host, options: {}, path: "team/app", ...patient }, { readOnly, signal })) {
    if (finding.check === "clean-up") found.delete("clean-up");
    expect(found.has(finding.check)).toBe(false);
    found.set(finding.check, finding);
    onFinding(finding);
  }
  return found;
}

/** `ok push` */
function states(found: ReadonlyMap<string, Finding>): string[] {
  return [...found.values()].map(({ check, state }) => `${state} ${check}`);
}

/** Makes of a registry one that also says that it removes. */
function withRemoval(handler: Handler): Handler {
  return async (request) => {
    const isContent = request.method === "DELETE" && !request.url.includes("/uploads/");
    return isContent ? new Response(null, { status: 202 }) : handler(request);
  };
}

/** Digests that were written, by what was asked. */
function written({ requests }: TestRegistry): string[] {
  const puts = requests.filter(({ method }) => method === "PUT").map(({ path }) => /sha256:[0-9a-f]+/.exec(path)![0]);
  return [...new Set(puts)].sort();
}

/** Digests that were written and not removed since. */
function left({ requests }: TestRegistry): string[] {
  const digests = new Set<string>();
  for (const { method, path } of requests) {
    const [digest] = /sha256:[0-9a-f]+/.exec(path) ?? [];
    if (digest && method === "PUT") digests.add(digest);
    if (digest && method === "DELETE") digests.delete(digest);
  }
  return [...digests];
}

/** Uploads that were begun and neither ended nor given up. */
function unfinished({ requests }: TestRegistry): number {
  const begun = requests.filter(({ method, status }) => method === "POST" && status === 202).length;
  const ended = requests.filter(
    ({ method, path, status }) =>
      path.includes("/blobs/uploads/") &&
      ((method === "PUT" && status === 201) || (method === "DELETE" && status < 300)),
  ).length;
  return begun - ended;
}

describe("a registry in good health", () => {
  test("is told so, check by check", async () => {
    const registry = await start();
    const found = await examine(registry.host, { tag: "v1" });
    expect(states(found)).toEqual([
      "note credentials",
      "ok proxy",
      "ok name",
      "ok encryption",
      "ok connection",
      "ok clock",
      "ok protocol",
      "ok pull",
      "ok digest by HEAD",
      "ok resume",
      "ok referrers",
      "ok push",
      "ok upload",
      "ok mount",
      "ok manifests",
      "skipped subject",
      "note sparse index",
      "note clean-up",
    ]);
  });

  test("a repository that is not there yet is read after it was written", async () => {
    const found = await examine((await start()).host, { path: "new/one" });
    expect(states(found).slice(7)).toEqual([
      "note pull",
      "ok push",
      "ok upload",
      "ok resume",
      "ok mount",
      "ok manifests",
      "skipped subject",
      "ok referrers",
      "note sparse index",
      "note clean-up",
    ]);
  });

  test("without a repository nothing of one is asked", async () => {
    const registry = await start();
    const found = await examine(registry.host, { path: undefined });
    expect(found.get("pull and push")!.state).toBe("skipped");
    expect(new Set(registry.requests.map(({ path }) => path))).toEqual(new Set(["/v2/"]));
  });

  test("nothing is written where only reading was asked for", async () => {
    const registry = await start();
    const found = await examine(registry.host, { readOnly: true });
    expect(found.get("push")!.state).toBe("skipped");
    expect(found.has("clean-up")).toBe(false);
    expect(new Set(registry.requests.map(({ method }) => method))).toEqual(new Set(["HEAD", "GET"]));
  });
});

describe("what is written", () => {
  test("is removed, all of it", async () => {
    const registry = await start({ wrap: withRemoval });
    const found = await examine(registry.host);
    expect(found.get("clean-up")).toMatchObject({ state: "ok", said: "what was written is removed" });
    expect(written(registry)).toHaveLength(6);
    expect(left(registry)).toEqual([]);
    expect(unfinished(registry)).toBe(0);
  });

  test("has no tag where nothing is removed, and brings none about", async () => {
    const registry = await start();
    await examine(registry.host);
    expect(await Array.fromAsync(registry.store.repository("team/app").tags!())).toEqual(["v1"]);
  });

  test("is never the same twice: nobody else's content is removed", async () => {
    const registry = await start({ wrap: withRemoval });
    await examine(registry.host);
    const first = written(registry);
    registry.reset();
    await examine(registry.host);
    expect(first.filter((digest) => written(registry).includes(digest))).toEqual([]);
  });

  test.each(["push", "upload", "mount", "manifests", "subject"])(
    "is removed after an abort behind %s",
    async (check) => {
      const registry = await start({ wrap: withRemoval });
      const control = new AbortController();
      let cleaned: Finding | undefined;
      const error = await thrownBy(() =>
        examine(registry.host, {
          signal: control.signal,
          onFinding(finding) {
            if (finding.check === check) control.abort(new Error("enough"));
            if (finding.check === "clean-up") cleaned = finding;
          },
        }),
      );
      expect(error).toEqual(new Error("enough"));
      expect(cleaned?.state).toBe("ok");
      expect(left(registry)).toEqual([]);
      expect(unfinished(registry)).toBe(0);
    },
  );

  test("is removed after an abort while an upload begins", async () => {
    const control = new AbortController();
    const registry = await start({
      wrap: (handler) => async (request) => {
        if (request.method === "POST") control.abort(new Error("enough"));
        return withRemoval(handler)(request);
      },
    });
    expect(await thrownBy(() => examine(registry.host, { signal: control.signal }))).toEqual(new Error("enough"));
    expect(registry.count("POST")).toBe(1);
    expect(unfinished(registry)).toBe(0);
  });

  test("is removed after the registry broke in the middle", async () => {
    const rules: FaultRule[] = [{ method: "PUT", path: /manifests/, fault: { type: "drop", after: 0 } }];
    const registry = await start({ wrap: (handler) => withRemoval(withFaults(handler, rules)) });
    const found = await examine(registry.host);
    expect(found.get("manifests")!.state).toBe("failed");
    expect(found.get("clean-up")!.state).toBe("ok");
    expect(left(registry)).toEqual([]);
  });

  test("stays where the registry removes nothing, and that is told", async () => {
    const found = await examine((await start()).host);
    expect(found.get("clean-up")!.said).toBe(
      "5 of 5 things that were written, without a tag, 1.3 MB at most: the registry does not remove them on request",
    );
  });
});

/** Answers requests that match; else the registry does. */
function answering(
  answer: (request: Request, path: string) => Response | undefined | Promise<Response | undefined>,
): TestRegistryOptions {
  return {
    wrap: (handler: Handler) => async (request) => {
      const { pathname, search } = new URL(request.url);
      return (await answer(request, pathname + search)) ?? handler(request);
    },
  };
}

function refusal(status: number, code: string, message = "no"): Response {
  return Response.json({ errors: [{ code, message }] }, { status });
}

describe("a way that leads nowhere", () => {
  test("nobody listens", async () => {
    const registry = await startRegistry();
    await registry.close();
    const found = await examine(registry.host);
    expect(states(found)).toEqual(["note credentials", "ok proxy", "ok name", "failed addresses"]);
    expect(found.get("addresses")!.said).toContain("127.0.0.1 (refused)");
  });

  test("the name is not known", async () => {
    const found = await examine("registry.invalid", { options: { resolve: async () => [] } });
    expect(states(found)).toEqual(["note credentials", "ok proxy", "failed name"]);
  });

  test("one of its addresses does not answer", async () => {
    const registry = await start();
    const resolve = async () => ["127.0.0.1", "127.0.0.9"];
    const found = await examine(registry.host.replace("127.0.0.1", "localhost"), { options: { resolve } });
    expect(found.get("addresses")!.state).toBe("warning");
    expect(found.get("addresses")!.said).toContain("not 127.0.0.9");
    expect(found.get("push")!.state).toBe("ok");
  });

  test("a proxy that cannot be understood", async () => {
    const proxy = (): never => {
      throw new Error("unexpected");
    };
    const found = await examine("registry.invalid", { options: { proxy } });
    expect(states(found).at(-1)).toBe("failed connection");
  });

  test.each([
    [["HTTPS_PROXY"], "ok", "NO_PROXY names it"],
    [["ALL_PROXY"], "warning", "ALL_PROXY is set, which counts for nothing here"],
    [[], "ok", "the way is direct"],
  ] as const)("no proxy, and %p set", async (variables, state, said) => {
    const options = { resolve: async () => [] };
    const { get } = { get: (await examine("registry.invalid", { options, variables })).get("proxy")! };
    expect(get.state).toBe(state);
    expect(get.said).toContain(said);
  });
});

describe("what is no registry", () => {
  test("a web server", async () => {
    const page = new Response("<html>", { headers: { "content-type": "text/html; charset=utf-8" } });
    const found = await examine((await start(answering(() => page.clone()))).host);
    expect(states(found).at(-1)).toBe("failed protocol");
  });

  test("a registry below a path is asked on", async () => {
    const registry = await start(answering((_, path) => (path === "/v2/" ? refusal(404, "NOT_FOUND") : undefined)));
    const found = await examine(registry.host);
    expect(found.get("protocol")!.state).toBe("warning");
    expect(found.get("pull")!.state).toBe("ok");
  });

  test("one that wants to be left alone is not waited for", async () => {
    const fault = { type: "rate-limit", retryAfter: 200 } as const;
    const found = await examine((await start(faulty({ method: "GET", fault }))).host);
    expect(found.get("protocol")).toMatchObject({
      state: "failed",
      said: expect.stringContaining("it wants to be left alone for 200 s"),
    });
  });
});

describe("who may come in", () => {
  const right = `Basic ${btoa("me:right")}`;

  test("nobody without credentials", async () => {
    const challenge = new Response(null, { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } });
    const found = await examine((await start(answering(() => challenge.clone()))).host);
    expect(found.get("login")).toMatchObject({
      state: "note",
      said: "the registry wants a user name and a password, and has none for nobody",
    });
    expect(found.get("pull")!.state).toBe("failed");
    expect(found.get("push")!.state).toBe("failed");
  });

  function basic(): TestRegistryOptions {
    return answering(({ headers }) => {
      if (headers.get("authorization") === right) return undefined;
      return new Response(null, { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } });
    });
  }

  test("by a login that is accepted, and nobody else", async () => {
    const found = await examine((await start(basic())).host, { options: { credentials: ME } });
    expect(found.get("credentials")!.said).toBe('user "me", from a test');
    expect(found.get("login")).toMatchObject({ state: "ok", said: expect.stringContaining("accepted") });
    expect(found.get("anonymous pull")!.said).toStartWith("not possible");
    expect(found.get("push")!.state).toBe("ok");
  });

  test("not by a login that is wrong, which is said once", async () => {
    const wrong: RegistryOptions["credentials"] = async () => ({
      credential: { username: "me", password: "a secret" },
      origin: "a test",
      named: true,
    });
    const found = await examine((await start(basic())).host, { options: { credentials: wrong } });
    expect(states(found).at(-1)).toBe("failed login");
    expect(found.get("login")!.advice).toContain("the credentials from a test were refused");
    expect(JSON.stringify([...found])).not.toContain("secret");
  });

  /** The root is open; repositories want tokens. */
  function tokens(allowed: (request: Request) => boolean): TestRegistryOptions {
    return answering((request, path) => {
      if (path === "/v2/") return undefined;
      if (path.startsWith("/token"))
        return allowed(request) ? Response.json({ token: "a-token" }) : refusal(401, "UNAUTHORIZED");
      if (request.headers.get("authorization") === "Bearer a-token") return undefined;
      const headers = { "www-authenticate": 'Bearer realm="/token",service="here"' };
      return new Response(null, { status: 401, headers });
    });
  }

  test("by a token that only repositories want", async () => {
    const registry = await start(tokens(() => true));
    const found = await examine(registry.host, { options: { credentials: ME } });
    expect(found.get("login")).toMatchObject({ state: "ok", said: "accepted: the registry wants a token of its own" });
    expect(found.get("anonymous pull")!.said).toStartWith("possible");
  });

  test("not where the token server refuses", async () => {
    const found = await examine((await start(tokens(() => false))).host, { options: { credentials: ME } });
    expect(found.get("pull")!.state).toBe("failed");
    expect(found.get("pull")!.advice).toContain("they were refused");
  });

  test("a token server of somebody else gets no credentials", async () => {
    const headers = { "www-authenticate": 'Bearer realm="https://tokens.example/token"' };
    const registry = await start(
      answering((request) =>
        request.headers.has("authorization") ? undefined : new Response(null, { status: 401, headers }),
      ),
    );
    const send = createTransport();
    const told: (string | undefined)[] = [];
    const transport: Transport = async (url, exchange) => {
      if (!url.startsWith("https://tokens.example/")) return send(url, exchange);
      told.push(exchange.headers.authorization);
      return Response.json({ token: "for-nobody" });
    };
    const options = { credentials: ME, transport, resolve: async () => ["93.184.215.14"] };
    const found = await examine(registry.host, { options });
    expect(found.get("login")).toMatchObject({
      state: "failed",
      advice: expect.stringContaining("--trusted-realm tokens.example"),
    });
    expect(told).toEqual([undefined]);
  });

  test("a login that nobody asked for was not tried", async () => {
    const found = await examine((await start()).host, { options: { credentials: ME } });
    expect(found.get("login")!.state).toBe("skipped");
  });
});

describe("odd answers", () => {
  test.each<[string, TestRegistryOptions, string, Partial<Finding>]>([
    [
      "ranges are not served",
      faulty({ path: /blobs\/sha256/, fault: { type: "ignore-range" } }),
      "resume",
      { state: "warning" },
    ],
    [
      "a blob that cannot be read",
      answering(({ method }, path) =>
        method === "GET" && /blobs\/sha256/.test(path) ? refusal(403, "DENIED") : undefined,
      ),
      "blobs",
      { state: "failed", said: expect.stringContaining("DENIED") },
    ],
    [
      "a digest that HEAD does not tell",
      faulty({ method: "HEAD", fault: { type: "headers", remove: ["docker-content-digest"] } }),
      "digest by HEAD",
      { state: "note" },
    ],
    [
      "few pulls left",
      faulty({
        path: /manifests/,
        fault: { type: "headers", set: { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "7;w=21600" } },
      }),
      "quota",
      { state: "warning", said: "7 of 100 pulls in 6 h are left; an image costs one for each platform" },
    ],
    [
      "another time",
      faulty({ path: /^\/v2\/$/, fault: { type: "headers", set: { date: "Thu, 01 Jan 2015 00:00:00 GMT" } } }),
      "clock",
      { state: "warning", said: expect.stringContaining("ahead of the registry") },
    ],
    [
      "pushes that are forbidden",
      answering(({ method }) => (method === "POST" ? refusal(403, "DENIED", "by \u001b[31mus") : undefined)),
      "push",
      { state: "failed", said: "refused: the registry says DENIED (by us)" },
    ],
    [
      "a registry to read from",
      { readOnly: true },
      "push",
      { state: "failed", advice: expect.stringContaining("read-only") },
    ],
    [
      "a project that is missing",
      answering(({ method }) => (method === "POST" ? refusal(404, "NAME_UNKNOWN") : undefined)),
      "push",
      { state: "failed", advice: expect.stringContaining("make the repository") },
    ],
    [
      "chunks of a minimum",
      faulty({ method: "POST", fault: { type: "headers", set: { "oci-chunk-min-length": "5242880" } } }),
      "chunks",
      { state: "ok", said: expect.stringContaining("5242880") },
    ],
    [
      "a small limit for requests",
      answering(({ headers }) =>
        Number(headers.get("content-length")) > 1 << 20 ? refusal(413, "UNKNOWN") : undefined,
      ),
      "upload",
      { state: "warning", advice: expect.stringContaining("client_max_body_size") },
    ],
    [
      "uploads only by PATCH",
      answering(({ method, headers }, path) =>
        method === "PUT" && path.includes("/uploads/") && headers.get("content-length") !== "0"
          ? refusal(404, "BLOB_UPLOAD_UNKNOWN")
          : undefined,
      ),
      "upload",
      { state: "note" },
    ],
    [
      "no mounts",
      answering(({ method }, path) =>
        method === "POST" && path.includes("mount=") ? refusal(400, "UNSUPPORTED") : undefined,
      ),
      "mount",
      { state: "note" },
    ],
    ["no referrers API", { referrers: false }, "referrers", { state: "note" }],
    [
      "no manifests of OCI",
      answering(async (request, path) => refuseType(request, path, "application/vnd.oci.image.manifest.v1+json")),
      "manifests",
      { state: "warning", said: expect.stringContaining("of Docker are accepted, of OCI are not") },
    ],
    [
      "no manifests of Docker",
      answering(async (request, path) => refuseType(request, path, "docker")),
      "manifests",
      { state: "warning", said: expect.stringContaining("of OCI are accepted, of Docker are not") },
    ],
    [
      "no manifests at all",
      answering(async (request, path) => refuseType(request, path, "")),
      "manifests",
      { state: "failed" },
    ],
    [
      "indexes with gaps",
      answering(({ method, headers }) =>
        method === "PUT" && headers.get("content-type")?.includes("index")
          ? new Response(null, { status: 201 })
          : undefined,
      ),
      "sparse index",
      { state: "ok" },
    ],
    [
      "tags that are not listed",
      answering((_, path) => (path.includes("tags/list") ? refusal(405, "UNSUPPORTED") : undefined)),
      "pull",
      { state: "note", advice: "name an image: team/app:TAG" },
    ],
    [
      "tags that are not for us",
      answering((_, path) => (path.includes("tags/list") ? refusal(403, "DENIED") : undefined)),
      "pull",
      { state: "failed" },
    ],
  ])("%s", async (_, options, check, expected) => {
    const found = await examine((await start(options)).host);
    expect(found.get(check)).toMatchObject(expected);
  });

  function refuseType({ method, headers }: Request, path: string, type: string): Response | undefined {
    const isRefused = method === "PUT" && path.includes("manifests") && headers.get("content-type")!.includes(type);
    return isRefused ? refusal(400, "MANIFEST_INVALID", "media type") : undefined;
  }

  test.each<[string, Pick<TestRegistryOptions, "referrers">, FaultRule[], Partial<Finding>]>([
    ["is listed", {}, [], { state: "ok" }],
    ["is not listed", { referrers: false }, [], { state: "note" }],
    [
      "is refused",
      {},
      [{ method: "PUT", path: /manifests/, skip: 3, times: 1, fault: { type: "status", status: 400 } }],
      { state: "warning", advice: expect.stringContaining("--no-referrers") },
    ],
  ])("a manifest with a subject %s", async (_, options, rules, expected) => {
    const registry = await start({ ...options, wrap: (handler) => withRemoval(withFaults(handler, rules)) });
    expect((await examine(registry.host)).get("subject")).toMatchObject(expected);
  });

  test("an image that is not there", async () => {
    const found = await examine((await start()).host, { tag: "v2", readOnly: true });
    expect(found.get("pull")).toMatchObject({ state: "failed", advice: "check the name of image and tag" });
  });

  test("blobs that are elsewhere", async () => {
    const storage = await start();
    const fault = { type: "redirect", origin: storage.url } as const;
    const registry = await start(faulty({ method: "GET", path: /blobs\/sha256/, fault }));
    const found = await examine(registry.host, { readOnly: true });
    expect(found.get("blobs")).toMatchObject({
      state: "ok",
      said: expect.stringContaining(`come from ${storage.host}`),
    });
    expect(found.get("resume")!.state).toBe("ok");
  });

  test("uploads that are sent to another name of the registry", async () => {
    const registry = await start(
      answering(async ({ method }, path) =>
        method === "POST" && path.endsWith("/uploads/")
          ? new Response(null, { status: 202, headers: { location: "http://127.0.0.1:1/v2/team/app/blobs/uploads/1" } })
          : undefined,
      ),
    );
    const found = await examine(registry.host);
    expect(found.get("location")!.state).toBe("note");
  });
});

describe("a certificate", () => {
  const DAY = 86_400_000;

  /** The port of a server that has it, and answers everything with {}. */
  async function serve(subject: Subject, how: "by itself" | "by an authority"): Promise<{ port: number; ca: string }> {
    const authority = createAuthority("The Authority");
    const pair = how === "by itself" ? selfSigned(subject) : authority.issue(subject);
    const server = createServer(pair, (_, outgoing) =>
      outgoing.setHeader("content-type", "application/json").end("{}"),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    open.push({
      [Symbol.asyncDispose]: () =>
        new Promise<void>((resolve) => {
          server.closeAllConnections();
          server.close(() => resolve());
        }),
    });
    return { port: (server.address() as AddressInfo).port, ca: authority.cert };
  }

  async function certificate(subject: Subject, how: "by itself" | "by an authority"): Promise<Map<string, Finding>> {
    const { port } = await serve({ names: ["127.0.0.1"], commonName: "the registry", ...subject }, how);
    return examine(`127.0.0.1:${port}`, { path: undefined });
  }

  test("that is not known is shown all the same, and nothing is sent there", async () => {
    const found = await certificate({ until: new Date(Date.now() + 90.5 * DAY) }, "by an authority");
    expect(found.get("certificate")).toMatchObject({
      state: "ok",
      said: expect.stringMatching(
        /^of "the registry", issued by "The Authority", valid until \d{4}-\d\d-\d\d \(90 days\)$/,
      ),
    });
    expect(found.get("connection")).toMatchObject({ state: "failed", advice: expect.stringContaining("--ca-file") });
    expect(states(found).at(-1)).toBe("failed connection");
  });

  test("that ends soon, or ended", async () => {
    const soon = await certificate({ until: new Date(Date.now() + 5.5 * DAY) }, "by an authority");
    expect(soon.get("certificate")).toMatchObject({ state: "warning", said: expect.stringContaining("(5 days)") });
    const ended = await certificate(
      { from: new Date(Date.now() - 9 * DAY), until: new Date(Date.now() - DAY) },
      "by itself",
    );
    expect(ended.get("certificate")).toMatchObject({
      state: "warning",
      said: expect.stringContaining('of "the registry", signed by itself, ended on '),
    });
    expect(ended.get("connection")!.state).toBe("failed");
  });

  test("that is trusted", async () => {
    const { port, ca } = await serve({ names: ["127.0.0.1"] }, "by an authority");
    const trust = async () => ({ added: [ca], all: ca, client: undefined });
    const found = await examine(`127.0.0.1:${port}`, {
      path: undefined,
      options: { trust },
      trusted: () => ["TLS trusts a file: 1 certificate, 1 of them new"],
    });
    expect(found.get("trust")!.said).toBe("a file: 1 certificate");
    expect(found.get("connection")!.state).toBe("ok");
    expect(found.get("protocol")!.state).toBe("ok");
  });
});
