/** Uploads to registries that do not take the usual PUT: what is sent instead, and what is remembered. */
import { expect, test } from "bun:test";
import { concat } from "../../../src/bytes/stream.ts";
import { type Habits, limited, pieces, refuse, startOddRegistry } from "../../support/odd-registry.ts";
import { part, randomBytes } from "../../support/random-image.ts";
import { thrownBy } from "../../support/thrown.ts";

const BLOB = part("application/octet-stream", randomBytes("ways", 3_000_000));
const OTHER = part("application/octet-stream", randomBytes("other ways", 3_000_001));
const SMALL = part("application/octet-stream", randomBytes("small", 1000));

test.each([
  [404, "BLOB_UNKNOWN"],
  [404, "BLOB_UPLOAD_UNKNOWN"],
  [405, "UNSUPPORTED"],
  [400, "UNKNOWN"],
])("where a PUT is refused with %d %s, one PATCH, and the next blob at once so", async (status, code) => {
  await using registry = await startOddRegistry({
    answer: ({ method, length }) => (method === "PUT" && length > 0 ? refuse(status, code) : undefined),
  });
  const { sink, log, blobs, methods } = registry;
  await sink.put(pieces(BLOB));
  expect(log.slice(3)).toEqual([
    { method: "POST", at: "/undefined?step=null", length: 0, range: null },
    { method: "PATCH", at: "/1?step=0", length: 3_000_000, range: null },
    { method: "PUT", at: "/1?step=1", length: 0, range: null },
  ]);
  expect(methods()).toBe("POST PUT DELETE POST PATCH PUT");
  expect(blobs.get(BLOB.descriptor.digest)).toEqual(BLOB.bytes);
  await sink.put(pieces(OTHER));
  expect(methods()).toBe("POST PATCH PUT");
});

test.each([200, 201, 202, 204])("%d is success, for a PATCH and for a PUT", async (status) => {
  await using registry = await startOddRegistry({
    patched: status,
    created: status,
    answer: ({ method, length }) => (method === "PUT" && length > 1000 ? refuse(405) : undefined),
  });
  const { sink, methods } = registry;
  await sink.put(pieces(SMALL));
  await sink.put(pieces(BLOB));
  expect(methods()).toBe("POST PUT POST PUT DELETE POST PATCH PUT");
});

test.each(["DIGEST_INVALID", "NAME_INVALID", "NAME_UNKNOWN", "DENIED", "SIZE_INVALID"])(
  "%s stands, and teaches nothing",
  async (code) => {
    let isRefused = true;
    await using registry = await startOddRegistry({
      answer: ({ method }) => (isRefused && method === "PUT" ? refuse(400, code) : undefined),
    });
    const { sink, methods } = registry;
    expect(await thrownBy(() => sink.put(pieces(BLOB)))).toMatchObject({ status: 400, errors: [code] });
    expect(methods()).toBe("POST PUT DELETE");
    isRefused = false;
    await sink.put(pieces(OTHER));
    expect(methods()).toBe("POST PUT");
  },
);

test("what is refused both ways is the registry's last word, and teaches nothing", async () => {
  let isRefused = true;
  await using registry = await startOddRegistry({
    answer: ({ method }) => (isRefused && /PUT|PATCH/.test(method) ? refuse(400, "UNKNOWN") : undefined),
  });
  const { sink, methods } = registry;
  expect(await thrownBy(() => sink.put(pieces(BLOB)))).toMatchObject({ method: "PATCH", status: 400 });
  expect(methods()).toBe("POST PUT DELETE POST PATCH DELETE");
  isRefused = false;
  await sink.put(pieces(OTHER));
  expect(methods()).toBe("POST PUT");
});

test("wrong bytes never complete, by no way", async () => {
  const wrong = BLOB.bytes.slice();
  wrong[2_999_999]! ^= 1;
  const spoilt = pieces({ ...BLOB, bytes: wrong });
  const long = pieces({ ...BLOB, bytes: concat([BLOB.bytes, SMALL.bytes]) });
  for (const answer of [
    undefined,
    limited(1_000_000),
    (({ method, length }) => (method === "PUT" && length > 0 ? refuse(405) : undefined)) as Habits["answer"],
  ]) {
    await using registry = await startOddRegistry(answer ? { answer } : {});
    const { sink, log, blobs } = registry;
    await sink.put(pieces(OTHER));
    log.length = 0;
    for (const content of [spoilt, long])
      expect(await thrownBy(() => sink.put(content))).toMatchObject({ code: "INTEGRITY" });
    const sent = log.reduce((sum, { length }) => sum + length, 0);
    expect(sent).toBeLessThan(2 * BLOB.bytes.length);
    expect(log.filter(({ method, length }) => method === "PUT" && length === 0)).toEqual([]);
    expect(blobs.size).toBe(1);
  }
});

test("a registry that stored other bytes", async () => {
  const { digest } = SMALL.descriptor;
  await using registry = await startOddRegistry({
    answer: ({ method }) =>
      method === "PUT" ? new Response(null, { status: 201, headers: { "docker-content-digest": digest } }) : undefined,
  });
  const { sink } = registry;
  expect(await thrownBy(() => sink.put(pieces(BLOB)))).toMatchObject({ code: "INTEGRITY", actual: digest });
});

test("no bytes at all", async () => {
  await using registry = await startOddRegistry();
  const { sink, methods, blobs } = registry;
  const empty = part("application/octet-stream", new Uint8Array());
  await sink.put(empty);
  expect(methods()).toBe("POST PUT");
  expect(blobs.get(empty.descriptor.digest)).toEqual(empty.bytes);
});
