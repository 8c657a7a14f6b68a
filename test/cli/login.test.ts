/** `dray login`, `dray logout` and `dray auth` as people use them, with a registry that wants Basic. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type DrayOptions, openWorkplace, type Workplace } from "../support/dray.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { run } from "../support/run.ts";
import { requireTool } from "../support/tool.ts";

const AUTH = Buffer.from("me:pass:word").toString("base64");

let work: Workplace;
let registry: TestRegistry;
let home: string;
let config: string;
beforeEach(async () => {
  work = await openWorkplace();
  home = join(dirname(work.path), "home");
  config = join(home, ".docker", "config.json");
  registry = await startRegistry(undefined, {
    wrap: (handler) => async (request) =>
      request.headers.get("authorization") === `Basic ${AUTH}`
        ? handler(request)
        : new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="here"' } }),
  });
});
afterEach(async () => {
  await registry.close();
  await work[Symbol.asyncDispose]();
});

const login = (args: readonly string[] = [], options: DrayOptions = {}) =>
  work.dray(["login", registry.host, "-u", "me", "--password-stdin", ...args], { input: "pass:word\n", ...options });
const json = async (path = config): Promise<unknown> => JSON.parse(await readFile(path, "utf8"));
const untimed = (text: string): string => text.replace(/^\d\d:\d\d:\d\d/gm, "HH:MM:SS");

describe("login", () => {
  test.each(["bun", "deno"] as const)("tries the login, then keeps it for its owner only, on %s", async (runtime) => {
    const { code, stdout, stderr } = await login([], { runtime });
    expect(stdout).toBe(`Logged in to ${registry.host} as me; it is in ${config}\n`);
    expect(untimed(stderr)).toBe(
      "HH:MM:SS [WARN] the password is not encrypted there; a credential helper (credsStore) can keep it safer\n",
    );
    expect(code).toBe(0);
    expect(await json()).toEqual({ auths: { [registry.host]: { auth: AUTH } } });
    expect((await stat(config)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(config))).mode & 0o777).toBe(0o700);
  });

  test("keeps nothing that is refused, and shows nothing of it", async () => {
    const { code, stdout, stderr } = await login(["--debug"], { input: "topsecret" });
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain(`dray: Cannot log in at "${registry.host}": `);
    expect(stderr).not.toContain("topsecret");
    expect(stderr).not.toContain(Buffer.from("me:topsecret").toString("base64"));
    expect(await stat(dirname(config)).catch(() => undefined)).toBeUndefined();
  });

  test("writes the file that is named, as a flag or variable", async () => {
    const file = work.file("auth.json");
    expect((await login(["--authfile", file])).code).toBe(0);
    expect((await login([], { env: { REGISTRY_AUTH_FILE: work.file("other.json") } })).code).toBe(0);
    expect((await login([], { env: { DOCKER_CONFIG: work.file("folder") } })).code).toBe(0);
    for (const path of [file, work.file("other.json"), work.file("folder/config.json")])
      expect(await json(path)).toEqual({ auths: { [registry.host]: { auth: AUTH } } });
    expect(await stat(config).catch(() => undefined)).toBeUndefined();
  });

  test("takes a password as an argument for older scripts, with a warning", async () => {
    const { code, stderr } = await work.dray(["login", "-u", "me", "-p", "pass:word", registry.host]);
    expect(code).toBe(0);
    expect(stderr).toContain("use --password-stdin");
    expect(stderr).not.toContain("pass:word");
  });

  test("is not proven at a registry that asks nobody", async () => {
    await using open = await startRegistry();
    const { code, stderr } = await work.dray(["login", open.host, "-u", "me", "--password-stdin"], { input: "x" });
    expect(code).toBe(0);
    expect(stderr).toContain(`${open.host} asks nobody to log in: the login is kept, but not proven`);
  });

  test.each([
    ["without a user name", ["r.example"], "", "Cannot log in to r.example: no user name is given"],
    ["without a password", ["r.example", "-u", "me"], "x", "Cannot log in as me at r.example: no password is given"],
    [
      "with two",
      ["r.example", "-u", "me", "-p", "x", "--password-stdin"],
      "x",
      "Cannot use --password and --password-stdin: they are two passwords",
    ],
    [
      "with an empty one",
      ["r.example", "-u", "me", "--password-stdin"],
      "\n",
      "Cannot read the password from standard input: it is empty",
    ],
    [
      "with a colon in the name",
      ["r.example", "-u", "a:b", "--password-stdin"],
      "x",
      "Cannot log in to r.example: a user name has no colon and no control characters",
    ],
    [
      "to no registry",
      ["not a host", "-u", "me", "--password-stdin"],
      "x",
      'Cannot use "not a host" as a registry: expected HOST[:PORT][/NAMESPACE]',
    ],
  ])("%s is refused, and nobody is asked", async (_, args, input, message) => {
    const { code, stderr } = await work.dray(["login", ...args], { input });
    expect(code).toBe(2);
    expect(stderr).toContain(`dray: ${message}\n`);
  });

  const missing = process.platform === "linux" ? requireTool("script") : "script of util-linux is on Linux only";
  test.skipIf(missing !== undefined)("asks at a terminal, and shows nothing of the password", async () => {
    const main = join(dirname(dirname(import.meta.dirname)), "src", "main.ts");
    const typed = work.file("typed");
    await writeFile(typed, "");
    // Answers are typed when they are asked for: the terminal itself shows what comes earlier.
    const command = `${process.execPath} ${main} login ${registry.host}`;
    const answers = `
      until grep -q 'User name' ${typed}; do sleep 0.05; done; echo me
      until grep -q 'Password of me' ${typed}; do sleep 0.05; done; echo pass:word
      until grep -q 'Logged in' ${typed}; do sleep 0.05; done`;
    const ended = await run("sh", ["-c", `(${answers}) | timeout 20 script -qfec '${command}' ${typed} >/dev/null`], {
      HOME: home,
    });
    const shown = await readFile(typed, "utf8");
    expect(shown).toContain(`Logged in to ${registry.host} as me`);
    expect(ended.code).toBe(0);
    expect(shown).not.toContain("pass:word");
    expect(await json()).toEqual({ auths: { [registry.host]: { auth: AUTH } } });
  });
});

describe("logout", () => {
  test("forgets the login, and says where another is", async () => {
    const other = work.file("other.json");
    await login();
    await login(["--authfile", other]);
    const out = await work.dray(["logout", registry.host], {
      env: { DOCKER_AUTH_CONFIG: await readFile(other, "utf8") },
    });
    expect(out.stdout).toBe(`Logged out of ${registry.host}; it was in ${config}\n`);
    expect(untimed(out.stderr)).toBe(
      `HH:MM:SS [WARN] there is another login for ${registry.host} in DOCKER_AUTH_CONFIG\n`,
    );
    expect(out.code).toBe(0);
    expect(await json()).toEqual({ auths: {} });
  });

  test("of what is not there is an error that says where it is", async () => {
    await mkdir(home, { recursive: true });
    await writeFile(join(home, ".dockercfg"), JSON.stringify({ "r.example": { auth: AUTH } }));
    const { code, stderr } = await work.dray(["logout", "r.example"]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `dray: Cannot log out of "r.example": ${config} has no login for it\n` +
        `  ${join(home, ".dockercfg")} has one: dray logout --authfile FILE takes it out\n`,
    );
    expect(await stat(dirname(config)).catch(() => undefined)).toBeUndefined();
  });

  test("--all forgets every login of the file, and nothing else that is in it", async () => {
    await mkdir(dirname(config), { recursive: true });
    const auths = { "https://index.docker.io/v1/": { auth: AUTH }, "docker.io": {}, "r.example/team": { auth: AUTH } };
    await writeFile(config, JSON.stringify({ auths, psFormat: "x" }));
    const { code, stdout } = await work.dray(["logout", "--all"]);
    expect(code).toBe(0);
    expect(stdout.split("\n").sort()).toEqual(["", "Logged out of docker.io", "Logged out of r.example/team"]);
    expect(await json()).toEqual({ auths: {}, psFormat: "x" });
  });

  test("--all of a file without any says so", async () => {
    const { code, stdout, stderr } = await work.dray(["logout", "--all"]);
    expect([code, stdout, untimed(stderr)]).toEqual([0, "", `HH:MM:SS [INFO] there are no logins in ${config}\n`]);
  });

  test("--all of a file that cannot be read fails, and says so in one line", async () => {
    await mkdir(config, { recursive: true });
    const { code, stdout, stderr } = await work.dray(["logout", "--all"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^dray: Cannot read credentials ".*config\.json": .+\n$/);
  });

  test("--all takes out what it can, and fails where something stays", async () => {
    await mkdir(dirname(config), { recursive: true });
    const auths = { "a.example": { auth: AUTH }, "r.example": {}, "s.example": { auth: AUTH } };
    await writeFile(config, JSON.stringify({ auths, credHelpers: { "r.example": "none" } }));
    const { code, stdout, stderr } = await work.dray(["logout", "--all"]);
    expect([code, stdout]).toEqual([1, "Logged out of a.example\nLogged out of s.example\n"]);
    expect(untimed(stderr)).toBe(
      'HH:MM:SS [ERRO] Cannot get credentials for "r.example": there is no program docker-credential-none\n' +
        "HH:MM:SS [ERRO] hint: install docker-credential-none, or use a file of logins that does not name it: --authfile FILE\n",
    );
    expect(await json()).toMatchObject({ auths: { "r.example": {} } });
  });

  test.each([[["logout"]], [["logout", "--all", "r.example"]]])("%p is refused", async (args) => {
    const { code, stderr } = await work.dray(args);
    expect(code).toBe(2);
    expect(stderr).toBe("dray: Cannot log out: give a registry, or --all\n  dray auth lists the logins\n");
  });
});

describe("auth", () => {
  beforeEach(async () => {
    await mkdir(dirname(config), { recursive: true });
    await writeFile(
      config,
      JSON.stringify({
        auths: { "r.example/team": { auth: AUTH }, "docker.io": { identitytoken: "topsecret" }, "s.example": {} },
        credsStore: "test",
      }),
    );
    const script = `#!/bin/sh
      [ "$1" = list ] && echo '{"t.example":"x"}' && exit
      read server
      case $server in *.example) echo '{"Username":"'$server'-user","Secret":"topsecret"}' ;;
      *) echo credentials not found; exit 1 ;; esac`;
    await writeFile(work.file("docker-credential-test"), script, { mode: 0o755 });
  });
  const auth = (args: readonly string[], env: Record<string, string> = {}) =>
    work.dray(["auth", ...args], { env: { PATH: `${work.path}:/usr/bin:/bin`, ...env } });

  test("says who a run would be at each name, and nothing secret", async () => {
    const { code, stdout, stderr } = await auth(
      ["r.example/team/app:1", "r.example/app", "s.example", "nginx", "other"],
      {
        SOURCE_USERNAME: "source",
        SOURCE_PASSWORD: "topsecret",
        SOURCE_REGISTRY: "s.example",
      },
    );
    const helper = `docker-credential-test (credsStore of ${config})`;
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["NAME", "USER", "KIND", "HTTP", "FROM"],
      ["r.example/team/app", "me", "password", "yes", config],
      ["r.example/app", "r.example-user", "password", "no", helper],
      ["s.example (source)", "source", "password", "yes", "SOURCE_USERNAME"],
      ["s.example (destination)", "s.example-user", "password", "yes", helper],
      ["docker.io/library/nginx", "<token>", "identity token", "yes", config],
      ["docker.io/library/other", "<token>", "identity token", "yes", config],
      [""],
    ]);
    expect(stdout + stderr).not.toMatch(new RegExp(`topsecret|pass:word|${AUTH}`));
    expect(code).toBe(0);
  });

  test("without names lists all there is", async () => {
    const { stdout } = await auth([], { DOCKER_USERNAME: "me", DOCKER_PASSWORD: "x" });
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/).slice(0, 2))).toEqual([
      ["NAME", "USER"],
      ["docker.io", "me"],
      ["r.example/team", "me"],
      ["docker.io", "<token>"],
      ["s.example", "s.example-user"],
      ["t.example", "t.example-user"],
      [""],
    ]);
  });

  test("as JSON", async () => {
    const { stdout } = await auth(["--json", "r.example/team/app", "docker.io"], {
      REGISTRY_AUTH_FILE: work.file("none"),
    });
    const nobody = { username: null, kind: null, http: false, origin: null };
    expect(JSON.parse(stdout)).toEqual([
      { name: "r.example/team/app", registry: "r.example", ...nobody },
      { name: "docker.io", registry: "docker.io", ...nobody },
    ]);
  });

  test("says what is wrong with one, and goes on with the others", async () => {
    await writeFile(
      config,
      JSON.stringify({ auths: { "r.example": { auth: AUTH } }, credHelpers: { "s.example": "none" } }),
    );
    const { code, stdout, stderr } = await auth([]);
    expect(code).toBe(1);
    expect(stdout.split("\n")[1]).toStartWith("r.example  me ");
    expect(untimed(stderr)).toBe(
      `HH:MM:SS [ERRO] Cannot get credentials for "s.example": there is no program docker-credential-none, which "${config}" names for it\n` +
        "HH:MM:SS [ERRO] hint: install it, or take it out of credHelpers\n",
    );
  });

  test("names a malformed file", async () => {
    await writeFile(config, "topsecret");
    const { code, stderr } = await auth(["nginx"]);
    expect(code).toBe(1);
    expect(untimed(stderr)).toBe(
      `HH:MM:SS [ERRO] Cannot read credentials "${config}": it is not JSON\n` +
        "HH:MM:SS [ERRO] hint: mend it, or move it away and log in again\n",
    );
  });
});
