/** Blobs that come, through whatever happens to connections. RFC 9110 section 14; registry facts of A.7 and G.2. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { collect } from "../../../../src/bytes/stream.ts";
import { part } from "../../../support/random-image.ts";
import type { Talk } from "../../../support/scripted-registry.ts";
import { BLOB, BLOB_PATH, each, fails, pull, pullBlob, refusal } from "../given.ts";

const { bytes, descriptor } = BLOB;

export async function oneRequestForTheWhole({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} [accept-encoding: identity] [user-agent: dray] -> 200`, { body: bytes });
  await pullBlob(open().repository("a"));
}

export async function aPartIsAskedForByRange({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} [range: bytes=100-199] -> 206 [content-range: bytes 100-199/1000]`, {
    body: bytes.slice(100, 200),
  });
  const stream = open().repository("a").get(descriptor).open({ start: 100, end: 200 });
  deepStrictEqual(await collect(stream, 1000), bytes.slice(100, 200));
}

export async function eachCutGoesOnFromTheLastByte({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 200`, { body: bytes, cut: 1 });
  for (const [start, end] of [
    [1, 400],
    [400, 999],
  ] as const)
    registry(`GET ${BLOB_PATH} [range: bytes=${start}-999] -> 206 [content-range: bytes ${start}-999/1000]`, {
      body: bytes.slice(start),
      cut: end - start,
    });
  registry(`GET ${BLOB_PATH} [range: bytes=999-999] -> 206 [content-range: bytes 999-999/1000]`, {
    body: bytes.slice(999),
  });
  await pullBlob(open().repository("a"));
}

export async function tooManyCutsAreAnError({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 200`, { body: bytes, cut: 10 });
  registry(`GET ${BLOB_PATH} [range: bytes=10-999] -> 206 [content-range: bytes 10-999/1000]`, {
    body: bytes.slice(10),
    cut: 10,
  });
  registry(`GET ${BLOB_PATH} [range: bytes=20-999] -> 206 [content-range: bytes 20-999/1000]`, {
    body: bytes.slice(20),
    cut: 10,
  });
  await fails(pullBlob(open(registry, { retry: { attempts: 3 } }).repository("a")), "NETWORK: Cannot read …");
}

export async function closedBeforeAnAnswer({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> cut`);
  registry(`GET ${BLOB_PATH} -> cut`);
  registry(`GET ${BLOB_PATH} -> 200`, { body: bytes });
  await pullBlob(open().repository("a"));
}

export async function silenceBeforeAnAnswer({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> silence`);
  registry(`GET ${BLOB_PATH} -> 200`, { body: bytes });
  await pullBlob(open(registry, { stall: 1500 }).repository("a"));
}

export async function silenceInTheMiddle({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 200`, { body: bytes, silent: 600 });
  registry(`GET ${BLOB_PATH} [range: bytes=600-999] -> 206 [content-range: bytes 600-999/1000]`, {
    body: bytes.slice(600),
  });
  await pullBlob(open(registry, { stall: 1500 }).repository("a"));
}

export async function rangeIgnored({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 200`, { body: bytes, cut: 300 });
  registry(`GET ${BLOB_PATH} [range: bytes=300-999] -> 200`, { body: bytes });
  await pullBlob(open().repository("a"));
}

async function wrongRange({ registry, open }: Talk, range: string): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 200`, { body: bytes, cut: 300 });
  registry(`GET ${BLOB_PATH} [range: bytes=300-999] -> 206 ${range}`, { body: bytes.slice(300) });
  await fails(pullBlob(open().repository("a")), "INTEGRITY: Cannot read …: expected bytes 300-999/1000…");
}

export const range = each(wrongRange, {
  "from elsewhere": ["[content-range: bytes 299-999/1000]"],
  "of another size": ["[content-range: bytes 300-999/1001]"],
  "beyond the end": ["[content-range: bytes 300-1000/*]"],
  backwards: ["[content-range: bytes 300-200/1000]"],
  "not said": [""],
  "in parts": ["[content-type: multipart/byteranges]"],
});

export async function shortBodyWithoutLength({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 200`, { body: bytes.slice(0, 700), unmeasured: true });
  registry(`GET ${BLOB_PATH} [range: bytes=700-999] -> 206 [content-range: bytes 700-999/1000]`, {
    body: bytes.slice(700),
    unmeasured: true,
  });
  await pullBlob(open().repository("a"));
}

export async function longBodyWithoutLength({ registry, open }: Talk): Promise<void> {
  const body = new Uint8Array(2000);
  body.set(bytes);
  registry(`GET ${BLOB_PATH} -> 200`, { body, unmeasured: true });
  await fails(pullBlob(open().repository("a")), "INTEGRITY: Cannot read …more than 1000 bytes…");
}

export async function anotherLength({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 200`, { body: bytes.slice(0, 999) });
  await fails(pullBlob(open().repository("a")), "INTEGRITY: Cannot read …: expected 1000 bytes…999 bytes…");
}

export async function encodedBlob({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} [accept-encoding: identity] -> 200 [content-encoding: gzip]`, { body: bytes });
  await fails(pullBlob(open().repository("a")), 'UNSUPPORTED: Cannot read …"gzip"…');
}

export async function wrongBytes({ registry, open }: Talk): Promise<void> {
  const body = bytes.slice();
  body[500]! ^= 1;
  registry.always(`GET ${BLOB_PATH} -> 200`, { body });
  await fails(pullBlob(open().repository("a")), "INTEGRITY: Cannot read …");
}

export async function wrongBytesAfterAResume({ registry, open }: Talk): Promise<void> {
  const body = bytes.slice(500);
  body[499]! ^= 1;
  registry(`GET ${BLOB_PATH} -> 200`, { body: bytes, cut: 500 });
  registry(`GET ${BLOB_PATH} [range: bytes=500-999] -> 206 [content-range: bytes 500-999/1000]`, { body });
  registry.always(`GET ${BLOB_PATH} -> 200`, { body: new Uint8Array(1000) });
  await fails(pullBlob(open().repository("a")), "INTEGRITY: Cannot read …");
}

export async function notThere({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 404`, { body: refusal("BLOB_UNKNOWN") });
  await fails(pullBlob(open().repository("a")), "NOT_FOUND: Cannot read …BLOB_UNKNOWN");
}

export async function noContent({ registry, open }: Talk): Promise<void> {
  registry.always(`GET ${BLOB_PATH} -> 204`);
  await fails(pullBlob(open(registry, { retry: { attempts: 2 } }).repository("a")), "…: Cannot read …");
}

export async function nothingIsAskedForEmptyContent({ open }: Talk): Promise<void> {
  const empty = part("application/octet-stream", new Uint8Array());
  strictEqual((await pull(open().repository("a"), empty)).length, 0);
}

export async function nothingIsAskedForWhatTheDescriptorHolds({ open }: Talk): Promise<void> {
  const held = part("application/vnd.oci.empty.v1+json", new TextEncoder().encode("{}"));
  const data = Buffer.from(held.bytes).toString("base64");
  const content = open()
    .repository("a")
    .get({ ...held.descriptor, data });
  deepStrictEqual(await collect(content.open(), 10), held.bytes);
}

export async function anAbortEndsIt({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 200`, { body: bytes, silent: 10 });
  const abort = new AbortController();
  const stream = open().repository("a").get(descriptor).open({ signal: abort.signal });
  const reading = (async () => {
    for await (const _ of stream) abort.abort(new Error("enough"));
  })();
  strictEqual(await reading.catch((error: Error) => error.message), "enough");
}
