/** Uploads in chunks: where requests are limited in size, over lines and registries that lose some. */
import { expect, test } from "bun:test";
import { type Asked, limited, pieces, refuse, startOddRegistry } from "../../support/odd-registry.ts";
import { part, randomBytes } from "../../support/random-image.ts";
import { thrownBy } from "../../support/thrown.ts";

const BLOB = part("application/octet-stream", randomBytes("ways", 3_000_000));
const OTHER = part("application/octet-stream", randomBytes("other ways", 3_000_001));
const SMALL = part("application/octet-stream", randomBytes("small", 1000));

test("what is too large goes in chunks, each to where the answer before said; what is small goes whole", async () => {
  await using registry = await startOddRegistry({ answer: limited(1_000_000) });
  const { sink, log, blobs, methods } = registry;
  await sink.put(pieces(BLOB));
  expect(log.slice(4)).toEqual([
    { method: "PATCH", at: "/1?step=0", length: 750_000, range: "0-749999" },
    { method: "PATCH", at: "/1?step=1", length: 750_000, range: "750000-1499999" },
    { method: "PATCH", at: "/1?step=2", length: 750_000, range: "1500000-2249999" },
    { method: "PATCH", at: "/1?step=3", length: 750_000, range: "2250000-2999999" },
    { method: "PUT", at: "/1?step=4", length: 0, range: null },
  ]);
  expect(methods()).toStartWith("POST PUT DELETE POST PATCH");
  expect(blobs.get(BLOB.descriptor.digest)).toEqual(BLOB.bytes);
  await sink.put(pieces(OTHER));
  expect(methods()).toBe("POST PATCH PATCH PATCH PATCH PATCH PUT");
  expect(blobs.get(OTHER.descriptor.digest)).toEqual(OTHER.bytes);
  await sink.put(pieces(SMALL));
  expect(methods()).toBe("POST PUT");
});

test("chunks are not smaller than the registry wants them", async () => {
  await using registry = await startOddRegistry({ answer: limited(1_000_000), minimum: 900_000 });
  const { sink, log } = registry;
  await sink.put(pieces(BLOB));
  expect(log.flatMap(({ method, length }) => (method === "PATCH" ? [length] : []))).toEqual([
    900_000, 900_000, 900_000, 300_000,
  ]);
});

test("a minimum that is refused is not tried twice", async () => {
  await using registry = await startOddRegistry({ answer: limited(1_000_000), minimum: 2_000_000 });
  const { sink, log, methods } = registry;
  expect(await thrownBy(() => sink.put(pieces(BLOB)))).toMatchObject({ status: 413 });
  expect(log.map(({ length }) => length)).toEqual([0, 3_000_000, 0, 0, 2_000_000, 0]);
  methods();
  await sink.put(pieces(SMALL));
  expect(methods()).toBe("POST PUT");
});

test("a PATCH whose length is refused by 416 becomes chunks", async () => {
  await using registry = await startOddRegistry({
    answer({ method, length }) {
      if (method === "PUT" && length > 0) return refuse(405);
      return method === "PATCH" && length > 1_000_000 ? refuse(416) : undefined;
    },
  });
  const { sink, log, blobs } = registry;
  await sink.put(pieces(BLOB));
  expect(log.flatMap(({ method, length }) => (method === "PATCH" ? [length] : []))).toEqual([
    3_000_000,
    ...[750_000, 750_000, 750_000, 750_000],
  ]);
  expect(blobs.has(BLOB.descriptor.digest)).toBe(true);
});

/** The ranges of the PATCHes so far. */
function ranges(log: readonly Asked[]): (string | null)[] {
  return log.flatMap(({ method, range }) => (method === "PATCH" ? [range] : []));
}

test("after a chunk that broke, the registry is asked how far it came", async () => {
  let count = 0;
  await using registry = await startOddRegistry({
    async answer(asked) {
      if (asked.length > 1_000_000) return refuse(413);
      return asked.method === "PATCH" && ++count === 2 ? refuse(503) : undefined;
    },
  });
  const { sink, log, blobs } = registry;
  await sink.put(pieces(BLOB));
  expect(ranges(log)).toEqual(["0-749999", "750000-1499999", "750000-1499999", "1500000-2249999", "2250000-2999999"]);
  expect(log.filter(({ method }) => method === "GET").map(({ at }) => at)).toEqual(["/1?step=1"]);
  expect(blobs.get(BLOB.descriptor.digest)).toEqual(BLOB.bytes);
});

test("a registry that kept less than it was given says so by 416", async () => {
  let count = 0;
  await using registry = await startOddRegistry({
    answer: limited(1_000_000),
    keep: (_, received) => (++count === 2 ? 100_001 : received.length),
  });
  const { sink, log, blobs } = registry;
  await sink.put(pieces(BLOB));
  expect(ranges(log)).toEqual([
    "0-749999",
    "750000-1499999",
    "1500000-2249999",
    "850001-1600000",
    "1600001-2350000",
    "2350001-2999999",
  ]);
  expect(blobs.get(BLOB.descriptor.digest)).toEqual(BLOB.bytes);
});

test("a session that is lost between chunks is replaced", async () => {
  let count = 0;
  await using registry = await startOddRegistry({
    answer(asked) {
      if (asked.length > 1_000_000) return refuse(413);
      if (asked.method === "PATCH" && ++count === 2) return refuse(500);
      return asked.method === "GET" ? refuse(404, "BLOB_UPLOAD_UNKNOWN") : undefined;
    },
  });
  const { sink, methods, blobs } = registry;
  await sink.put(pieces(BLOB));
  expect(methods()).toBe("POST PUT DELETE POST PATCH PATCH GET DELETE POST PATCH PATCH PATCH PATCH PUT");
  expect(blobs.has(BLOB.descriptor.digest)).toBe(true);
});

test("chunks that never arrive end after the last try", async () => {
  await using registry = await startOddRegistry({
    answer({ method, length }) {
      if (length > 1_000_000) return refuse(413);
      return method === "PATCH" ? refuse(502) : undefined;
    },
  });
  const { sink, log } = registry;
  expect(await thrownBy(() => sink.put(pieces(BLOB)))).toMatchObject({ status: 502 });
  expect(ranges(log)).toEqual(["0-749999", "0-749999", "0-749999"]);
});

test("what can be read only once goes in chunks once that is known, in one reading", async () => {
  await using registry = await startOddRegistry({ answer: limited(1_000_000) });
  const { sink, methods, blobs } = registry;
  const first = await thrownBy(() => sink.put(pieces(BLOB, { once: true })));
  expect(first).toMatchObject({ code: "NETWORK", message: expect.stringContaining("cannot be read again") });
  expect(methods()).toBe("POST PUT DELETE");
  await sink.put(pieces(OTHER, { once: true }));
  expect(methods()).toBe("POST PATCH PATCH PATCH PATCH PATCH PUT");
  expect(blobs.get(OTHER.descriptor.digest)).toEqual(OTHER.bytes);
});

test("a chunk of it that breaks ends the upload", async () => {
  let isBroken = false;
  await using registry = await startOddRegistry({
    answer({ method, length, range }) {
      if (length > 1_000_000) return refuse(413);
      return isBroken && method === "PATCH" && range?.startsWith("7") ? refuse(503) : undefined;
    },
  });
  const { sink, log } = registry;
  await sink.put(pieces(OTHER));
  log.length = 0;
  isBroken = true;
  expect(await thrownBy(() => sink.put(pieces(BLOB, { once: true })))).toMatchObject({
    message: expect.stringContaining("cannot be read again"),
  });
  expect(ranges(log)).toEqual(["0-749999", "750000-1499999"]);
});

test("a registry that takes large requests in no way has the last word, and teaches nothing", async () => {
  let isRefused = true;
  await using registry = await startOddRegistry({
    answer({ method, length }) {
      if (!isRefused) return undefined;
      return length > 1_000_000 ? refuse(413) : method === "PATCH" ? refuse(400, "UNSUPPORTED") : undefined;
    },
  });
  const { sink, methods } = registry;
  expect(await thrownBy(() => sink.put(pieces(BLOB)))).toMatchObject({ method: "PATCH", status: 400 });
  expect(methods()).toBe("POST PUT DELETE POST PATCH DELETE");
  isRefused = false;
  await sink.put(pieces(OTHER));
  expect(methods()).toBe("POST PUT");
});
