/** Who we are: challenges and what answers them. RFC 9110 section 11; RFC 7617; registry facts of A.3. */
import { strictEqual } from "node:assert/strict";
import type { Talk } from "../../../support/scripted-registry.ts";
import {
  BASIC,
  BLOB,
  BLOB_PATH,
  bearer,
  fails,
  given,
  login,
  MANIFEST,
  MANIFEST_PATH,
  PULL,
  pullBlob,
  refusal,
} from "../given.ts";

export async function severalChallengesInOneHeader({ registry, tokens, open }: Talk): Promise<void> {
  const challenge = `Negotiate, Bearer realm="${tokens.url}/token",service=r,scope="repository:a:pull", Basic realm="y"`;
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: ${challenge}]`);
  tokens(`GET /token?${PULL} -> 200`, { body: { token: "t1" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes });
  await pullBlob(open().repository("a"));
}

export async function severalChallengeHeaders({ registry, tokens, open }: Talk): Promise<void> {
  const basic = '[www-authenticate: Basic realm="y"]';
  registry(`GET ${BLOB_PATH} -> 401 ${basic} ${bearer(tokens)}`);
  tokens(`GET /token?${PULL}&account=me [authorization: ${BASIC}] -> 200`, { body: { token: "t1" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes });
  await pullBlob(open(registry, { credentials: login() }).repository("a"));
}

export async function basicInCapitals({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: BASIC realm="Sonatype Nexus Repository Manager"]`);
  registry(`GET ${BLOB_PATH} [authorization: ${BASIC}] -> 200`, { body: BLOB.bytes });
  registry(`GET ${BLOB_PATH} [authorization: ${BASIC}] -> 200`, { body: BLOB.bytes });
  const repository = open(registry, { credentials: login() }).repository("a");
  await pullBlob(repository);
  await pullBlob(repository);
}

export async function basicRefused({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Basic realm="y"]`);
  registry(`GET ${BLOB_PATH} [authorization: ${BASIC}] -> 401 [www-authenticate: Basic realm="y"]`);
  await fails(pullBlob(open(registry, { credentials: login() }).repository("a")), "UNAUTHORIZED: Cannot …");
}

export async function passwordsBeyondLatin1AreUtf8({ registry, open }: Talk): Promise<void> {
  const header = `Basic ${Buffer.from("me:pässwörd:€").toString("base64")}`;
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Basic realm="y"]`);
  registry(`GET ${BLOB_PATH} [authorization: ${header}] -> 200`, { body: BLOB.bytes });
  await pullBlob(open(registry, { credentials: login("me", "pässwörd:€") }).repository("a"));
}

export async function relativeRealmWithAQuery({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Bearer realm="/token?scope=x%3Ay&a=(1)",service="r"]`);
  registry(`GET /token?scope=x%3Ay&a=(1)&${PULL} -> 200`, { body: { token: "t1" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes });
  await pullBlob(open().repository("a"));
}

export async function openPingAndClosedRepository({ registry, tokens, open }: Talk): Promise<void> {
  registry("HEAD /v2/ -> 200 [docker-distribution-api-version: registry/2.0]");
  registry(`HEAD ${MANIFEST_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL} -> 200`, { body: { token: "t1", expires_in: 300 } });
  registry(`HEAD ${MANIFEST_PATH} [authorization: Bearer t1] -> 200`, given(MANIFEST));
  strictEqual((await open().repository("a").resolve("v1"))?.digest, MANIFEST.descriptor.digest);
}

export async function challengeWithoutScope({ registry, tokens, open }: Talk): Promise<void> {
  registry(`HEAD ${MANIFEST_PATH} -> 401 [www-authenticate: Bearer realm="${tokens.url}/token"]`);
  tokens("GET /token?scope=repository%3Aa%3Apull -> 200", { body: { token: "t1" } });
  registry(`HEAD ${MANIFEST_PATH} [authorization: Bearer t1] -> 200`, given(MANIFEST));
  await open().repository("a").resolve("v1");
}

export async function insufficientScope({ registry, tokens, open }: Talk): Promise<void> {
  const more = ',scope="repository:a:pull repository:base:pull",error="insufficient_scope"';
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL} -> 200`, { body: { token: "t1" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 200`, { body: BLOB.bytes });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 401 ${bearer(tokens, more)}`);
  tokens(`GET /token?${PULL}&scope=repository%3Abase%3Apull -> 200`, { body: { token: "t2" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t2] -> 200`, { body: BLOB.bytes });
  const repository = open().repository("a");
  await pullBlob(repository);
  await pullBlob(repository);
}

export async function wrongCredentialsAreAnError({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL}&account=me [authorization: ${BASIC}] -> 401`, {
    body: { details: "incorrect username or password" },
  });
  await fails(
    pullBlob(open(registry, { credentials: login() }).repository("a")),
    "UNAUTHORIZED: Cannot log in at …incorrect username or password…",
  );
}

export async function nobodyIsRefused({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL} -> 401`, { body: refusal("UNAUTHORIZED", "authentication required") });
  await fails(pullBlob(open().repository("a")), "UNAUTHORIZED: Cannot use …login required…authentication required…");
}

export async function basicWhereTheTokenServerRefuses({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)} [www-authenticate: Basic realm="y"]`);
  tokens(`GET /token?${PULL}&account=me [authorization: ${BASIC}] -> 400`);
  registry(`GET ${BLOB_PATH} [authorization: ${BASIC}] -> 200`, { body: BLOB.bytes });
  await pullBlob(open(registry, { credentials: login() }).repository("a"));
}

export async function deniedWithAFreshToken({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL} -> 200`, { body: { token: "t1" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 401 ${bearer(tokens)}`, { body: refusal("UNAUTHORIZED") });
  await fails(pullBlob(open().repository("a")), "UNAUTHORIZED: Cannot read …");
}

export async function forbidden({ registry, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${bearer(tokens)}`);
  tokens(`GET /token?${PULL} -> 200`, { body: { token: "t1" } });
  registry(`GET ${BLOB_PATH} [authorization: Bearer t1] -> 403`, { body: refusal("DENIED", "not yours") });
  await fails(pullBlob(open().repository("a")), "DENIED: Cannot read …: …DENIED (not yours)…");
}

export async function refusedWithoutAChallenge({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401`);
  registry("GET /v2/ -> 401");
  await fails(pullBlob(open(registry, { credentials: login() }).repository("a")), "UNAUTHORIZED: Cannot read …");
}

export async function aCredentialThatHasEndedIsAskedForAnew({ registry, open }: Talk): Promise<void> {
  const challenge = '[www-authenticate: Basic realm="y"]';
  const [first, second] = ["AWS:first", "AWS:second"].map((pair) => `Basic ${btoa(pair)}`);
  registry(`GET ${BLOB_PATH} -> 401 ${challenge}`);
  registry(`GET ${BLOB_PATH} [authorization: ${first}] -> 200`, { body: BLOB.bytes });
  registry(`GET ${BLOB_PATH} [authorization: ${first}] -> 401 ${challenge}`);
  registry(`GET ${BLOB_PATH} [authorization: ${second}] -> 200`, { body: BLOB.bytes });
  const [before, after] = [login("AWS", "first"), login("AWS", "second")];
  const credentials: typeof before = (host, path, options) => (options?.renew ? after : before)(host, path, options);
  const repository = open(registry, { credentials }).repository("a");
  await pullBlob(repository);
  await pullBlob(repository);
}
