/** Tokens: how they are asked for, kept and renewed. Token authentication of distribution; registry facts of A.4. */
import { strictEqual } from "node:assert/strict";
import type { Host, Talk } from "../../../support/scripted-registry.ts";
import { BASIC, BLOB, BLOB_PATH, bearer, each, fails, given, login, MANIFEST, PULL, pullBlob } from "../given.ts";

export async function tokenWithoutExpiry({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL} -> 200`, { body: { access_token: "t1" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes });
  const repository = open().repository("a");
  await pullBlob(repository);
  await pullBlob(repository);
}

async function postThenGet({ registry, tokens, open }: Talk, status: number): Promise<void> {
  const form = "grant_type=refresh_token&client_id=dray&service=r&scope=repository%3Aa%3Apull&refresh_token=re%2Bfresh";
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`POST /token [content-type: application/x-www-form-urlencoded] -> ${status}`, { sent: form });
  tokens(`GET /token?${PULL}&account=me [authorization: ${BASIC}] -> 200`, { body: { token: "t1" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes });
  const credentials = login("me", "secret", { identityToken: "re+fresh" });
  await pullBlob(open(registry, { credentials }).repository("a"));
}

export const postBecomesGet = each(postThenGet, {
  "404": [404],
  "400": [400],
  "401": [401],
});

export async function identityTokenAlone({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens("POST /token -> 200", {
    sent: "grant_type=refresh_token&…&refresh_token=refresh",
    body: { access_token: "t1" },
  });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes });
  const credentials = login("<token>", "", { identityToken: "refresh" });
  await pullBlob(open(registry, { credentials }).repository("a"));
}

export async function identityTokenRefused({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens("POST /token -> 401", { sent: "grant_type=refresh_token&…", body: { details: "expired" } });
  const credentials = login("<token>", "", { identityToken: "refresh" });
  await fails(pullBlob(open(registry, { credentials }).repository("a")), "UNAUTHORIZED: Cannot log in at …");
}

export async function registryTokenAsItIs({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  registry(`GET ${BLOB_PATH} [authorization: Bearer ready] -> 200`, { body: BLOB.bytes });
  const credentials = login("", "", { registryToken: "ready" });
  await pullBlob(open(registry, { credentials }).repository("a"));
}

export async function tokenEndsInTheMiddle({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL} -> 200`, { body: { token: "t1", expires_in: 3600 } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes, cut: 500 });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] [range: bytes=500-999] -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL} -> 200`, { body: { token: "t2", expires_in: 3600 } });
  registry(
    `GET ${BLOB_PATH} [authorization: Bearer t2] [range: bytes=500-999] -> 206 [content-range: bytes 500-999/1000]`,
    { body: BLOB.bytes.slice(500) },
  );
  await pullBlob(open().repository("a"));
}

export async function manyShareOneToken({ registry, tokens, open }: Talk): Promise<void> {
  tokens(`GET /token?${PULL} -> 200`, { body: { token: "t1" } });
  const refused = registry.always(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  const served = registry.always(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes });
  const repository = open().repository("a");
  await Promise.all(Array.from({ length: 6 }, () => pullBlob(repository)));
  strictEqual(served.length, 6);
  strictEqual(refused.length <= 6, true);
}

export async function aTokenForEachRepository({ registry, tokens, open }: Talk): Promise<void> {
  const other = BLOB_PATH.replace("/a/", "/b/");
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL} -> 200`, { body: { token: "ta" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer ta] -> 200`, { body: BLOB.bytes });
  tokens("GET /token?service=r&scope=repository%3Ab%3Apull -> 200", { body: { token: "tb" } });
  registry(`GET ${other} [authorization: Bearer tb] -> 200`, { body: BLOB.bytes });
  const store = open();
  await pullBlob(store.repository("a"));
  await pullBlob(store.repository("b"));
}

export async function tokenServerInTrouble({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL} -> 503`);
  tokens(`GET /token?${PULL} -> cut`);
  tokens(`GET /token?${PULL} -> 200`, { body: { token: "t1" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes });
  await pullBlob(open().repository("a"));
}

export async function hugeTokenAnswer({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL} -> 200`, { body: { token: "t".repeat(2 << 20) } });
  await fails(pullBlob(open().repository("a")), "…: Cannot log in at …");
}

export async function tokenWithALineBreak({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL} -> 200`, { body: { token: "t1\r\nx-evil: 1" } });
  await fails(pullBlob(open().repository("a")), "…: Cannot log in at …");
}

export async function pushTokenInTheMiddle({ registry, tokens, open }: Talk): Promise<void> {
  const push = "service=r&scope=repository%3Aa%3Apull%2Cpush&account=me";
  const { digest } = BLOB.descriptor;
  registry(`POST /v2/a/blobs/uploads/ -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${push} [authorization: ${BASIC}] -> 200`, { body: { token: "t1" } });
  registry("POST /v2/a/blobs/uploads/ [authorization: Bearer t1] -> 202 [location: /up/1]");
  registry(`PUT /up/1?digest=${digest} [authorization: Bearer t1] [content-length: 1000] -> 401 ${bearer(tokens)}`, {
    sent: BLOB.bytes,
  });
  tokens(`GET /token?${push} [authorization: ${BASIC}] -> 200`, { body: { token: "t2" } });
  registry(`PUT /up/1?digest=${digest} [authorization: Bearer t2] [content-length: 1000] -> 201`, { sent: BLOB.bytes });
  await open(registry, { credentials: login() }).repository("a").put(BLOB);
}

export async function mountAsksForBothRepositories({ registry, tokens, open }: Talk): Promise<void> {
  const { digest } = BLOB.descriptor;
  const scopes = "scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Abase%3Apull";
  registry(`POST /v2/a/blobs/uploads/?mount=${digest}&from=base -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?service=r&${scopes} -> 200`, { body: { token: "t1" } });
  registry(
    `POST /v2/a/blobs/uploads/?mount=${digest}&from=base [authorization: Bearer t1] -> 201 [location: ${BLOB_PATH}]`,
  );
  const to = open().repository("a");
  strictEqual(await to.mount!(BLOB.descriptor, { space: registry.host, path: "base" }), true);
}

export async function mountScopeRefused({ registry, tokens, open }: Talk): Promise<void> {
  const { digest } = BLOB.descriptor;
  const push = "scope=repository%3Aa%3Apull%2Cpush";
  registry(`POST /v2/a/blobs/uploads/?mount=${digest}&from=base -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?service=r&${push}&scope=repository%3Abase%3Apull -> 403`);
  tokens(`GET /token?service=r&${push} -> 200`, { body: { token: "t1" } });
  registry("POST /v2/a/blobs/uploads/ [authorization: Bearer t1] -> 202 [location: /up/1]");
  registry(`PUT /up/1?digest=${digest} [authorization: Bearer t1] -> 201`, { sent: BLOB.bytes });
  const to = open().repository("a");
  strictEqual(await to.mount!(BLOB.descriptor, { space: registry.host, path: "base" }), false);
  await to.put(BLOB);
}

export async function dockerHubsTokenServer({ named, open }: Talk): Promise<void> {
  const [hub, tokens] = [named("registry-1.docker.io"), named("auth.docker.io")];
  hub(`HEAD /v2/library/x/manifests/v1 -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?service=r&scope=repository%3Alibrary%2Fx%3Apull&account=me [authorization: ${BASIC}] -> 200`, {
    body: { token: "t1" },
  });
  hub("HEAD /v2/library/x/manifests/v1 [authorization: Bearer t1] -> 200", given(MANIFEST));
  const store = open({ ...hub, host: "docker.io" } as Host, { credentials: login() });
  strictEqual((await store.repository("library/x").resolve("v1"))?.digest, MANIFEST.descriptor.digest);
}

export async function gitLabsTokenServer({ named, open }: Talk): Promise<void> {
  const [registry, tokens] = [named("registry.gitlab.com"), named("gitlab.com")];
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Bearer realm="https://gitlab.com/jwt/auth",service="r"]`);
  tokens(`GET /jwt/auth?${PULL}&account=me [authorization: ${BASIC}] -> 200`, { body: { token: "t1" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes });
  await pullBlob(open(registry, { credentials: login() }).repository("a"));
}
