/** Credential helpers as real executables: what they are told, what they may answer, and how they may fail. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createCredentialPrograms } from "../../../src/registry/credentials/credential-program.ts";
import { type ProgramFolder, programFolder } from "../../support/credential-programs.ts";
import { errorOf, thrownBy } from "../../support/thrown.ts";

let folder: ProgramFolder;
beforeAll(async () => {
  folder = await programFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const HOST = "r.example:5000";
const WHAT = `Cannot get credentials for "${HOST}"`;

test("is told the server on standard input, and asked once", async () => {
  await folder.answering("once", "AWS", "token");
  const programs = createCredentialPrograms();
  const all = await Promise.all([1, 2, 3].map(() => programs.get("once", HOST)));
  expect(all).toEqual([1, 2, 3].map(() => ({ username: "AWS", password: "token" })));
  expect(await programs.get("once", HOST)).toEqual({ username: "AWS", password: "token" });
  expect(await folder.log("once")).toEqual([`get ${HOST}`]);
});

test("is asked again for a renewal, whose answer then counts", async () => {
  await folder.answering("renewed", "AWS", "old");
  const programs = createCredentialPrograms();
  await programs.get("renewed", HOST);
  await folder.answering("renewed", "AWS", "new");
  expect(await programs.get("renewed", HOST, { renew: true })).toMatchObject({ password: "new" });
  expect(await programs.get("renewed", HOST)).toMatchObject({ password: "new" });
  expect(await folder.log("renewed")).toHaveLength(2);
});

test("runs in the environment that it is given, and is found on its PATH", async () => {
  await folder.program("environment", `echo '{"Username":"'$HTTPS_PROXY'","Secret":"x"}'`);
  const env = { PATH: `${folder.path}:/usr/bin:/bin`, HTTPS_PROXY: "proxy" };
  expect(await createCredentialPrograms({ env }).get("environment", HOST)).toMatchObject({ username: "proxy" });
  const elsewhere = createCredentialPrograms({ env: { PATH: "/nowhere" } });
  expect(await errorOf(() => elsewhere.get("environment", HOST))).toStartWith("NOT_FOUND: ");
});

test("the user name <token> makes an identity token of the secret", async () => {
  await folder.answering("identity", "<token>", "refresh");
  const credential = await createCredentialPrograms().get("identity", HOST);
  expect(credential).toEqual({ username: "<token>", password: "", identityToken: "refresh" });
});

test("stores and erases with the secret on standard input only", async () => {
  await folder.program("keeper", `echo "$@" >"${folder.path}/arguments"; cat >"${folder.path}/input-$1"`);
  const programs = createCredentialPrograms();
  await programs.store("keeper", HOST, { username: "me", password: 'pass"word' });
  const arguments_ = await readFile(join(folder.path, "arguments"), "utf8");
  expect(arguments_).toBe("store\n");
  const stored = JSON.parse(await readFile(join(folder.path, "input-store"), "utf8"));
  expect(stored).toEqual({ ServerURL: HOST, Username: "me", Secret: 'pass"word' });
  await programs.store("keeper", HOST, { username: "me", password: "", identityToken: "refresh" });
  const token = JSON.parse(await readFile(join(folder.path, "input-store"), "utf8"));
  expect(token).toEqual({ ServerURL: HOST, Username: "<token>", Secret: "refresh" });
  await programs.erase("keeper", HOST);
  expect(await readFile(join(folder.path, "input-erase"), "utf8")).toBe(HOST);
});

test("what was stored is what is found afterwards", async () => {
  await folder.answering("changing", "me", "old");
  const programs = createCredentialPrograms();
  await programs.get("changing", HOST);
  await folder.answering("changing", "me", "new");
  await programs.store("changing", HOST, { username: "me", password: "new" });
  expect(await programs.get("changing", HOST)).toMatchObject({ password: "new" });
});

test("lists servers; one that cannot has none", async () => {
  await folder.program("lister", `echo '{"https://index.docker.io/v1/":"me","r.example":"you"}'`);
  await folder.program("silent", "exit 1");
  const programs = createCredentialPrograms();
  expect(await programs.list("lister")).toEqual(["https://index.docker.io/v1/", "r.example"]);
  expect(await programs.list("silent")).toEqual([]);
});

describe("nothing is known", () => {
  test.each([
    ["by the words of the protocol", "echo 'credentials not found in native keychain'; exit 1"],
    ["by an empty secret", `echo '{"Username":"me","Secret":""}'`],
  ])("%s", async (_, script) => {
    await folder.program("empty", script);
    expect(await createCredentialPrograms().get("empty", HOST)).toBeUndefined();
    await folder.program("empty", "echo 'credentials not found in native keychain'; exit 1");
    await createCredentialPrograms().erase("empty", HOST);
  });
});

describe("fails", () => {
  test.each([
    ["with a code", "echo topsecret; echo topsecret >&2; exit 3", "ended with code 3"],
    ["with no JSON", "echo topsecret", "did not answer as such programs do"],
    ["without a secret", `echo '{"Username":"topsecret"}'`, "did not answer as such programs do"],
    [
      "with a user that is none",
      `echo '{"Username":"a:topsecret","Secret":"x"}'`,
      "answered with a user name that is none",
    ],
    ["with no end of words", "yes topsecret", "said more than 65536 bytes"],
  ])("%s, and what it said is not shown", async (_, script, reason) => {
    await folder.program("failing", script);
    const error = await thrownBy(() => createCredentialPrograms().get("failing", HOST));
    expect(error).toMatchObject({
      code: "UNAUTHORIZED",
      message: `${WHAT}: docker-credential-failing ${reason}`,
    });
    expect(Bun.inspect(error)).not.toContain("topsecret");
  });

  test("once: it is not started for each image anew, unless a renewal is wanted", async () => {
    await folder.program("failing-once", `echo . >>"${folder.path}/starts"; exit 1`);
    const programs = createCredentialPrograms();
    for (const renew of [false, false, true])
      await expect(programs.get("failing-once", HOST, { renew })).rejects.toThrow("ended with code 1");
    expect(await readFile(join(folder.path, "starts"), "utf8")).toBe(".\n.\n");
  });

  test("by taking too long, and is ended, although what it started holds its output", async () => {
    await folder.program("slow", `echo $$ >"${folder.path}/pid"; sleep 600 & echo $! >"${folder.path}/child"; wait`);
    const error = await errorOf(() => createCredentialPrograms({ limit: 300 }).get("slow", HOST));
    expect(error).toBe(`UNAUTHORIZED: ${WHAT}: docker-credential-slow took longer than 0.3 s`);
    process.kill(Number(await readFile(join(folder.path, "child"), "utf8")));
    const program = Number(await readFile(join(folder.path, "pid"), "utf8"));
    while (isAlive(program)) await Bun.sleep(5);
  });

  test("to be there", async () => {
    expect(await errorOf(() => createCredentialPrograms().get("nowhere-at-all", HOST))).toBe(
      `NOT_FOUND: ${WHAT}: there is no program docker-credential-nowhere-at-all`,
    );
  });
});

test("ends when the run does, and the next one is asked anew", async () => {
  await folder.program("waiting", `echo >"${folder.path}/started"; exec sleep 600`);
  const programs = createCredentialPrograms();
  const control = new AbortController();
  const waiting = programs.get("waiting", HOST, { signal: control.signal });
  while (!existsSync(join(folder.path, "started"))) await Bun.sleep(5);
  control.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await folder.answering("waiting", "me", "x");
  expect(await programs.get("waiting", HOST)).toEqual({ username: "me", password: "x" });
});
