/** What a hostile registry may try, and does not get. Registry facts of G.1, G.2 and G.4. */
import { ok, strictEqual } from "node:assert/strict";
import { AppError } from "../../../../src/errors.ts";
import type { RequestLine } from "../../../../src/registry/wire/wire.ts";
import type { Talk } from "../../../support/scripted-registry.ts";
import { BASIC, BLOB, BLOB_PATH, each, fails, login, pullBlob, refusal } from "../given.ts";

/** A token server that is not even asked. */
async function realmRefused({ named, open }: Talk, realm: string): Promise<void> {
  const registry = named("registry.example.org");
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Bearer realm="${realm}",service="r"]`);
  await fails(pullBlob(open(registry, { credentials: login() }).repository("a")), "DENIED: Cannot …");
}

export const noRealm = each(realmRefused, {
  "at link local": ["https://169.254.169.254/token"],
  "at a decimal address": ["https://2852039166/token"],
  "at a hexadecimal address": ["https://0xA9FEA9FE/token"],
  "at an octal address": ["https://0251.0376.0251.0376/"],
  "at a mapped address": ["https://[::ffff:169.254.169.254]/token"],
  "at a compatible address": ["https://[::169.254.169.254]/token"],
  "at a private address": ["https://192.168.1.1/token"],
  "at a public address": ["https://93.184.215.14/token"],
  "on this machine": ["https://localhost:8080/token"],
  unencrypted: ["http://registry.example.org/token"],
  "of another protocol": ["file:///etc/passwd"],
});

/** Who is a stranger is asked as nobody; that this failed is said with what to do. */
async function foreignRealm({ named, open }: Talk, realm: string, host: string): Promise<void> {
  const [registry, tokens] = [named("registry.example.org"), named(host)];
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Bearer realm="${realm}",service="r"]`);
  tokens("GET /token?service=r&scope=repository%3Aa%3Apull -> 401");
  const asked: string[] = [];
  const keychain = login();
  const error = await fails(
    pullBlob(
      open(registry, {
        credentials: async (at, path, options) => {
          asked.push(at);
          return await keychain(at, path, options);
        },
      }).repository("a"),
    ),
    "DENIED: Cannot log in at …: the credentials from the test were kept back, …",
  );
  ok(error.hint?.includes("--trusted-realm"), String(error.hint));
  strictEqual(new Set([...asked, registry.host]).size, 1);
}

export const strangeRealm = each(foreignRealm, {
  "on a foreign host": ["https://evil.example.com/token", "evil.example.com"],
  "whose name begins like ours": ["https://registry.example.org.evil.com/token", "registry.example.org.evil.com"],
  "with credentials in its url": ["https://somebody:else@evil.example.com/token", "evil.example.com"],
  "under a shared suffix": ["https://evil.github.io/token", "evil.github.io"],
});

export async function credentialsInOurOwnRealmAreNotUsed({ named, open }: Talk): Promise<void> {
  const registry = named("registry.example.org");
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Bearer realm="https://a:b@registry.example.org/token"]`);
  registry(`GET /token?scope=repository%3Aa%3Apull&account=me [authorization: ${BASIC}] -> 200`, {
    body: { token: "t" },
  });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t] -> 200`, { body: BLOB.bytes });
  await pullBlob(open(registry, { credentials: login() }).repository("a"));
}

export async function aForeignRealmMayServeEverybody({ named, open }: Talk): Promise<void> {
  const [registry, tokens] = [named("registry.example.org"), named("tokens.example.com")];
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Bearer realm="https://tokens.example.com/token"]`);
  tokens("GET /token?scope=repository%3Aa%3Apull -> 200", { body: { token: "for-all" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer for-all] -> 200`, { body: BLOB.bytes });
  await pullBlob(open(registry).repository("a"));
}

export async function aRealmOfTheSameOwner({ named, open }: Talk): Promise<void> {
  const [registry, tokens] = [named("registry.example.org"), named("gitlab.example.org")];
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Bearer realm="https://gitlab.example.org/jwt/auth"]`);
  tokens(`GET /jwt/auth?scope=repository%3Aa%3Apull&account=me [authorization: ${BASIC}] -> 200`, {
    body: { token: "t" },
  });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t] -> 200`, { body: BLOB.bytes });
  await pullBlob(open(registry, { credentials: login() }).repository("a"));
}

export async function cookiesAreForgotten({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 200 [set-cookie: session=1]`, { body: BLOB.bytes });
  registry(`GET ${BLOB_PATH} [no cookie] -> 200`, { body: BLOB.bytes });
  const repository = open().repository("a");
  await pullBlob(repository);
  await pullBlob(repository);
}

export async function escapesInAnErrorMessage({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 404`, {
    body: refusal("BLOB\u001b[2JUNKNOWN", "gone\u001b]0;owned\u0007 \u202eaway\u0000\r\n\u001b[31mred"),
  });
  const error = await fails(pullBlob(open().repository("a")), "NOT_FOUND: Cannot read …gone away red)");
  ok(!/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/.test(`${error.message}${error.hint}`));
}

export async function aHugeErrorIsCutShort({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 403`, { body: refusal("DENIED", "x".repeat(40_000)) });
  const error = await fails(pullBlob(open().repository("a")), "DENIED: Cannot read …");
  ok(error.message.length < 1000);
}

export async function anEndlessErrorIsNotReadToItsEnd({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 403`, { body: new Uint8Array(1 << 20).fill(32), silent: 900_000 });
  await fails(pullBlob(open().repository("a")), "DENIED: Cannot read …403…");
}

export async function anErrorThatIsAPage({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 403 [content-type: text/html]`, { body: "<html><script>alert(1)</script>" });
  const error = await fails(pullBlob(open().repository("a")), "DENIED: Cannot read …");
  ok(!error.message.includes("<"));
}

export async function anErrorOfThePrototype({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 404`, {
    body: '{"errors":[null,7,"x",{"__proto__":{"code":"X"}},{"code":{}}],"__proto__":1}',
  });
  await fails(pullBlob(open().repository("a")), "NOT_FOUND: Cannot read …");
}

export async function secretsAreNotShown({ registry, cdn, open }: Talk): Promise<void> {
  const lines: RequestLine[] = [];
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Basic realm="y"]`);
  registry(
    `GET ${BLOB_PATH} [authorization: ${BASIC}] -> 307 [location: ${cdn.url}/b?X-Amz-Signature=hidden&sig=hidden]`,
  );
  cdn("GET /b?X-Amz-Signature=hidden&sig=hidden -> 404");
  const options = { credentials: login("me", "hidden-secret"), onRequest: (line: RequestLine) => lines.push(line) };
  registry.always("GET … -> 404");
  const error: unknown = await pullBlob(open(registry, { ...options, credentials: login() }).repository("a")).catch(
    (thrown: unknown) => thrown,
  );
  ok(error instanceof AppError);
  const shown = [JSON.stringify(lines), error.message, error.hint, JSON.stringify(error)].join("\n");
  ok(lines.length >= 3);
  ok(!/hidden|secret|bWU6c2VjcmV0/.test(shown), shown);
}

export async function repositoriesThatAreNone({ open }: Talk): Promise<void> {
  for (const path of ["../x", "a/../b", "A", "a//b", "/a", "a/", "a?x", "a#x", "a%2fb", "a b", "_a", ""])
    await fails(
      Promise.resolve().then(() => open().repository(path)),
      "USAGE: Cannot open …",
    );
}

export async function anotherMachineIsNotFoundByMounting({ registry, open }: Talk): Promise<void> {
  const to = open(registry).repository("a");
  strictEqual(await to.mount!(BLOB.descriptor, { space: "elsewhere.example", path: "a" }), false);
  strictEqual(await to.mount!(BLOB.descriptor, { space: registry.host, path: "../a?x=1" }), false);
}

export async function realmWhoseNameIsOfThisMachine({ named, open }: Talk): Promise<void> {
  const [registry, tokens] = [named("registry.example.org"), named("tokens.example.org", ["127.0.0.1"])];
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Bearer realm="${tokens.url}/token"]`);
  await fails(pullBlob(open(registry, { credentials: login() }).repository("a")), "DENIED: Cannot …");
}

export async function aTrustedRealm({ named, open }: Talk): Promise<void> {
  const [registry, tokens] = [named("registry.example.org"), named("sso.example.com", ["10.0.0.1"])];
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Bearer realm="${tokens.url}/token"]`);
  tokens(`GET /token?scope=repository%3Aa%3Apull&account=me [authorization: ${BASIC}] -> 200`, {
    body: { token: "t" },
  });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t] -> 200`, { body: BLOB.bytes });
  const options = { credentials: login(), trustedRealms: ["sso.example.com"] };
  await pullBlob(open(registry, options).repository("a"));
}
