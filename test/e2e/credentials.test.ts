/** Every way in which people keep credentials, with two real registries that each want their own, and a log of what came. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createHelper } from "../support/credential-helper.ts";
import { startDebianRegistry } from "../support/debian-registry.ts";
import { expectStored, seededStorage } from "../support/distribution-storage.ts";
import { DISTRIBUTIONS } from "../support/distributions.ts";
import { type DrayOptions, openWorkplace, type Workplace } from "../support/dray.ts";
import { type Nginx, type NginxRequest, startNginx } from "../support/nginx.ts";
import { image, multiPlatform } from "../support/random-image.ts";
import type { Ended } from "../support/run.ts";
import { requireTool } from "../support/tool.ts";

setDefaultTimeout(60_000);

const IMAGES = { "team/app": multiPlatform(["linux/amd64", "linux/arm64"]), "team/tool": image({ seed: "tool" }) };
const NAMES = Object.keys(IMAGES) as (keyof typeof IMAGES)[];
const [ALICE, BOB] = [
  ["alice", "source: p@ss/word"],
  ["bob", "target password"],
] as const;
type User = readonly [name: string, password: string];

const missing = requireTool("nginx");

/** docker-registry with htpasswd behind an nginx that writes down every Authorization. */
interface Guarded extends AsyncDisposable {
  readonly host: string;
  readonly root: string;
  requests(): ReturnType<Nginx["requests"]>;
}

async function startGuarded(
  program: string,
  [name, password]: User,
  images: Partial<typeof IMAGES> = {},
): Promise<Guarded> {
  await using stack = new AsyncDisposableStack();
  const { path: root } = stack.use(await seededStorage(images, program));
  const { host } = stack.use(await startDebianRegistry({ program, root, users: { [name]: password } }));
  const nginx = stack.use(await startNginx({ upstream: host }));
  const all = stack.move();
  return { host: nginx.host, root, requests: nginx.requests, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

function encoded([name, password]: User): string {
  return Buffer.from(`${name}:${password}`).toString("base64");
}

function basic(user: User): string {
  return `Basic ${encoded(user)}`;
}

/** A file of logins as docker and podman write it. */
function auths(entries: Readonly<Record<string, User>>): string {
  const of = Object.entries(entries).map(([key, user]) => [key, { auth: encoded(user) }]);
  return JSON.stringify({ auths: Object.fromEntries(of) });
}

for (const { name, program, missing: absent } of DISTRIBUTIONS)
  describe.skipIf((missing ?? absent) !== undefined)(`credentials for ${name} with htpasswd`, () => testWith(program));

function testWith(program: string): void {
  let place: Workplace;
  let source: Guarded;
  let target: Guarded;
  /** Requests of the tests before. */
  let before: ReadonlyMap<Guarded, number>;
  /** What a test lets a registry see besides its own user; nothing, as a rule. */
  let tolerated: readonly string[];

  beforeAll(async () => {
    source = await startGuarded(program, ALICE, IMAGES);
  });
  beforeEach(async () => {
    target = await startGuarded(program, BOB);
    place = await openWorkplace();
    tolerated = [];
    before = new Map([[source, (await source.requests()).length]]);
  });
  afterEach(async () => {
    try {
      for (const [registry, user] of [[source, ALICE] as const, [target, BOB] as const])
        for (const { authorization } of await asked(registry))
          expect(["", basic(user), ...tolerated]).toContain(authorization);
    } finally {
      await place[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    }
  });
  afterAll(() => source?.[Symbol.asyncDispose]());

  /** What this test asked of a registry. */
  async function asked(registry: Guarded): Promise<readonly NginxRequest[]> {
    return (await registry.requests()).slice(before.get(registry) ?? 0);
  }

  async function put(path: string, text: string): Promise<string> {
    const file = join(dirname(place.path), path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    return file;
  }

  const lines = (): string => NAMES.map((name) => `${source.host}/${name}:v1\n`).join("");

  /** Saves from the source, with the list in a file: standard input may be a password. */
  async function save(args: readonly string[], options: DrayOptions = {}): Promise<Ended> {
    const list = await place.list("images.txt", lines().trim().split("\n"));
    return place.dray(["save", "-f", list, "-d", "images.tar", ...args], options);
  }

  async function expectSaved(ended: Ended): Promise<void> {
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Saved 2 images;/) });
    const manifests = (await asked(source)).filter(
      ({ path, status }) => path.includes("/manifests/") && status === 200,
    );
    expect(manifests.length).toBeGreaterThan(0);
    for (const { authorization } of manifests) expect(authorization).toBe(basic(ALICE));
  }

  async function saved(): Promise<string> {
    const env = { DOCKER_AUTH_CONFIG: auths({ [source.host]: ALICE }) };
    await expectSaved(await save([], { env }));
    return place.file("images.tar");
  }

  async function expectInTarget(): Promise<void> {
    for (const name of NAMES) await expectStored(target.root, name, IMAGES[name]);
  }

  describe("in files", () => {
    test.each([
      ["docker's", "home/.docker/config.json"],
      ["docker's first", "home/.dockercfg"],
      ["containers'", "home/.config/containers/auth.json"],
    ])("of %s place", async (_, path) => {
      const text = auths({ [source.host]: ALICE, [target.host]: BOB });
      await put(path, path.endsWith("cfg") ? JSON.stringify(JSON.parse(text).auths) : text);
      await expectSaved(await save([]));
      expect(await place.dray(["load", "-s", "images.tar", "-d", target.host])).toMatchObject({ code: 0 });
      await expectInTarget();
    });

    test.each([
      ["DOCKER_CONFIG", "somewhere/config.json", true],
      ["REGISTRY_AUTH_FILE", "somewhere/logins.json", false],
      ["XDG_RUNTIME_DIR", "run/containers/auth.json", true],
      ["XDG_CONFIG_HOME", "config/containers/auth.json", true],
    ])("that %s names", async (variable, path, isFolder) => {
      const file = await put(path, auths({ [source.host]: ALICE }));
      await put("home/.docker/config.json", auths({ [source.host]: BOB }));
      const folder = path.includes("/containers/") ? dirname(dirname(file)) : dirname(file);
      await expectSaved(await save([], { env: { [variable]: isFolder ? folder : file } }));
    });

    test("that --authfile names", async () => {
      const file = await put("logins.json", auths({ [source.host]: ALICE }));
      await put("home/.docker/config.json", auths({ [source.host]: BOB }));
      await expectSaved(await save(["--authfile", file]));
    });

    test("for a namespace, the longest first", async () => {
      const { host } = source;
      const entries = { [`${host}/other`]: BOB, [host]: BOB, [`${host}/team`]: ALICE };
      await put("home/.config/containers/auth.json", auths(entries));
      await expectSaved(await save([]));
    });

    test("on Deno", async () => {
      await put("home/.docker/config.json", auths({ [source.host]: ALICE, [target.host]: BOB }));
      const mirror = ["mirror", "-d", target.host];
      expect(await place.dray(mirror, { runtime: "deno", input: lines() })).toMatchObject({ code: 0 });
      await expectInTarget();
    });
  });

  describe("in the environment", () => {
    test("DOCKER_AUTH_CONFIG", async () => {
      await put("home/.docker/config.json", auths({ [source.host]: BOB }));
      const env = { DOCKER_AUTH_CONFIG: auths({ [source.host]: ALICE, [target.host]: BOB }) };
      await expectSaved(await save([], { env }));
      expect(await place.dray(["load", "-s", "images.tar", "-d", target.host], { env })).toMatchObject({ code: 0 });
      await expectInTarget();
    });

    test("SOURCE_USERNAME and SOURCE_PASSWORD, for SOURCE_REGISTRY", async () => {
      const [SOURCE_USERNAME, SOURCE_PASSWORD] = ALICE;
      const env = { SOURCE_REGISTRY: source.host, SOURCE_USERNAME, SOURCE_PASSWORD };
      await expectSaved(await save([], { env }));
    });

    test.each(["DOCKER", "DEST"])("%s_USERNAME and _PASSWORD, for the registry of -d", async (side) => {
      const archive = await saved();
      const env = { [`${side}_USERNAME`]: BOB[0], [`${side}_PASSWORD`]: BOB[1] };
      expect(await place.dray(["load", "-s", archive, "-d", target.host], { env })).toMatchObject({ code: 0 });
      await expectInTarget();
    });

    test.each(["DOCKER", "DEST"])(
      "%s_USERNAME and _PASSWORD, for the registry of the variable beside them",
      async (side) => {
        const archive = await saved();
        const env = { [`${side}_USERNAME`]: BOB[0], [`${side}_PASSWORD`]: BOB[1], [`${side}_REGISTRY`]: target.host };
        expect(await place.dray(["load", "-s", archive], { env })).toMatchObject({ code: 0 });
        await expectInTarget();
      },
    );

    test("DOCKER_USERNAME belongs to DOCKER_REGISTRY, and goes to no other -d", async () => {
      const archive = await saved();
      const [DOCKER_USERNAME, DOCKER_PASSWORD] = ALICE;
      const env = { DOCKER_USERNAME, DOCKER_PASSWORD, DOCKER_REGISTRY: source.host };
      expect((await place.dray(["load", "-s", archive, "-d", target.host], { env })).code).not.toBe(0);
      for (const { authorization } of await asked(target)) expect(authorization).toBe("");
    });

    test("SOURCE_* and DEST_* of one mirror, each to its own registry", async () => {
      const env = {
        SOURCE_REGISTRY: source.host,
        ...{ SOURCE_USERNAME: ALICE[0], SOURCE_PASSWORD: ALICE[1], DEST_USERNAME: BOB[0], DEST_PASSWORD: BOB[1] },
      };
      const mirrored = await place.dray(["mirror", "-d", target.host], { input: lines(), env });
      expect(mirrored).toMatchObject({ code: 0 });
      await expectInTarget();
    });
  });

  describe("as flags", () => {
    test("--username and --password-stdin, for the source of save", async () => {
      const args = ["-s", source.host, "--username", ALICE[0], "--password-stdin"];
      await expectSaved(await save(args, { input: `${ALICE[1]}\n` }));
    });

    test("--username and --password-stdin, for the destination of load", async () => {
      const args = ["load", "-s", await saved(), "-d", target.host, "--username", BOB[0], "--password-stdin"];
      expect(await place.dray(args, { input: `${BOB[1]}\n` })).toMatchObject({ code: 0 });
      await expectInTarget();
    });

    test("one side of a mirror each", async () => {
      const list = await place.list("images.txt", lines().trim().split("\n"));
      const args = ["mirror", "-f", list, "-s", source.host, "-d", target.host];
      const flags = ["--src-username", ALICE[0], "--src-password-stdin"];
      const env = { DEST_USERNAME: BOB[0], DEST_PASSWORD: BOB[1] };
      expect(await place.dray([...args, ...flags], { input: `${ALICE[1]}\n`, env })).toMatchObject({ code: 0 });
      await expectInTarget();
    });
  });

  describe("of a helper, a real executable", () => {
    test("named in credHelpers", async () => {
      const secrets = { [source.host]: ALICE, [target.host]: BOB };
      const { path: PATH, calls } = await createHelper(place.path, "test", secrets);
      const credHelpers = { [source.host]: "test", [target.host]: "test" };
      await put("home/.docker/config.json", JSON.stringify({ credHelpers }));
      const mirrored = await place.dray(["mirror", "-d", target.host], { input: lines(), env: { PATH } });
      expect(mirrored).toMatchObject({ code: 0 });
      await expectInTarget();
      expect([...(await calls())].sort()).toEqual([source.host, target.host].map((host) => `get ${host}`).sort());
    });

    test("named in credsStore, on Deno", async () => {
      const { path: PATH, calls } = await createHelper(place.path, "test", { [source.host]: ALICE });
      await put("home/.docker/config.json", JSON.stringify({ credsStore: "test", auths: { [source.host]: {} } }));
      await expectSaved(await save([], { env: { PATH }, runtime: "deno" }));
      expect(await calls()).toEqual([`get ${source.host}`]);
    });

    test("that fails is said, without what it printed in secret", async () => {
      await createHelper(place.path, "test");
      await writeFile(place.file("docker-credential-test"), "#!/bin/sh\necho 'the keychain is locked'\nexit 1\n");
      await put("home/.docker/config.json", JSON.stringify({ credHelpers: { [source.host]: "test" } }));
      const ended = await save([], { env: { PATH: `${place.path}:/usr/bin:/bin` } });
      expect(ended.code).not.toBe(0);
      expect(ended.stderr).toContain("docker-credential-test");
      for (const { authorization } of await asked(source)) expect(authorization).toBe("");
    });

    test("that is not there is named", async () => {
      await put("home/.docker/config.json", JSON.stringify({ credHelpers: { [source.host]: "nowhere" } }));
      const ended = await save([], { env: { PATH: "/usr/bin:/bin" } });
      expect(ended.code).not.toBe(0);
      expect(ended.stderr).toContain("docker-credential-nowhere");
    });
  });

  describe("that are wrong", () => {
    const MALLORY = ["alice", "not her password"] as const;

    test("end the run with one clear line, and nobody is tried instead", async () => {
      tolerated = [basic(MALLORY)];
      await put("home/.docker/config.json", auths({ [source.host]: MALLORY }));
      const { code, stdout, stderr } = await save([]);
      expect(code).toBe(3);
      expect(stdout).toMatch(/^Saved 0 images, 2 failed/);
      expect(stderr.match(/FAILED \[\S+\] Cannot /g)).toHaveLength(2);
      // What to do is the same for both, and said once.
      expect(stderr.match(/hint: .*credentials from .*config\.json were refused/g)).toHaveLength(1);
      expect(stdout + stderr).not.toContain(MALLORY[1]);
      expect(stdout + stderr).not.toContain(encoded(MALLORY));
      const requests = await asked(source);
      expect(requests.some(({ authorization }) => authorization === basic(MALLORY))).toBe(true);
      const refused = requests.findIndex(({ authorization }) => authorization !== "");
      for (const { authorization } of requests.slice(refused)) expect(authorization).toBe(basic(MALLORY));
    });

    test("are not shown in the debug log", async () => {
      tolerated = [basic(MALLORY)];
      await put("home/.docker/config.json", auths({ [source.host]: MALLORY }));
      const { stdout, stderr } = await save(["--debug"]);
      expect((await asked(source)).some(({ authorization }) => authorization === basic(MALLORY))).toBe(true);
      expect(stderr).toContain("-> 401");
      for (const secret of [MALLORY[1], encoded(MALLORY)]) expect(stdout + stderr).not.toContain(secret);
    });

    test("are missing: the line says so", async () => {
      const { code, stderr } = await save([]);
      expect(code).toBe(3);
      expect(stderr).toMatch(/FAILED \[\S+\] Cannot .*\n.*log in/);
      for (const { authorization } of await asked(source)) expect(authorization).toBe("");
    });
  });

  describe("of dray login", () => {
    const login = (registry: Guarded, [name, password]: User, options: DrayOptions = {}): Promise<Ended> =>
      place.dray(["login", registry.host, "--username", name, "--password-stdin"], {
        ...options,
        input: `${password}\n`,
      });

    test("are verified, written for nobody else to read, used, shown without secrets, and gone after logout", async () => {
      expect(await login(source, ALICE)).toMatchObject({ code: 0 });
      const file = join(dirname(place.path), "home", ".docker", "config.json");
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(JSON.parse(await readFile(file, "utf8")).auths[source.host]).toEqual({ auth: encoded(ALICE) });
      await expectSaved(await save([]));
      const { code, stdout, stderr } = await place.dray(["auth", `${source.host}/team/app`]);
      expect(code).toBe(0);
      for (const part of [ALICE[0], file]) expect(stdout).toContain(part);
      for (const secret of [ALICE[1], encoded(ALICE)]) expect(stdout + stderr).not.toContain(secret);
      expect(await place.dray(["logout", source.host])).toMatchObject({ code: 0 });
      expect((await save([])).code).toBe(3);
    });

    test("that are wrong are not written", async () => {
      tolerated = [basic(["alice", "wrong"])];
      const ended = await login(source, ["alice", "wrong"]);
      expect(ended.code).not.toBe(0);
      expect(ended.stderr).toMatch(/^dray: Cannot log in .*\n/);
      expect((await asked(source)).some(({ authorization }) => authorization !== "")).toBe(true);
      expect(await stat(join(dirname(place.path), "home", ".docker", "config.json")).catch(() => null)).toBeNull();
    });

    test("go to the helper that the file names, and leave it at logout", async () => {
      const helper = await createHelper(place.path, "test");
      const env = { PATH: helper.path };
      await put("home/.docker/config.json", JSON.stringify({ credsStore: "test" }));
      expect(await login(source, ALICE, { env })).toMatchObject({ code: 0 });
      expect(await helper.calls()).toContain(`store ${source.host}`);
      await expectSaved(await save([], { env }));
      expect(await place.dray(["logout", source.host], { env })).toMatchObject({ code: 0 });
      expect(await helper.calls()).toContain(`erase ${source.host}`);
      expect(await readFile(join(dirname(place.path), "home", ".docker", "config.json"), "utf8")).not.toContain(
        encoded(ALICE),
      );
    });
  });
}
