/** Logins in files, with real programs where files name them. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createCredentialPrograms } from "../../../src/registry/credentials/credential-program.ts";
import { createKeychain, type LoginSource } from "../../../src/registry/credentials/keychain.ts";
import { loginsOfFile, loginsOfText } from "../../../src/registry/credentials/stored-logins.ts";
import { type ProgramFolder, programFolder } from "../../support/credential-programs.ts";
import { errorOf } from "../../support/thrown.ts";
import { testWithoutRights } from "../../support/without-rights.ts";

let folder: ProgramFolder;
let warnings: string[];
beforeAll(async () => {
  folder = await programFolder();
});
beforeEach(() => {
  warnings = [];
});
afterAll(() => folder[Symbol.asyncDispose]());

const onWarning = (message: string): void => void warnings.push(message);

function auth(name: string): { auth: string } {
  return { auth: Buffer.from(`${name}:pass:word`).toString("base64") };
}

let count = 0;
async function file(content: unknown, name = `${++count}.json`): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

async function logins(content: unknown): Promise<LoginSource> {
  return loginsOfFile(await file(content), { programs: createCredentialPrograms(), onWarning });
}

async function userAt(source: LoginSource, host: string, path = ""): Promise<string | undefined> {
  return (await source.find(host, path))?.credential.username;
}

describe("in a file", () => {
  test("are found by every spelling, with where they come from", async () => {
    const path = await file({ auths: { "https://index.docker.io/v1/": auth("me") } });
    const { find } = loginsOfFile(path, { programs: createCredentialPrograms(), onWarning });
    const login = { credential: { username: "me", password: "pass:word" }, origin: path, named: true };
    for (const host of ["docker.io", "index.docker.io", "registry-1.docker.io"])
      expect(await find(host, "library/nginx")).toEqual(login);
    expect(await find("r.example", "library/nginx")).toBeUndefined();
  });

  test("the longest namespace counts", async () => {
    const source = await logins({
      auths: {
        "r.example": auth("all"),
        "r.example/a": auth("a"),
        "r.example/a/b": auth("ab"),
        "s.example/a": auth("s"),
      },
    });
    const found = ["a/b/c", "a/b", "a/bc", "a", "ab", ""].map((path) => userAt(source, "r.example", path));
    expect(await Promise.all(found)).toEqual(["ab", "ab", "a", "a", "all", "all"]);
    expect(await userAt(source, "s.example", "b")).toBeUndefined();
  });

  test("another port is another registry", async () => {
    const source = await logins({ auths: { "r.example:5000": auth("port") } });
    expect(await userAt(source, "r.example")).toBeUndefined();
    expect(await userAt(source, "R.example:5000")).toBe("port");
  });

  test("of several files the first that knows counts; absent ones and folders are passed over", async () => {
    const options = { programs: createCredentialPrograms(), onWarning };
    const first = await file({ auths: { "r.example": auth("first"), "s.example": {} } });
    const second = await file({ auths: { "r.example": auth("second"), "s.example": auth("second") } });
    const paths = [join(folder.path, "absent"), folder.path, first, second];
    const keychain = createKeychain(paths.map((path) => loginsOfFile(path, options)));
    expect((await keychain("r.example", ""))?.origin).toBe(first);
    expect((await keychain("s.example", ""))?.origin).toBe(second);
  });

  testWithoutRights("one that may not be read is told once, and passed over", import.meta.path, async () => {
    const path = await file({ auths: { "r.example": auth("me") } });
    await chmod(path, 0);
    const source = loginsOfFile(path, { programs: createCredentialPrograms(), onWarning });
    expect(await userAt(source, "r.example")).toBeUndefined();
    expect(await source.find("r.example", "", { renew: true })).toBeUndefined();
    expect(warnings).toEqual([`"${path}" may not be read: its logins are not used`]);
  });

  test("a renewal reads it again: others log in while a run goes on", async () => {
    const path = await file({ auths: { "r.example": auth("old") } });
    const { find } = loginsOfFile(path, { programs: createCredentialPrograms(), onWarning });
    await find("r.example", "");
    await writeFile(path, JSON.stringify({ auths: { "r.example": auth("new") } }));
    expect((await find("r.example", ""))?.credential.username).toBe("old");
    expect((await find("r.example", "", { renew: true }))?.credential.username).toBe("new");
    expect((await find("r.example", ""))?.credential.username).toBe("new");
  });

  test("a malformed one is named, whatever is looked up", async () => {
    const path = await file("{");
    const { find, registries } = loginsOfFile(path, { programs: createCredentialPrograms(), onWarning });
    const message = `USAGE: Cannot read credentials "${path}": it is not JSON`;
    expect(await errorOf(() => find("r.example", ""))).toBe(message);
    expect(await errorOf(() => registries())).toBe(message);
  });

  test("a text is the same", async () => {
    const text = JSON.stringify({ auths: { "r.example": auth("me") } });
    const { find } = loginsOfText(text, "DOCKER_AUTH_CONFIG", { programs: createCredentialPrograms(), onWarning });
    expect(await find("r.example", "x")).toMatchObject({ origin: "DOCKER_AUTH_CONFIG", named: true });
  });
});

describe("of programs", () => {
  test("credHelpers before credsStore before the file, and a namespace before all", async () => {
    await folder.answering("own", "own", "x");
    await folder.answering("all", "all", "x");
    const auths = { "a.example": auth("file"), "b.example": auth("file"), "a.example/team": auth("team") };
    const source = await logins({ auths, credHelpers: { "a.example": "own" }, credsStore: "all" });
    expect(await userAt(source, "a.example", "other/app")).toBe("own");
    expect(await userAt(source, "a.example", "team/app")).toBe("team");
    expect(await userAt(source, "b.example")).toBe("all");
    expect(await folder.log("all")).toEqual(["get b.example"]);
  });

  test("where they know nothing, the file is looked at", async () => {
    await folder.program("ignorant", "echo 'credentials not found in native keychain'; exit 1");
    const auths = { "a.example": auth("file"), "b.example": auth("file"), "c.example": {} };
    const source = await logins({ auths, credHelpers: { "a.example": "ignorant" }, credsStore: "ignorant" });
    expect(await userAt(source, "a.example")).toBe("file");
    expect(await userAt(source, "b.example")).toBe("file");
    expect(await userAt(source, "c.example")).toBeUndefined();
  });

  test("an empty name in credHelpers means the file", async () => {
    await folder.answering("unwanted", "all", "x");
    const source = await logins({
      auths: { "r.example": auth("file") },
      credHelpers: { "r.example": "" },
      credsStore: "unwanted",
    });
    expect(await userAt(source, "r.example")).toBe("file");
    expect(await folder.log("unwanted")).toEqual([]);
  });

  test("Docker Hub is asked for as docker does", async () => {
    await folder.answering("hub", "me", "x");
    const source = await logins({ credHelpers: { "docker.io": "hub" } });
    expect(await userAt(source, "registry-1.docker.io", "library/nginx")).toBe("me");
    expect(await folder.log("hub")).toEqual(["get https://index.docker.io/v1/"]);
  });

  test("name a registry where its file does: an answer of a credsStore alone does not", async () => {
    await folder.answering("namer", "me", "x");
    const path = await file({
      auths: { "https://a.example/v1/": {} },
      credHelpers: { "b.example": "namer" },
      credsStore: "namer",
    });
    const { find } = loginsOfFile(path, { programs: createCredentialPrograms(), onWarning });
    const store = `docker-credential-namer (credsStore of ${path})`;
    const helper = `docker-credential-namer (credHelpers of ${path})`;
    expect(await find("a.example", "")).toMatchObject({ named: true, origin: store });
    expect(await find("b.example", "")).toMatchObject({ named: true, origin: helper });
    expect(await find("c.example", "")).toMatchObject({ named: false, origin: store });
  });

  test("a renewal asks them again", async () => {
    await folder.answering("renewing", "old", "x");
    const { find } = await logins({ credHelpers: { "r.example": "renewing" } });
    await find("r.example", "");
    await folder.answering("renewing", "new", "x");
    expect((await find("r.example", ""))?.credential.username).toBe("old");
    expect((await find("r.example", "", { renew: true }))?.credential.username).toBe("new");
  });
});

describe("of programs that do not work", () => {
  test("an absent one is an error in credHelpers", async () => {
    const path = await file({ credHelpers: { "r.example": "absent-program" } });
    const { find } = loginsOfFile(path, { programs: createCredentialPrograms(), onWarning });
    expect(await errorOf(() => find("r.example", ""))).toBe(
      `USAGE: Cannot get credentials for "r.example": there is no program docker-credential-absent-program, which "${path}" names for it`,
    );
  });

  test("an absent one is said once as a credsStore, and the file is looked at", async () => {
    const path = await file({ auths: { "a.example": auth("file"), "b.example": {} }, credsStore: "absent-program" });
    const { find } = loginsOfFile(path, { programs: createCredentialPrograms(), onWarning });
    expect(await find("a.example", "")).toMatchObject({ origin: path });
    expect(await find("b.example", "")).toBeUndefined();
    expect(await find("b.example", "app")).toBeUndefined();
    const missing = `there is no program docker-credential-absent-program, the credsStore of ${path}; going on without it`;
    expect(warnings).toEqual([missing]);
  });

  test("one that fails stops only those who have logged in with it", async () => {
    await folder.program("locked", "echo topsecret; exit 1");
    const source = await logins({ auths: { "a.example": {} }, credsStore: "locked" });
    expect(await errorOf(() => source.find("a.example", ""))).toBe(
      'UNAUTHORIZED: Cannot get credentials for "a.example": docker-credential-locked ended with code 1',
    );
    expect(await source.find("b.example", "")).toBeUndefined();
    expect(warnings).toHaveLength(1);
    expect(warnings.join()).not.toContain("topsecret");
  });

  test("an abort is no failure of theirs", async () => {
    await folder.program("sleeping", "exec sleep 600");
    const source = await logins({ credsStore: "sleeping" });
    const control = new AbortController();
    const found = source.find("r.example", "", { signal: control.signal });
    control.abort(new Error("enough"));
    await expect(found).rejects.toThrow("enough");
    expect(warnings).toEqual([]);
  });
});

test("what there are logins for is known: entries, credHelpers, and what a credsStore lists", async () => {
  await folder.program("listing", `echo '{"https://index.docker.io/v1/":"me","r.example":"me"}'`);
  const source = await logins({
    auths: { "r.example/team": auth("me"), "https://r.example": {} },
    credHelpers: { "s.example": "own" },
    credsStore: "listing",
  });
  expect((await source.registries()).map(({ host, path }) => `${host} ${path}`)).toEqual([
    "r.example team",
    "r.example ",
    "s.example ",
    "docker.io ",
  ]);
});
