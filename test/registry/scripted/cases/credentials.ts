/** Credentials from files and from the programs that such files name. Registry facts of B.2 and B.3. */
import { ok, strictEqual } from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createCredentialPrograms } from "../../../../src/registry/credentials/credential-program.ts";
import { loginsOfFile } from "../../../../src/registry/credentials/stored-logins.ts";
import type { Talk } from "../../../support/scripted-registry.ts";
import { temporaryFolder } from "../../../support/temporary.ts";
import { BASIC, BLOB, BLOB_PATH, bearer, fails, PULL, pullBlob } from "../given.ts";

const OTHER_PATH = BLOB_PATH.replace("/a/", "/b/");

interface Keys {
  readonly credentials: ReturnType<typeof loginsOfFile>["find"];
  /** What the helper was asked, a line each. */
  calls(): Promise<string>;
}

/** A file with these contents, and a program `docker-credential-test` that says `text` and ends with `code`. */
async function withHelper(
  config: object,
  { text, code }: { text: string; code: number },
  work: (keys: Keys) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder();
  const [file, log] = [join(folder.path, "config.json"), join(folder.path, "log")];
  await writeFile(file, JSON.stringify(config));
  await writeFile(log, "");
  const script = `#!/bin/sh\necho "$1 $(cat)" >>'${log}'\ncat <<'END'\n${text}\nEND\nexit ${code}\n`;
  await writeFile(join(folder.path, "docker-credential-test"), script, { mode: 0o755 });
  const programs = createCredentialPrograms({ env: { PATH: `${folder.path}:/usr/bin:/bin` } });
  const { find } = loginsOfFile(file, { programs, onWarning() {} });
  await work({ credentials: find, calls: () => readFile(log, "utf8") });
}

export async function aHelperThatHasNothing({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL} -> 200`, { body: { token: "t1" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes });
  const nothing = { text: "credentials not found in native keychain", code: 1 };
  await withHelper({ credsStore: "test" }, nothing, async ({ credentials, calls }) => {
    await pullBlob(open(registry, { credentials }).repository("a"));
    strictEqual(await calls(), `get ${registry.host}\n`);
  });
}

export async function aHelperThatFailsOnItsOutput({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  const broken = { text: "error getting credentials - err: exit status 1, out: `s3cret`", code: 1 };
  await withHelper({ credHelpers: { [registry.host]: "test" } }, broken, async ({ credentials, calls }) => {
    const store = open(registry, { credentials });
    const error = await fails(pullBlob(store.repository("a")), "UNAUTHORIZED: Cannot get credentials for …");
    ok(!/s3cret/.test(`${error.message}${error.hint}`));
    strictEqual(await calls(), `get ${registry.host}\n`);
  });
}

export async function aHelperIsAskedOnce({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Basic realm="y"]`);
  registry(`GET ${BLOB_PATH} [authorization: ${BASIC}] -> 200`, { body: BLOB.bytes });
  registry(`GET ${OTHER_PATH} [authorization: ${BASIC}] -> 200`, { body: BLOB.bytes });
  const login = { text: JSON.stringify({ ServerURL: "x", Username: "me", Secret: "secret" }), code: 0 };
  await withHelper({ credHelpers: { [registry.host]: "test" } }, login, async ({ credentials, calls }) => {
    const store = open(registry, { credentials });
    await pullBlob(store.repository("a"));
    await pullBlob(store.repository("b"));
    strictEqual(await calls(), `get ${registry.host}\n`);
  });
}

export async function aHelpersIdentityToken({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens("POST /token -> 200", { sent: "…&refresh_token=refresh", body: { access_token: "t1" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes });
  const login = { text: JSON.stringify({ ServerURL: "x", Username: "<token>", Secret: "refresh" }), code: 0 };
  await withHelper({ credsStore: "test" }, login, async ({ credentials }) => {
    await pullBlob(open(registry, { credentials }).repository("a"));
  });
}

export async function aLoginForEachNamespace({ registry, open }: Talk): Promise<void> {
  const basic = (user: string): string => `Basic ${btoa(`${user}:x`)}`;
  const entry = (user: string): object => ({ auth: btoa(`${user}:x`) });
  const auths = { [registry.host]: entry("all"), [`${registry.host}/b`]: entry("only-b") };
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Basic realm="y"]`);
  registry(`GET ${BLOB_PATH} [authorization: ${basic("all")}] -> 200`, { body: BLOB.bytes });
  registry(`GET ${OTHER_PATH} [authorization: ${basic("only-b")}] -> 200`, { body: BLOB.bytes });
  await withHelper({ auths }, { text: "", code: 1 }, async ({ credentials }) => {
    const store = open(registry, { credentials });
    await pullBlob(store.repository("a"));
    await pullBlob(store.repository("b"));
  });
}

export async function theLoginOfAnotherRegistryStays({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Basic realm="y"]`);
  const auths = { "127.0.0.1": { auth: btoa("me:secret") }, "127.0.0.1:1": { auth: btoa("me:secret") } };
  await withHelper({ auths }, { text: "", code: 1 }, async ({ credentials }) => {
    await fails(pullBlob(open(registry, { credentials }).repository("a")), "UNAUTHORIZED: Cannot read …");
  });
}
