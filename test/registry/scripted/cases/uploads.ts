/** Blobs that go in one request, and what may happen to them. Registry facts of A.7 and A.8. */
import { ok, strictEqual } from "node:assert/strict";
import type { ByteStream } from "../../../../src/bytes/stream.ts";
import type { Content } from "../../../../src/store/store.ts";
import { part } from "../../../support/random-image.ts";
import type { Talk } from "../../../support/scripted-registry.ts";
import { ABSENT, BASIC, BLOB, BLOB_PATH, each, fails, login, OPENED, refusal, UPLOADS } from "../given.ts";

const { digest } = BLOB.descriptor;
const SENT = { sent: BLOB.bytes };
const PIPED: Content = { ...BLOB, once: true };

export async function onePostAndOnePut({ registry, open }: Talk): Promise<void> {
  registry(OPENED);
  registry(
    `PUT /up/1?digest=${digest} [content-length: 1000] [content-type: application/octet-stream] -> 201 [docker-content-digest: ${digest}]`,
    SENT,
  );
  await open().repository("a").put(BLOB);
}

async function finishedWith({ registry, open }: Talk, status: number): Promise<void> {
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> ${status}`, SENT);
  await open().repository("a").put(BLOB);
}

export const finished = each(finishedWith, {
  "with 200": [200],
  "with 202": [202],
  "with 204": [204],
});

export async function anEmptyBlob({ registry, open }: Talk): Promise<void> {
  const empty = part("application/octet-stream", new Uint8Array());
  registry(OPENED);
  registry(`PUT /up/1?digest=${empty.descriptor.digest} [content-length: 0] -> 201`);
  await open().repository("a").put(empty);
}

export async function aWrongDigestIsNotTriedAnotherWay({ registry, open }: Talk): Promise<void> {
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> 400`, { ...SENT, body: refusal("DIGEST_INVALID", "no") });
  registry("DELETE /up/1 -> 204");
  registry(ABSENT);
  await fails(open().repository("a").put(BLOB), "UNSUPPORTED: Cannot write …DIGEST_INVALID (no)");
}

export async function anotherDigestIsStored({ registry, open }: Talk): Promise<void> {
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> 201 [docker-content-digest: sha256:${"0".repeat(64)}]`, SENT);
  registry(ABSENT);
  await fails(open().repository("a").put(BLOB), "INTEGRITY: Cannot write …");
}

export async function aCutUploadBeginsAnew({ registry, open }: Talk): Promise<void> {
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> cut`, { cut: 500 });
  registry.always(`HEAD ${BLOB_PATH} -> 404`);
  registry(`POST ${UPLOADS} -> 202 [location: /up/2]`);
  registry(`PUT /up/2?digest=${digest} [content-length: 1000] -> 201`, SENT);
  await open().repository("a").put(BLOB);
}

export async function onlyTheAnswerWasLost({ registry, open }: Talk): Promise<void> {
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> cut`);
  registry(`HEAD ${BLOB_PATH} -> 200 [content-length: 1000]`);
  await open().repository("a").put(BLOB);
}

export async function somebodyElseWasFaster({ registry, open }: Talk): Promise<void> {
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> 409`, SENT);
  registry("DELETE /up/1 -> 404");
  registry(`HEAD ${BLOB_PATH} -> 200 [content-length: 1000]`);
  await open().repository("a").put(BLOB);
}

export async function troubleInPassing({ registry, open }: Talk): Promise<void> {
  registry(`POST ${UPLOADS} -> 502`);
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> 503`, SENT);
  registry(ABSENT);
  registry(`POST ${UPLOADS} -> 202 [location: /up/2]`);
  registry(`PUT /up/2?digest=${digest} -> 201`, SENT);
  await open().repository("a").put(BLOB);
}

export async function deniedOnceAndForAll({ registry, open }: Talk): Promise<void> {
  registry(`POST ${UPLOADS} -> 403`, { body: refusal("DENIED", "requested access to the resource is denied") });
  await fails(open().repository("a").put(BLOB), "DENIED: Cannot write …DENIED (requested access…)");
}

export async function unauthorizedWhileTheBodyGoes({ registry, open }: Talk): Promise<void> {
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> 401 [www-authenticate: Basic realm="y"]`, SENT);
  registry(`PUT /up/1?digest=${digest} [authorization: ${BASIC}] [content-length: 1000] -> 201`, SENT);
  await open(registry, { credentials: login() }).repository("a").put(BLOB);
}

/** The blob from a source that has something else. */
function spoilt(): Content {
  const bytes = BLOB.bytes.slice();
  bytes[999]! ^= 1;
  return {
    descriptor: BLOB.descriptor,
    async *open(): ByteStream {
      yield bytes.subarray(0, 900);
      yield bytes.subarray(900);
    },
  };
}

export async function wrongBytesNeverComplete({ registry, open }: Talk): Promise<void> {
  const sizes: number[] = [];
  registry(OPENED);
  registry.always(`PUT /up/1?digest=${digest} [content-length: 1000] -> 201`, {
    onBody: (body) => sizes.push(body.length),
  });
  registry.always("DELETE /up/1 -> 204");
  await fails(open().repository("a").put(spoilt()), "INTEGRITY: Cannot read …");
  ok(sizes.length <= 1 && sizes.every((size) => size <= 900), `${sizes}`);
}

export async function thereAlready({ registry, open }: Talk): Promise<void> {
  registry(`HEAD ${BLOB_PATH} -> 200 [content-length: 1000]`);
  strictEqual(await open().repository("a").has(BLOB.descriptor), true);
}

export async function thereWithAnotherSize({ registry, open }: Talk): Promise<void> {
  registry(`HEAD ${BLOB_PATH} -> 200 [content-length: 999]`);
  strictEqual(await open().repository("a").has(BLOB.descriptor), false);
}

async function unknownIsNo({ registry, open }: Talk, status: number): Promise<void> {
  registry(`HEAD ${BLOB_PATH} -> ${status}`);
  strictEqual(await open().repository("a").has(BLOB.descriptor), false);
}

export const lookingIsRefused = each(unknownIsNo, {
  "with 403": [403],
  "with 405": [405],
});

export async function lookingBreaks({ registry, open }: Talk): Promise<void> {
  const looked = registry.always(`HEAD ${BLOB_PATH} -> 500`);
  strictEqual(
    await open(registry, { retry: { attempts: 3 } })
      .repository("a")
      .has(BLOB.descriptor),
    false,
  );
  strictEqual(looked.length, 3);
}

export async function twoWantTheSame({ registry, open }: Talk): Promise<void> {
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> 201`, SENT);
  const store = open();
  await Promise.all([store.repository("a").put(BLOB), store.repository("a").put(BLOB)]);
}

export async function everyTryFails({ registry, open }: Talk): Promise<void> {
  const opened = registry.always(`POST ${UPLOADS} -> 202 [location: /up/1]`);
  const sent = registry.always(`PUT /up/1?digest=${digest} -> 500`);
  registry.always(`HEAD ${BLOB_PATH} -> 404`);
  const ended = registry.always("DELETE /up/1 -> 204");
  await fails(
    open(registry, { retry: { attempts: 3 } })
      .repository("a")
      .put(BLOB),
    "NETWORK: Cannot write …500…",
  );
  strictEqual(`${opened.length} ${sent.length} ${ended.length}`, "3 3 3");
}

/** Content of a pipe, which fails for good at once; `expected` comes before the look whether the blob is there. */
async function failsForGood({ registry, open }: Talk, status: number, ...expected: readonly string[]): Promise<void> {
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> ${status}`, SENT);
  for (const line of expected) registry(line);
  registry(ABSENT);
  await fails(open().repository("a").put(PIPED), "NETWORK: Cannot write …pipe…");
}

export const aSession = each(failsForGood, {
  "that the registry failed is given up": [500, "DELETE /up/1 -> 204"],
  "whose end fails too is asked to end once": [500, "DELETE /up/1 -> 503"],
  "behind a gateway that gave up may still be at work": [504],
});

export async function aPipeIsNotReadTwice({ registry, open }: Talk): Promise<void> {
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> cut`, { cut: 100 });
  registry.always(`HEAD ${BLOB_PATH} -> 404`);
  registry.always("DELETE /up/1 -> 204");
  await fails(open().repository("a").put(PIPED), "NETWORK: Cannot write …pipe…");
}
