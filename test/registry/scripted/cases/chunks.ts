/** The other ways in which registries want their bytes: by PATCH, and in chunks. Registry facts of A.8. */
import { strictEqual } from "node:assert/strict";
import { part, randomBytes } from "../../../support/random-image.ts";
import type { Talk } from "../../../support/scripted-registry.ts";
import { ABSENT, BIG, BLOB, each, OPENED, refusal, UPLOADS } from "../given.ts";

const { digest } = BLOB.descriptor;
const SENT = { sent: BLOB.bytes };

export async function onlyPatchIsTaken({ registry, open }: Talk): Promise<void> {
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> 404`, { ...SENT, body: refusal("BLOB_UPLOAD_UNKNOWN") });
  registry("DELETE /up/1 -> 404");
  registry(ABSENT);
  registry(`POST ${UPLOADS} -> 202 [location: /up/2]`);
  registry(
    "PATCH /up/2 [content-length: 1000] [no content-range] -> 202 [location: /up/2b?state=x] [range: 0-999]",
    SENT,
  );
  registry(`PUT /up/2b?state=x&digest=${digest} [content-length: 0] -> 201`);
  await open().repository("a").put(BLOB);
}

export async function patchAnsweredWith201({ registry, open }: Talk): Promise<void> {
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> 405`, SENT);
  registry("DELETE /up/1 -> 204");
  registry(ABSENT);
  registry(`POST ${UPLOADS} -> 202 [location: /up/2]`);
  registry("PATCH /up/2 [content-length: 1000] -> 201 [location: /up/2]", SENT);
  registry(`PUT /up/2?digest=${digest} -> 201`);
  await open().repository("a").put(BLOB);
}

async function inChunks({ registry, open }: Talk, minimum: string, sizes: readonly number[]): Promise<void> {
  const { size, digest: big } = BIG.descriptor;
  registry(`POST ${UPLOADS} -> 202 [location: /up/1] ${minimum}`);
  registry(`PUT /up/1?digest=${big} -> 413`, { sent: BIG.bytes });
  registry("DELETE /up/1 -> 204");
  registry(`HEAD /v2/a/blobs/${big} -> 404`);
  registry(`POST ${UPLOADS} -> 202 [location: /up/2?at=0] ${minimum}`);
  let at = 0;
  for (const length of sizes) {
    const end = at + length;
    registry(
      `PATCH /up/2?at=${at} [content-range: ${at}-${end - 1}] [content-length: ${length}] -> 202 [location: /up/2?at=${end}] [range: 0-${end - 1}]`,
      { sent: BIG.bytes.slice(at, end) },
    );
    at = end;
  }
  strictEqual(at, size);
  registry(`PUT /up/2?at=${at}&digest=${big} [content-length: 0] -> 201`);
  await open().repository("a").put(BIG);
}

export const chunks = each(inChunks, {
  "too large for one request": ["", [300_000, 300_000, 300_000, 300_000]],
  "chunks are as long as the registry wants": ["[oci-chunk-min-length: 500000]", [500_000, 500_000, 200_000]],
  "a minimum of chunks that is no number": ["[oci-chunk-min-length: 1e99]", [300_000, 300_000, 300_000, 300_000]],
});

export async function aChunkInTheWrongPlace({ registry, open }: Talk): Promise<void> {
  const { digest: big } = BIG.descriptor;
  const chunk = (at: number): string => `PATCH /up/2 [content-range: ${at}-${at + 299_999}] [content-length: 300000]`;
  registry(OPENED);
  registry(`PUT /up/1?digest=${big} -> 413`, { sent: BIG.bytes });
  registry("DELETE /up/1 -> 204");
  registry(`HEAD /v2/a/blobs/${big} -> 404`);
  registry(`POST ${UPLOADS} -> 202 [location: /up/2]`);
  registry(`${chunk(0)} -> 202 [location: /up/2]`, { sent: BIG.bytes.slice(0, 300_000) });
  registry(`${chunk(300_000)} -> 416 [range: 0-149999]`, { sent: BIG.bytes.slice(300_000, 600_000) });
  registry("GET /up/2 -> 204 [range: 0-149999] [location: /up/2]");
  for (const at of [150_000, 450_000, 750_000])
    registry(`${chunk(at)} -> 202 [location: /up/2]`, { sent: BIG.bytes.slice(at, at + 300_000) });
  registry("PATCH /up/2 [content-range: 1050000-1199999] -> 202 [location: /up/2]", {
    sent: BIG.bytes.slice(1_050_000),
  });
  registry(`PUT /up/2?digest=${big} -> 201`);
  await open().repository("a").put(BIG);
}

export async function tooLargeSaidBeforeTheBodyIsRead({ registry, open }: Talk): Promise<void> {
  const { digest: big, size } = BIG.descriptor;
  registry.always(`HEAD /v2/a/blobs/${big} -> 404`);
  registry(OPENED);
  registry(`PUT /up/1?digest=${big} [content-length: ${size}] -> 413`, { early: true });
  registry("DELETE /up/1 -> 204");
  registry(`POST ${UPLOADS} -> 202 [location: /up/2]`);
  for (let at = 0; at < size; at += 300_000)
    registry(`PATCH /up/2 [content-range: ${at}-${at + 299_999}] -> 202`, { sent: BIG.bytes.slice(at, at + 300_000) });
  registry(`PUT /up/2?digest=${big} -> 201`);
  await open().repository("a").put(BIG);
}

export async function whatWasLearnedIsKept({ registry, open }: Talk): Promise<void> {
  const other = part("application/octet-stream", randomBytes("scripted other", 1000));
  registry(OPENED);
  registry(`PUT /up/1?digest=${digest} -> 405`, SENT);
  registry("DELETE /up/1 -> 204");
  registry(ABSENT);
  registry(`POST ${UPLOADS} -> 202 [location: /up/2]`);
  registry("PATCH /up/2 [content-length: 1000] -> 202", SENT);
  registry(`PUT /up/2?digest=${digest} -> 201`);
  registry(`POST ${UPLOADS} -> 202 [location: /up/3]`);
  registry("PATCH /up/3 [content-length: 1000] -> 202", { sent: other.bytes });
  registry(`PUT /up/3?digest=${other.descriptor.digest} -> 201`);
  const store = open();
  await store.repository("a").put(BLOB);
  await store.repository("a").put(other);
}
