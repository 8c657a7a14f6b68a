/** Where uploads begin and go on: Locations, and mounts with the sessions that they leave. Registry facts of A.8. */
import { strictEqual } from "node:assert/strict";
import type { Talk } from "../../../support/scripted-registry.ts";
import { ABSENT, BASIC, BIG, BLOB, BLOB_PATH, each, fails, login, OPENED, refusal, UPLOADS } from "../given.ts";

const { digest } = BLOB.descriptor;
const SENT = { sent: BLOB.bytes };
const MOUNT = `${UPLOADS}?mount=${digest}&from=base`;

async function location({ registry, open }: Talk, given: string, asked: string): Promise<void> {
  registry(`POST ${UPLOADS} -> 202 [location: ${given.replace("HOST", registry.host)}]`);
  registry(`PUT ${asked} -> 201`, SENT);
  await open().repository("a").put(BLOB);
}

export const locationIs = each(location, {
  "beside the request": ["uuid-1", `${UPLOADS}uuid-1?digest=${digest}`],
  "of a query only": ["?id=1", `${UPLOADS}?id=1&digest=${digest}`],
  "letter for letter": ["/up?_state=a%2Fb~(!)*&sig=%3d%3D", `/up?_state=a%2Fb~(!)*&sig=%3d%3D&digest=${digest}`],
  "with double slashes": ["/v2//a//up", `/v2//a//up?digest=${digest}`],
  "without a scheme of its own": ["//HOST/up", `/up?digest=${digest}`],
  "that lost the port": ["http://127.0.0.1/up?x=1", `/up?x=1&digest=${digest}`],
});

export async function plainLocationUnderEncryption({ named, open }: Talk): Promise<void> {
  const registry = named("registry.example");
  registry(`POST ${UPLOADS} -> 202 [location: http://registry.example/up/1]`);
  registry(`PUT /up/1?digest=${digest} -> 201`, SENT);
  await open(registry).repository("a").put(BLOB);
}

export async function locationOnAHostOfTheSameOwner({ named, open }: Talk): Promise<void> {
  const [registry, uploads] = [named("registry.example.org"), named("uploads.example.org")];
  registry(`POST ${UPLOADS} -> 401 [www-authenticate: Basic realm="y"]`);
  registry(`POST ${UPLOADS} [authorization: ${BASIC}] -> 202 [location: https://uploads.example.org/1?sig=x]`);
  uploads(`PUT /1?sig=x&digest=${digest} [content-length: 1000] -> 201`, SENT);
  await open(registry, { credentials: login() }).repository("a").put(BLOB);
}

async function locationElsewhere({ named, open }: Talk, host: string): Promise<void> {
  const registry = named("registry.example.org");
  registry(`POST ${UPLOADS} -> 401 [www-authenticate: Basic realm="y"]`);
  registry(`POST ${UPLOADS} [authorization: ${BASIC}] -> 202 [location: ${host}/up]`);
  await fails(
    open(registry, { credentials: login() }).repository("a").put(BLOB),
    "…: Cannot write …: the registry sends content to …",
  );
}

export const noUpload = each(locationElsewhere, {
  "on a foreign host": ["https://evil.example.com"],
  "at link local": ["http://169.254.169.254"],
  "at a decimal address": ["https://2130706433"],
  "of another protocol": ["ftp://registry.example.org"],
});

export async function noLocation({ registry, open }: Talk): Promise<void> {
  registry(`POST ${UPLOADS} -> 202`);
  await fails(
    open().repository("a").put(BLOB),
    "UNSUPPORTED: Cannot write …: the registry did not say where to upload",
  );
}

export async function mounted({ registry, open }: Talk): Promise<void> {
  registry(`POST ${MOUNT} [content-length: 0] -> 201 [location: ${BLOB_PATH}]`);
  strictEqual(await open().repository("a").mount!(BLOB.descriptor, { space: registry.host, path: "base" }), true);
}

export async function notMountedButASession({ registry, open }: Talk): Promise<void> {
  registry(`POST ${MOUNT} -> 202 [location: /up/of-the-mount]`);
  registry(`PUT /up/of-the-mount?digest=${digest} -> 201`, SENT);
  const to = open().repository("a");
  strictEqual(await to.mount!(BLOB.descriptor, { space: registry.host, path: "base" }), false);
  await to.put(BLOB);
}

export async function theSessionOfAMountHasEnded({ registry, open }: Talk): Promise<void> {
  registry(`POST ${MOUNT} -> 202 [location: /up/of-the-mount]`);
  registry(`PUT /up/of-the-mount?digest=${digest} -> 404`, { ...SENT, body: refusal("BLOB_UPLOAD_UNKNOWN") });
  registry(ABSENT);
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> 201`, SENT);
  const to = open().repository("a");
  await to.mount!(BLOB.descriptor, { space: registry.host, path: "base" });
  await to.put(BLOB);
}

async function mountRefused({ registry, open }: Talk, status: number): Promise<void> {
  registry(`POST ${MOUNT} -> ${status}`);
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> 201`, SENT);
  const to = open().repository("a");
  strictEqual(await to.mount!(BLOB.descriptor, { space: registry.host, path: "base" }), false);
  await to.put(BLOB);
}

export const mountIsRefused = each(mountRefused, {
  "with 400": [400],
  "with 403": [403],
  "with 404": [404],
  "with 405": [405],
});

export async function aPairThatRefusedToMountIsLeftAlone({ registry, open }: Talk): Promise<void> {
  const from = { space: registry.host, path: "base" };
  registry(`POST ${MOUNT} -> 405`);
  const to = open().repository("a");
  strictEqual(await to.mount!(BLOB.descriptor, from), false);
  strictEqual(await to.mount!(BIG.descriptor, from), false);
}
