/** docker-registry with token authentication: what Dray asks the token server for, and what it does when tokens end. */
import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type DebianRegistry, startDebianRegistry } from "../support/debian-registry.ts";
import { expectStored, seededStorage } from "../support/distribution-storage.ts";
import { DISTRIBUTIONS } from "../support/distributions.ts";
import { openWorkplace, type Runtime, type Workplace } from "../support/dray.ts";
import { type Nginx, startNginx } from "../support/nginx.ts";
import { createCa, type PrivateCa } from "../support/private-ca.ts";
import { type Artifact, image, layer, multiPlatform } from "../support/random-image.ts";
import type { Ended } from "../support/run.ts";
import {
  ISSUER,
  SERVICE,
  startTokenServer,
  type TokenServer,
  type TokenServerOptions,
} from "../support/token-server.ts";
import { requireTool } from "../support/tool.ts";

setDefaultTimeout(60_000);

const shared = layer("shared", 30_000);
const IMAGES: Readonly<Record<string, Artifact>> = {
  "public/app": multiPlatform(["linux/amd64", "linux/arm64"]),
  "private/one": image({ seed: "one", layers: [shared, layer("one", 2000)] }),
  "private/two": image({ seed: "two", layers: [shared, layer("two", 2000)] }),
};
const [NAME, PASSWORD, IDENTITY] = ["carol", "her password", "carols-identity-token"];

const missing = ["nginx", "openssl"].map(requireTool).find((reason) => reason !== undefined);

interface Tokened extends AsyncDisposable {
  readonly host: string;
  readonly root: string;
  readonly server: TokenServer;
  readonly registry: DebianRegistry;
  readonly nginx: Nginx;
}

/** Everybody may pull what is public. */
function allow(user: string | undefined, repository: string): readonly string[] {
  if (user !== undefined) return ["pull", "push", "delete"];
  return repository.startsWith("public/") ? ["pull"] : [];
}

for (const { name, program, missing: absent } of DISTRIBUTIONS)
  describe.skipIf((missing ?? absent) !== undefined)(`${name} with a token server`, () => testWith(program));

function testWith(program: string): void {
  let ca: PrivateCa;
  let place: Workplace;
  let source: Tokened;

  beforeAll(async () => {
    ca = await createCa();
    source = await startTokened(IMAGES);
  });
  beforeEach(async () => {
    await place?.[Symbol.asyncDispose]();
    place = await openWorkplace();
  });
  afterAll(async () => {
    await place?.[Symbol.asyncDispose]();
    await source?.[Symbol.asyncDispose]();
    await ca?.[Symbol.asyncDispose]();
  });

  async function startTokened(
    images: Readonly<Record<string, Artifact>>,
    options: Partial<TokenServerOptions> & { readonly slow?: boolean } = {},
  ): Promise<Tokened> {
    await using stack = new AsyncDisposableStack();
    const { path: root } = stack.use(await seededStorage(images, program));
    const users = { [NAME]: PASSWORD };
    const tokens = { pair: ca.pair, users, identityTokens: { [IDENTITY]: NAME }, allow, ...options };
    const server = stack.use(await startTokenServer(tokens));
    const token = { realm: server.realm, service: SERVICE, issuer: ISSUER, certificate: ca.file };
    const registry = stack.use(await startDebianRegistry({ program, root, token }));
    // Four requests a second outlive a token of one second.
    const http = options.slow ? "limit_req_zone $server_port zone=slow:1m rate=4r/s;" : "";
    const nginx = stack.use(
      await startNginx({
        upstream: registry.host,
        http,
        server: options.slow ? "limit_req zone=slow burst=1000;" : "",
      }),
    );
    const all = stack.move();
    const { host } = nginx;
    return { host, root, server, registry, nginx, [Symbol.asyncDispose]: () => all.disposeAsync() };
  }

  /** Writes a login for each of the registries. */
  async function logIn(registries: readonly Tokened[], login: object, { path } = place): Promise<void> {
    const file = join(dirname(path), "home", ".docker", "config.json");
    await mkdir(dirname(file), { recursive: true });
    const auths = Object.fromEntries(registries.map(({ host }) => [host, login]));
    await writeFile(file, JSON.stringify({ auths }));
  }

  const auth = Buffer.from(`${NAME}:${PASSWORD}`).toString("base64");
  const lines = (names: readonly string[], { host }: Tokened = source): string =>
    names.map((name) => `${host}/${name}:v1\n`).join("");

  function save(names: readonly string[], runtime?: Runtime): Promise<Ended> {
    return place.dray(["save", "-d", "images.tar"], { input: lines(names), runtime });
  }

  /** What the token server was asked from here on. */
  function watch({ server }: Tokened): () => TokenServer["requests"] {
    const before = server.requests.length;
    return () => server.requests.slice(before);
  }

  test("nobody may pull what is public", async () => {
    const asked = watch(source);
    expect(await save(["public/app"])).toMatchObject({ code: 0 });
    expect(asked().map(({ user, scopes }) => ({ user, scopes }))).toEqual([
      { user: undefined, scopes: ["repository:public/app:pull"] },
    ]);
  });

  test("nobody is told to log in for the rest, and what is public is saved", async () => {
    const ended = await save(["private/one", "public/app"]);
    expect(ended.code).toBe(3);
    expect(ended.stdout).toMatch(/^Saved 1 image, 1 failed/);
    expect(ended.stderr).toMatch(/FAILED \[\S+\/private\/one:v1\] Cannot .*\n.*log in/);
  });

  test.each(["bun", "deno"] as const)("a user gets one token for each repository, on %s", async (runtime) => {
    await logIn([source], { auth });
    const asked = watch(source);
    expect(await save(Object.keys(IMAGES), runtime)).toMatchObject({ code: 0 });
    expect(
      asked()
        .map(({ method, user, scopes }) => `${method} ${user} ${scopes}`)
        .sort(),
    ).toEqual(
      Object.keys(IMAGES)
        .map((name) => `GET ${NAME} repository:${name}:pull`)
        .sort(),
    );
    for (const { parameters } of asked()) expect(parameters.service).toBe(SERVICE);
  });

  test.each(["bun", "deno"] as const)("load asks to push, and to mount, on %s", async (runtime) => {
    await using target = await startTokened({});
    await logIn([source, target], { auth });
    expect(await save(Object.keys(IMAGES))).toMatchObject({ code: 0 });
    const loaded = await place.dray(["load", "-s", "images.tar", "-d", target.host], { runtime });
    expect(loaded).toMatchObject({ code: 0, stdout: expect.stringContaining("1 mounted") });
    for (const [name, artifact] of Object.entries(IMAGES)) await expectStored(target.root, name, artifact);
    const scopes = target.server.requests.map((request) => request.scopes.join(" "));
    for (const name of Object.keys(IMAGES)) expect(scopes).toContain(`repository:${name}:pull,push`);
    const [one, two] = ["private/one", "private/two"];
    const mounts = scopes.filter((scope) => scope.includes(" "));
    expect(mounts).toHaveLength(1);
    expect([
      `repository:${one}:pull,push repository:${two}:pull`,
      `repository:${two}:pull,push repository:${one}:pull`,
    ]).toContain(mounts[0]!);
    expect(new Set(scopes).size).toBe(scopes.length);
  });

  test("mirror keeps the two registries' tokens apart", async () => {
    await using target = await startTokened({});
    await logIn([source, target], { auth });
    const asked = watch(source);
    const mirrored = await place.dray(["mirror", "-d", target.host], { input: lines(Object.keys(IMAGES)) });
    expect(mirrored).toMatchObject({ code: 0 });
    for (const [name, artifact] of Object.entries(IMAGES)) await expectStored(target.root, name, artifact);
    for (const { scopes } of asked()) expect(scopes.join(" ")).not.toContain("push");
    const tokens = await Promise.all(
      [source, target].map(async ({ nginx }) => new Set((await nginx.requests()).map((one) => one.authorization))),
    );
    const [ours, theirs] = tokens;
    for (const token of theirs!) if (token !== "") expect(ours!.has(token)).toBe(false);
  });

  test("the password goes to the token server and never to the registry", async () => {
    await logIn([source], { auth });
    const before = (await source.nginx.requests()).length;
    expect(await save(["private/one"])).toMatchObject({ code: 0 });
    const headers = (await source.nginx.requests()).slice(before).map(({ authorization }) => authorization);
    expect(headers.some((header) => header.startsWith("Bearer "))).toBe(true);
    for (const header of headers) expect(header).not.toStartWith("Basic");
  });

  test("an identity token is exchanged by POST", async () => {
    await logIn([source], { identitytoken: IDENTITY });
    const asked = watch(source);
    expect(await save(["private/one"])).toMatchObject({ code: 0 });
    expect(asked().map(({ method, user, parameters }) => [method, user, parameters.grant_type])).toEqual([
      ["POST", NAME, "refresh_token"],
    ]);
  });

  test("a wrong password ends with one clear line, and nobody is tried instead, not even for what is public", async () => {
    await logIn([source], { auth: Buffer.from(`${NAME}:wrong`).toString("base64") });
    const asked = watch(source);
    const ended = await save(["public/app"]);
    expect(ended.code).toBe(3);
    expect(ended.stdout).toMatch(/^Saved 0 images, 1 failed/);
    expect(ended.stderr).toMatch(/FAILED \[\S+\/public\/app:v1\] Cannot log in at .*config\.json.*\n.*refused/);
    expect(asked().map(({ user, status }) => ({ user, status }))).toEqual([{ user: NAME, status: 401 }]);
  });

  test("a user who may not push is told so, and nothing is uploaded", async () => {
    await using target = await startTokened({}, { allow: (user) => (user === undefined ? [] : ["pull"]) });
    await logIn([source, target], { auth });
    expect(await save(["public/app"])).toMatchObject({ code: 0 });
    const loaded = await place.dray(["load", "-s", "images.tar", "-d", target.host]);
    expect(loaded.code).toBe(3);
    expect(loaded.stderr).toMatch(/FAILED \[\S+\] Cannot write/);
    expect((await target.nginx.requests()).filter(({ method }) => method === "PUT" || method === "PATCH")).toEqual([]);
  });

  test("tokens that end in the middle of a run are replaced, on Bun and on Deno", async () => {
    const images = { "private/many": image({ seed: "many", layers: 4, size: 1000 }) };
    const options = { life: 2, slow: true };
    const carry = async (runtime: Runtime): Promise<void> => {
      await using slow = await startTokened(images, options);
      await using target = await startTokened({}, options);
      await using place = await openWorkplace();
      await logIn([slow, target], { auth }, place);
      const input = lines(["private/many"], slow);
      expect(await place.dray(["mirror", "-d", target.host, "-j", "1"], { input, runtime })).toMatchObject({ code: 0 });
      await expectStored(target.root, "private/many", images["private/many"]);
      for (const { nginx, server } of [slow, target]) {
        const ended = (await nginx.requests()).filter((one) => one.authorization !== "" && one.status === 401);
        expect(ended.length).toBeGreaterThan(0);
        expect(server.requests.length).toBeGreaterThan(ended.length);
      }
    };
    await Promise.all([carry("bun"), carry("deno")]);
  });
}
