/** Who a run is at its registries, from flags, variables and files, for each side. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CredentialFlags, type KeychainOptions, openKeychains } from "../../src/cli/credentials.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";

let folder: TemporaryFolder;
let warnings: string[];
beforeEach(async () => {
  folder = await temporaryFolder();
  warnings = [];
});
afterEach(() => folder[Symbol.asyncDispose]());

type Settings = Partial<Omit<KeychainOptions, "env">> & { readonly env?: Record<string, string> };

/** `origin user` at a registry, for each side. */
async function whoAt(host: string, settings: Settings, flags: CredentialFlags = {}): Promise<(string | undefined)[]> {
  const { source, destination } = await openKeychains(flags, {
    about: "source",
    isInputTaken: false,
    onWarning: (message) => warnings.push(message),
    ...settings,
    env: { HOME: folder.path, XDG_RUNTIME_DIR: folder.path, ...settings.env },
  });
  const logins = [await source(host, "team/app"), await destination(host, "team/app")];
  return logins.map((login) => login && `${login.origin} ${login.credential.username}:${login.credential.password}`);
}

const prefix = (registry: string): { prefix: { registry: string; path: string } } => ({
  prefix: { registry, path: "" },
});

describe("variables", () => {
  const pair = (name: string, registry?: string): Record<string, string> => ({
    [`${name}_USERNAME`]: "me",
    [`${name}_PASSWORD`]: "pass:word",
    ...(registry !== undefined && { [`${name}_REGISTRY`]: registry }),
  });

  test.each([
    ["SOURCE", "source"],
    ["DEST", "destination"],
    ["DOCKER", "destination"],
  ] as const)("%s_* are for the %s: its own registry, else that of the flag, else Docker Hub", async (name, side) => {
    const login = `${name}_USERNAME me:pass:word`;
    const both = side === "source" ? [login, undefined] : [undefined, login];
    const neither = [undefined, undefined];
    const own = { env: pair(name, "own.example"), [side]: prefix("own.example") };
    expect(await whoAt("own.example", own)).toEqual(both);
    expect(await whoAt("docker.io", own)).toEqual(neither);
    const flag = { env: pair(name), [side]: prefix("flag.example") };
    expect(await whoAt("flag.example", flag)).toEqual(both);
    expect(await whoAt("docker.io", flag)).toEqual(neither);
    const hub = { env: pair(name) };
    expect(await whoAt("docker.io", hub)).toEqual(both);
    expect(await whoAt("any.example", hub)).toEqual(neither);
    expect(warnings).toEqual([]);
  });

  test("go to no other registry than their own, whatever the flag names, and that is said", async () => {
    const settings = { env: pair("DOCKER", "own.example"), destination: prefix("flag.example") };
    expect(await whoAt("flag.example", settings)).toEqual([undefined, undefined]);
    expect(warnings).toEqual([
      'DOCKER_USERNAME is for "own.example", as DOCKER_REGISTRY says: it is not used at "flag.example"',
    ]);
    expect(await whoAt("own.example", settings)).toEqual([undefined, "DOCKER_USERNAME me:pass:word"]);
  });

  test("DEST_* come before DOCKER_*", async () => {
    const env = { ...pair("DOCKER"), ...pair("DEST"), DEST_USERNAME: "dest" };
    const settings = { env, destination: prefix("r.example") };
    expect(await whoAt("r.example", settings)).toEqual([undefined, "DEST_USERNAME dest:pass:word"]);
  });

  test("a registry may be spelt as docker spells it", async () => {
    const settings = { env: pair("DOCKER", "https://index.docker.io/v1/"), destination: prefix("docker.io") };
    expect(await whoAt("docker.io", settings)).toEqual([undefined, "DOCKER_USERNAME me:pass:word"]);
    expect(warnings).toEqual([]);
  });

  test("one without the other is ignored, and that is said", async () => {
    const env = { SOURCE_USERNAME: "me", DEST_PASSWORD: "topsecret", DEST_USERNAME: "" };
    expect(await whoAt("docker.io", { env })).toEqual([undefined, undefined]);
    expect(warnings).toEqual([
      "SOURCE_USERNAME is ignored: SOURCE_PASSWORD is not set",
      "DEST_PASSWORD is ignored: DEST_USERNAME is not set",
    ]);
  });

  test("a user name that Basic cannot carry is refused", async () => {
    const env = { SOURCE_USERNAME: "a:b", SOURCE_PASSWORD: "x" };
    expect(await errorOf(() => whoAt("docker.io", { env }))).toBe(
      "USAGE: Cannot use SOURCE_USERNAME: a user name has no colon and no control characters",
    );
  });
});

describe("what the machine keeps", () => {
  const auths = (name: string): string =>
    JSON.stringify({ auths: { "r.example": { auth: Buffer.from(`${name}:x`).toString("base64") } } });

  test("comes after variables: DOCKER_AUTH_CONFIG, then files", async () => {
    await writeFile(join(folder.path, ".dockercfg"), JSON.stringify(JSON.parse(auths("file")).auths));
    const path = join(folder.path, ".dockercfg");
    expect(await whoAt("r.example", {})).toEqual([`${path} file:x`, `${path} file:x`]);
    const env = { DOCKER_AUTH_CONFIG: auths("text") };
    expect(await whoAt("r.example", { env })).toEqual(["DOCKER_AUTH_CONFIG text:x", "DOCKER_AUTH_CONFIG text:x"]);
    const both = { ...env, SOURCE_REGISTRY: "r.example", SOURCE_USERNAME: "me", SOURCE_PASSWORD: "y" };
    expect(await whoAt("r.example", { env: both })).toEqual(["SOURCE_USERNAME me:y", "DOCKER_AUTH_CONFIG text:x"]);
  });

  test("is only the file of --authfile where that is given", async () => {
    await writeFile(join(folder.path, ".dockercfg"), "malformed, and never read");
    const authfile = join(folder.path, "auth.json");
    await writeFile(authfile, auths("file"));
    expect(await whoAt("r.example", {}, { authfile })).toEqual([`${authfile} file:x`, `${authfile} file:x`]);
    expect(await whoAt("s.example", {}, { authfile })).toEqual([undefined, undefined]);
  });
});

describe("flags are refused", () => {
  const at = { source: prefix("s.example"), destination: prefix("d.example") };
  test.each<[string, CredentialFlags, Settings, string]>([
    ["without a user name", { "password-stdin": true }, at, "Cannot use --password-stdin: no user name is given"],
    [
      "without a user name for a side",
      { "dest-password-stdin": true },
      at,
      "Cannot use --dest-password-stdin: no user name is given",
    ],
    [
      "twice for one side",
      { username: "me", "src-username": "me" },
      at,
      "Cannot use --src-username and --username: both are for the source",
    ],
    [
      "with a colon in the name",
      { username: "a:b" },
      at,
      "Cannot use --username: a user name has no colon and no control characters",
    ],
    [
      "where standard input is the list",
      { username: "me", "password-stdin": true },
      { ...at, isInputTaken: true },
      "Cannot read the password from standard input: the list comes from there",
    ],
    ["for no registry", { username: "me" }, {}, "Cannot tell which registry --username is for: there is none"],
    [
      "for several registries",
      { username: "me" },
      { source: { hosts: ["a.example", "b.example"] } },
      "Cannot tell which registry --username is for: the list has several",
    ],
  ])("%s", async (_, flags, settings, message) => {
    expect(await errorOf(() => whoAt("r.example", settings, flags))).toBe(`USAGE: ${message}`);
  });

  test("an absent --authfile", async () => {
    const authfile = join(folder.path, "none.json");
    expect(await errorOf(() => whoAt("r.example", {}, { authfile }))).toStartWith(
      `USAGE: Cannot read credentials "${authfile}": `,
    );
  });
});

describe("malformed", () => {
  function open(env: Record<string, string>): Promise<unknown> {
    return openKeychains(
      {},
      {
        about: "source",
        isInputTaken: false,
        onWarning: (message) => warnings.push(message),
        env: { HOME: folder.path, XDG_RUNTIME_DIR: folder.path, PATH: folder.path, ...env },
      },
    );
  }

  test("what is kept is an error before the run", async () => {
    expect(await errorOf(() => open({ DOCKER_AUTH_CONFIG: "{" }))).toBe(
      'USAGE: Cannot read credentials "DOCKER_AUTH_CONFIG": it is not JSON',
    );
    const path = join(folder.path, "config.json");
    await writeFile(path, '{"auths":[]}');
    expect(await errorOf(() => open({ DOCKER_CONFIG: folder.path }))).toBe(
      `USAGE: Cannot read credentials "${path}": "auths" is not an object`,
    );
  });

  test("no program runs for that, and an absent file is nothing", async () => {
    await open({ DOCKER_AUTH_CONFIG: '{"credsStore":"absent","credHelpers":{"r.example":"absent"}}' });
    expect(warnings).toEqual([]);
  });
});
