/** Encryption: who is believed, and what never goes without it. Registry facts of A.2, B.5 and G.1. */
import { strictEqual } from "node:assert/strict";
import type { Talk } from "../../../support/scripted-registry.ts";
import { BASIC, BLOB, BLOB_PATH, fails, login, pullBlob } from "../given.ts";

const { digest } = BLOB.descriptor;
const UPLOADS = "/v2/a/blobs/uploads/";
const CHALLENGE = '[www-authenticate: Basic realm="y"]';

export async function anAuthorityOfOurOwn({ secure, open }: Talk): Promise<void> {
  secure(`GET ${BLOB_PATH} -> 401 ${CHALLENGE}`);
  secure(`GET ${BLOB_PATH} [authorization: ${BASIC}] -> 200`, { body: BLOB.bytes });
  await pullBlob(open(secure, { credentials: login() }).repository("a"));
}

export async function anAuthorityThatNobodyKnows({ secure, open }: Talk): Promise<void> {
  const repository = open(secure, { trusting: false, credentials: login() }).repository("a");
  const error = await fails(pullBlob(repository), "NETWORK: Cannot read …: …certificate is not trusted…");
  strictEqual(typeof error.hint, "string");
}

export async function notVerified({ secure, open }: Talk): Promise<void> {
  secure(`GET ${BLOB_PATH} -> 401 ${CHALLENGE}`);
  secure(`GET ${BLOB_PATH} [authorization: ${BASIC}] -> 200`, { body: BLOB.bytes });
  const options = { trusting: false, tlsVerify: false, credentials: login() };
  await pullBlob(open(secure, options).repository("a"));
}

export async function locationsThatForgetTheSchemeAndThePort({ secure, open }: Talk): Promise<void> {
  for (const [at, location] of [
    secure.url.replace("https:", "http:"),
    "http://localhost",
    "https://localhost",
  ].entries()) {
    secure(`POST ${UPLOADS} -> 202 [location: ${location}/up/${at}?_state=a%2Fb]`);
    secure(`PUT /up/${at}?_state=a%2Fb&digest=${digest} -> 201`, { sent: BLOB.bytes });
  }
  const to = open(secure).repository("a");
  for (let at = 0; at < 3; at++) await to.put(BLOB);
}

export async function pagesThatForgetTheScheme({ secure, open }: Talk): Promise<void> {
  secure('GET /v2/a/tags/list?n=1000 -> 200 [link: <http://localhost/v2/a/tags/list?last=a>; rel="next"]', {
    body: { tags: ["a"] },
  });
  secure("GET /v2/a/tags/list?last=a -> 200", { body: { tags: ["b"] } });
  const tags = await Array.fromAsync(open(secure).repository("a").tags!());
  strictEqual(tags.join(), "a,b");
}

export async function plainRegistriesAreNotAskedByDefault({ plain, open }: Talk): Promise<void> {
  const repository = open(plain("registry.example"), { retry: { attempts: 1 } }).repository("a");
  await fails(pullBlob(repository), "NETWORK: Cannot read …");
}

export async function plainWhereThatWasAllowed({ plain, open }: Talk): Promise<void> {
  const registry = plain("registry.example");
  registry(`GET ${BLOB_PATH} -> 200`, { body: BLOB.bytes });
  await pullBlob(open(registry, { tlsVerify: false }).repository("a"));
}

export async function credentialsGoInTheOpenToWhomSomebodyNamed({ plain, open }: Talk): Promise<void> {
  const registry = plain("registry.example");
  registry(`GET ${BLOB_PATH} -> 401 ${CHALLENGE}`);
  registry(`GET ${BLOB_PATH} [authorization: ${BASIC}] -> 200`, { body: BLOB.bytes });
  await pullBlob(open(registry, { tlsVerify: false, credentials: login() }).repository("a"));
}

export async function otherCredentialsStay({ plain, open }: Talk): Promise<void> {
  const registry = plain("registry.example");
  registry(`GET ${BLOB_PATH} -> 401 ${CHALLENGE}`);
  const keychain = login();
  const credentials: typeof keychain = async (...where) => ({ ...(await keychain(...where))!, named: false });
  const repository = open(registry, { tlsVerify: false, credentials }).repository("a");
  await fails(pullBlob(repository), "DENIED: Cannot log in at …plain http…");
}

export async function tokensStayToo({ plain, named, open }: Talk): Promise<void> {
  const [registry, tokens] = [plain("registry.example.org"), named("tokens.example.org")];
  registry(`GET ${BLOB_PATH} -> 401 [www-authenticate: Bearer realm="${tokens.url}/token"]`);
  const keychain = login();
  const credentials: typeof keychain = async (...where) => ({ ...(await keychain(...where))!, named: false });
  const repository = open(registry, { tlsVerify: false, credentials }).repository("a");
  await fails(pullBlob(repository), "DENIED: Cannot log in at …plain http…");
}
