/** Logins written and erased as docker and podman do. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createCredentialPrograms } from "../../../src/registry/credentials/credential-program.ts";
import { eraseLogin, loginsIn, storeLogin } from "../../../src/registry/credentials/login-file.ts";
import { parseKey } from "../../../src/registry/credentials/registry-key.ts";
import { loginsOfFile } from "../../../src/registry/credentials/stored-logins.ts";
import { type ProgramFolder, programFolder } from "../../support/credential-programs.ts";
import { errorOf } from "../../support/thrown.ts";

let folder: ProgramFolder;
let path: string;
beforeEach(async () => {
  folder = await programFolder();
  path = join(folder.path, "config.json");
});
afterEach(() => folder[Symbol.asyncDispose]());

const ME = { username: "me", password: "pass:word" };
const AUTH = Buffer.from("me:pass:word").toString("base64");

const options = () => ({ programs: createCredentialPrograms() });
const store = (key: string, credential: Parameters<typeof storeLogin>[2] = ME): Promise<string | undefined> =>
  storeLogin(path, parseKey(key), credential, options());
const erase = (key: string): Promise<boolean> => eraseLogin(path, parseKey(key), options());
const text = (): Promise<string> => readFile(path, "utf8");
const json = async (): Promise<Record<string, unknown>> => JSON.parse(await text());
const write = (content: unknown): Promise<void> =>
  writeFile(path, typeof content === "string" ? content : JSON.stringify(content));

describe("a login", () => {
  test("is written as docker writes it, into a file that is made for it", async () => {
    expect(await store("r.example:5000")).toBeUndefined();
    expect(await text()).toBe(`{\n\t"auths": {\n\t\t"r.example:5000": {\n\t\t\t"auth": "${AUTH}"\n\t\t}\n\t}\n}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test("leaves all else as it is, and the file in its form", async () => {
    const others = {
      HttpHeaders: { "X-Meta": "1" },
      auths: { "s.example": { auth: "x", email: "e" } },
      psFormat: "{{.ID}}",
    };
    await write(JSON.stringify(others, null, 4));
    await store("r.example");
    expect(await text()).toBe(
      JSON.stringify({ ...others, auths: { ...others.auths, "r.example": { auth: AUTH } } }, null, 4),
    );
  });

  test("takes the place of an older one in any spelling, so that no tool finds that", async () => {
    await write({
      auths: { "docker.io": { auth: "b2xkOng=" }, "https://index.docker.io/v1/": {}, "docker.io/team": {} },
    });
    await store("docker.io");
    expect(await json()).toEqual({ auths: { "docker.io/team": {}, "https://index.docker.io/v1/": { auth: AUTH } } });
  });

  test("for a namespace has a key of its own", async () => {
    await store("r.example");
    await store("r.example/team", { username: "robot", password: "x" });
    const { find } = loginsOfFile(path, { ...options(), onWarning: () => {} });
    expect((await find("r.example", "team/app"))?.credential.username).toBe("robot");
    expect((await find("r.example", "app"))?.credential).toEqual(ME);
  });

  test("with an identity token keeps it", async () => {
    await store("r.example", { ...ME, identityToken: "refresh" });
    expect(await json()).toEqual({ auths: { "r.example": { auth: AUTH, identitytoken: "refresh" } } });
  });

  test("by twenty at once is written for each", async () => {
    const hosts = Array.from({ length: 20 }, (_, index) => `r${index}.example`);
    await Promise.all(hosts.map((host) => store(host)));
    expect(Object.keys((await json()).auths as object).sort()).toEqual(hosts.sort());
    expect((await readdir(folder.path)).filter((name) => name.startsWith("config"))).toEqual(["config.json"]);
  });

  test("is not written into a malformed file, which stays", async () => {
    await write('{"auths":');
    expect(await errorOf(() => store("r.example"))).toBe(`USAGE: Cannot read credentials "${path}": it is not JSON`);
    expect(await text()).toBe('{"auths":');
  });
});

describe("with a program", () => {
  test.each([
    ["credsStore", { credsStore: "keeper" }],
    ["credHelpers", { credHelpers: { "https://r.example": "keeper" }, credsStore: "absent-program" }],
  ])("of %s, the file gets a mark only", async (_, config) => {
    await folder.program("keeper", `cat >'${folder.path}'/input`);
    await write({ ...config, auths: { "r.example": { auth: "old" } } });
    expect(await store("r.example")).toBe("docker-credential-keeper");
    expect(await json()).toEqual({ ...config, auths: { "r.example": {} } });
    const input = JSON.parse(await readFile(join(folder.path, "input"), "utf8"));
    expect(input).toEqual({ ServerURL: "r.example", Username: "me", Secret: "pass:word" });
  });

  test("that fails or is absent, nothing is written", async () => {
    for (const [name, code] of [
      ["failing", "UNAUTHORIZED"],
      ["absent-program", "NOT_FOUND"],
    ] as const) {
      await folder.program("failing", "echo topsecret; exit 1");
      await write({ credsStore: name });
      expect(await errorOf(() => store("r.example"))).toStartWith(
        `${code}: Cannot store credentials for "r.example": `,
      );
      expect(await json()).toEqual({ credsStore: name });
    }
  });

  test("a namespace cannot be stored", async () => {
    await write({ credsStore: "keeper" });
    expect(await errorOf(() => store("r.example/team"))).toBe(
      'USAGE: Cannot store a login for "r.example/team": docker-credential-keeper knows whole registries only',
    );
  });

  test("erasing reaches both", async () => {
    await folder.answering("keeper", "me", "x");
    await write({ credsStore: "keeper", auths: { "https://index.docker.io/v1/": {} } });
    expect(await erase("docker.io")).toBe(true);
    expect(await folder.log("keeper")).toEqual([
      "get https://index.docker.io/v1/",
      "erase https://index.docker.io/v1/",
    ]);
    expect(await json()).toEqual({ credsStore: "keeper", auths: {} });
  });
});

describe("erasing", () => {
  test("takes out every spelling of the registry, and nothing else", async () => {
    const auths = { "r.example": {}, "https://r.example/v1/": {}, "r.example/team": {}, "s.example": {} };
    await write({ auths, detachKeys: "ctrl-e" });
    expect(await erase("r.example")).toBe(true);
    expect(await json()).toEqual({ auths: { "r.example/team": {}, "s.example": {} }, detachKeys: "ctrl-e" });
    expect(await erase("r.example/team")).toBe(true);
    expect(await json()).toEqual({ auths: { "s.example": {} }, detachKeys: "ctrl-e" });
  });

  test("what is not there changes nothing, and makes no file", async () => {
    expect(await erase("r.example")).toBe(false);
    expect(await readdir(folder.path)).toEqual([]);
    await write('{ "auths": {} }');
    expect(await erase("r.example")).toBe(false);
    expect(await text()).toBe('{ "auths": {} }');
  });

  test("from what cannot be read is an error, not nothing to do", async () => {
    await mkdir(path);
    for (const work of [() => erase("r.example"), () => store("r.example"), () => loginsIn(path)])
      expect(await errorOf(work)).toStartWith(`STORAGE: Cannot read credentials "${path}": `);
    expect(await readdir(folder.path)).toEqual(["config.json"]);
  });
});

test("what the file has is known once for each spelling; of no file it is nothing", async () => {
  expect(await loginsIn(path)).toEqual([]);
  expect(await loginsIn(join(path, "below"))).toEqual([]);
  await write({ auths: { "r.example": {}, "https://r.example/v1/": {}, "r.example/team": {} } });
  expect(await loginsIn(join(path, "below"))).toEqual([]);
  expect(await loginsIn(path)).toMatchObject([
    { host: "r.example", path: "team" },
    { host: "r.example", path: "" },
  ]);
});
