/** Where a registry may send us, and what goes along. OCI distribution-spec v1.1; registry facts of A.5 and G.1. */
import { strictEqual } from "node:assert/strict";
import type { Talk } from "../../../support/scripted-registry.ts";
import { BASIC, BLOB, BLOB_PATH, each, fails, given, login, MANIFEST, MANIFEST_PATH, pullBlob } from "../given.ts";

const CHALLENGE = '[www-authenticate: Basic realm="y"]';

export async function anotherPortGetsNoAuthorization({ registry, cdn, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${CHALLENGE}`);
  registry(`GET ${BLOB_PATH} [authorization: ${BASIC}] -> 307 [location: ${cdn.url}/blob] [set-cookie: session=1]`);
  cdn("GET /blob [no cookie] [accept-encoding: identity] -> 200", { body: BLOB.bytes });
  await pullBlob(open(registry, { credentials: login() }).repository("a"));
}

export async function theSameOriginKeepsAuthorization({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${CHALLENGE}`);
  registry(`GET ${BLOB_PATH} [authorization: ${BASIC}] -> 302 [location: /moved]`);
  registry(`GET /moved [authorization: ${BASIC}] -> 200`, { body: BLOB.bytes });
  await pullBlob(open(registry, { credentials: login() }).repository("a"));
}

export async function signedQueriesStayLetterForLetter({ registry, cdn, open }: Talk): Promise<void> {
  const signed = "/b//x?X-Amz-Signature=a%2Fb+c~(!)*&sig=%3d%3D&empty=&flag";
  registry(`GET ${BLOB_PATH} -> 307 [location: ${cdn.url}${signed}]`);
  cdn(`GET ${signed} -> 200`, { body: BLOB.bytes });
  await pullBlob(open().repository("a"));
}

export async function backHomeWithoutAuthorization({ registry, cdn, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 ${CHALLENGE}`);
  registry(`GET ${BLOB_PATH} [authorization: ${BASIC}] -> 307 [location: ${cdn.url}/away]`);
  cdn(`GET /away -> 307 [location: ${registry.url}/back]`);
  registry("GET /back -> 200", { body: BLOB.bytes });
  await pullBlob(open(registry, { credentials: login() }).repository("a"));
}

export async function aTargetsChallengeIsNotAnswered({ registry, cdn, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 307 [location: ${cdn.url}/blob]`);
  cdn(`GET /blob -> 401 ${CHALLENGE}`);
  await fails(pullBlob(open(registry, { credentials: login() }).repository("a")), "UNAUTHORIZED: Cannot read …");
}

export async function headRefusedWhereOnlyGetIsSigned({ registry, cdn, open }: Talk): Promise<void> {
  const location = `[location: ${cdn.url}/manifest?signed=get]`;
  registry(`HEAD ${MANIFEST_PATH} -> 307 ${location}`);
  cdn("HEAD /manifest?signed=get -> 403");
  registry(`GET ${MANIFEST_PATH} -> 307 ${location}`);
  cdn("GET /manifest?signed=get -> 200", given(MANIFEST));
  strictEqual((await open().repository("a").resolve("v1"))?.digest, MANIFEST.descriptor.digest);
}

export async function aLoopEnds({ registry, open }: Talk): Promise<void> {
  const asked = registry.always(`GET ${BLOB_PATH} -> 307 [location: ${BLOB_PATH}]`);
  await fails(pullBlob(open().repository("a")), "…: Cannot follow …: more than 10 redirects");
  strictEqual(asked.length, 11);
}

export async function aCutBeginsAtTheRegistryAgain({ registry, cdn, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 307 [location: ${cdn.url}/first?expires=1]`);
  cdn("GET /first?expires=1 -> 200", { body: BLOB.bytes, cut: 300 });
  registry(`GET ${BLOB_PATH} [range: bytes=300-999] -> 307 [location: ${cdn.url}/second?expires=2]`);
  cdn("GET /second?expires=2 [range: bytes=300-999] -> 206 [content-range: bytes 300-999/1000]", {
    body: BLOB.bytes.slice(300),
  });
  await pullBlob(open().repository("a"));
}

export async function encryptedNeverBecomesPlain({ named, open }: Talk): Promise<void> {
  const registry = named("registry.example");
  registry(`GET ${BLOB_PATH} -> 307 [location: http://registry.example/blob]`);
  await fails(
    pullBlob(open(registry).repository("a")),
    '…: Cannot follow …: the registry redirects to "http://registry.example/blob", which is not encrypted',
  );
}

export async function notToOtherProtocols({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 307 [location: file:///etc/passwd]`);
  await fails(pullBlob(open().repository("a")), "UNSUPPORTED: Cannot …redirect…");
}

/** Addresses of inner networks, as a registry in public may spell them. */
async function notInto({ named, open }: Talk, host: string): Promise<void> {
  const registry = named("registry.example");
  registry(`GET ${BLOB_PATH} -> 307 [location: https://${host}/latest/meta-data]`);
  await fails(
    pullBlob(open(registry).repository("a")),
    "…: Cannot follow …: the registry redirects to …, which is in a …",
  );
}

export const notTo = each(notInto, {
  "link local": ["169.254.169.254"],
  "a decimal address": ["2852039166"],
  "a hexadecimal address": ["0xa9fea9fe"],
  "a mapped address": ["[::ffff:169.254.169.254]"],
  "a private address": ["10.1.2.3"],
  "a private sixth version address": ["[fd00::1]"],
  "this machine": ["127.0.0.1"],
  "this machine by name": ["localhost"],
  "any address": ["0.0.0.0"],
  "a translated address": ["[64:ff9b::a9fe:a9fe]"],
});

/** Addresses behind names count, each of them. */
async function notBehind({ named, open }: Talk, addresses: readonly string[]): Promise<void> {
  const [registry, target] = [named("registry.example"), named("inner.example.com", addresses)];
  registry(`GET ${BLOB_PATH} -> 307 [location: ${target.url}/latest/meta-data]`);
  await fails(
    pullBlob(open(registry).repository("a")),
    "…: Cannot follow …: the registry redirects to …, which is in a …",
  );
}

export const notToAName = each(notBehind, {
  "of link local": [["169.254.169.254"]],
  "of this machine": [["127.0.0.1"]],
  "of a private address": [["93.184.215.14", "10.0.0.1"]],
  "of a mapped address": [["::ffff:10.0.0.1"]],
});

export async function insideARegistryThatIsInside({ named, open }: Talk): Promise<void> {
  const [registry, storage] = [named("registry.corp.example", ["10.0.0.1"]), named("s3.corp.example", ["10.0.0.2"])];
  registry(`GET ${BLOB_PATH} -> 307 [location: ${storage.url}/blob]`);
  storage("GET /blob -> 200", { body: BLOB.bytes });
  await pullBlob(open(registry).repository("a"));
}

export async function anUploadMovesWithItsBody({ registry, cdn, open }: Talk): Promise<void> {
  const { digest } = BLOB.descriptor;
  registry(`POST /v2/a/blobs/uploads/ -> 401 ${CHALLENGE}`);
  registry(`POST /v2/a/blobs/uploads/ [authorization: ${BASIC}] -> 202 [location: /up]`);
  registry(`PUT /up?digest=${digest} [authorization: ${BASIC}] -> 307 [location: ${cdn.url}/store?digest=${digest}]`, {
    sent: BLOB.bytes,
  });
  cdn(`PUT /store?digest=${digest} [content-length: 1000] -> 201`, { sent: BLOB.bytes });
  await open(registry, { credentials: login() }).repository("a").put(BLOB);
}

export async function secretFormsStay({ registry, cdn, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Bearer realm="${tokens.url}/token"]`);
  tokens(`POST /token -> 307 [location: ${cdn.url}/token]`, { sent: "grant_type=refresh_token&…refresh…" });
  const credentials = login("<token>", "", { identityToken: "refresh" });
  await fails(
    pullBlob(open(registry, { credentials }).repository("a")),
    "…: Cannot follow …, where secrets may not go",
  );
}

export async function tokenRequestsLeaveTheirAuthorizationBehind({ registry, cdn, tokens, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Bearer realm="${tokens.url}/token"]`);
  tokens(`GET /token?scope=repository%3Aa%3Apull&account=me [authorization: ${BASIC}] -> 307 [location: ${cdn.url}/t]`);
  await fails(pullBlob(open(registry, { credentials: login() }).repository("a")), "…: Cannot …");
}
