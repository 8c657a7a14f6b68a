/** Uploads in every way that clients have, and what becomes of those that go wrong. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import type { Bytes } from "../../src/bytes/stream.ts";
import { toWeb } from "../../src/bytes/stream.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { createHandler, type Handler } from "../../src/serve/handler.ts";
import { createUploads } from "../../src/serve/upload-sessions.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { readAll } from "../../src/store/read.ts";
import type { Sink, Store } from "../../src/store/store.ts";
import { image, randomBytes } from "../support/random-image.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";

const bytes = randomBytes("upload", 3_500_000);
const digest = digestOf(bytes);
const descriptor = { mediaType: "application/octet-stream", digest, size: bytes.length };

let store: Store<Sink>;
let folder: TemporaryFolder;
let handler: Handler;
beforeEach(async () => {
  store = memoryStore();
  folder = await temporaryFolder();
  handler = createHandler(store, { spool: folder.path });
});
afterEach(async () => {
  await handler[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function ask(method: string, path: string, body?: Bytes, headers: Record<string, string> = {}): Promise<Response> {
  const init = { method, headers, ...(body ? { body } : {}) };
  return handler(new Request(`http://registry.test${path}`, init));
}

async function start(): Promise<string> {
  const response = await ask("POST", "/v2/x/blobs/uploads/");
  expect(response.status).toBe(202);
  expect(response.headers.get("range")).toBe("0-0");
  return response.headers.get("location")!;
}

async function expectStored(response: Response): Promise<void> {
  expect(response.status).toBe(201);
  expect(response.headers.get("location")).toBe(`/v2/x/blobs/${digest}`);
  expect(response.headers.get("docker-content-digest")).toBe(digest);
  expect(await readAll(store.repository("x").get(descriptor), 1 << 30)).toEqual(bytes);
  expect(await spooled()).toEqual([]);
}

async function spooled(): Promise<string[]> {
  const all = await readdir(folder.path, { recursive: true, withFileTypes: true });
  return all.filter((entry) => entry.isFile()).map(({ name }) => name);
}

async function codeOf(response: Response): Promise<string> {
  const { errors } = (await response.json()) as { errors: { code: string }[] };
  return `${response.status} ${errors[0]?.code}`;
}

test.each([undefined, String(bytes.length)])("takes a blob in one PUT (Content-Length %p)", async (length) => {
  const location = await start();
  await expectStored(
    await ask("PUT", `${location}?digest=${digest}`, bytes, length === undefined ? {} : { "content-length": length }),
  );
});

test("takes a blob in one POST", async () => {
  await expectStored(await ask("POST", `/v2/x/blobs/uploads/?digest=${digest}`, bytes));
});

test("takes a blob in one PATCH, then an empty PUT", async () => {
  const location = await start();
  const patched = await ask("PATCH", location, bytes);
  expect(patched.status).toBe(202);
  expect(patched.headers.get("range")).toBe(`0-${bytes.length - 1}`);
  await expectStored(await ask("PUT", `${patched.headers.get("location")}?digest=${digest}`));
});

test("takes a blob in chunks, the last one with the PUT", async () => {
  const location = await start();
  for (const [from, to] of [
    [0, 700_000],
    [700_000, 2_900_000],
  ] as const) {
    const headers = { "content-range": `${from}-${to - 1}`, "content-length": String(to - from) };
    expect((await ask("PATCH", location, bytes.slice(from, to), headers)).status).toBe(202);
  }
  const status = await ask("GET", location);
  expect(status.status).toBe(204);
  expect(status.headers.get("range")).toBe("0-2899999");
  const headers = { "content-range": `2900000-${bytes.length - 1}` };
  await expectStored(await ask("PUT", `${location}?digest=${digest}`, bytes.slice(2_900_000), headers));
});

test("takes a blob of no bytes", async () => {
  const location = await start();
  const empty = digestOf(new Uint8Array());
  expect((await ask("PUT", `${location}?digest=${empty}`)).status).toBe(201);
  expect(await store.repository("x").has({ ...descriptor, digest: empty, size: 0 })).toBe(true);
});

test("refuses a chunk out of order and keeps what it has", async () => {
  const location = await start();
  await ask("PATCH", location, bytes.slice(0, 100), { "content-range": "0-99" });
  for (const range of ["0-99", "101-200", "nonsense"]) {
    const response = await ask("PATCH", location, bytes.slice(100, 200), { "content-range": range });
    expect(response.headers.get("range")).toBe("0-99");
    expect(await codeOf(response)).toBe("416 BLOB_UPLOAD_INVALID");
  }
  await expectStored(await ask("PUT", `${location}?digest=${digest}`, bytes.slice(100)));
});

test("refuses a range that is not as long as its chunk", async () => {
  const location = await start();
  const headers = { "content-range": "0-99", "content-length": "50" };
  expect(await codeOf(await ask("PATCH", location, bytes.slice(0, 50), headers))).toBe("400 SIZE_INVALID");
});

test("refuses wrong bytes and forgets the upload", async () => {
  const other = digestOf(new Uint8Array(1));
  const location = await start();
  await ask("PATCH", location, bytes);
  expect(await codeOf(await ask("PUT", `${location}?digest=${other}`))).toBe("400 DIGEST_INVALID");
  expect(await codeOf(await ask("GET", location))).toBe("404 BLOB_UPLOAD_UNKNOWN");
  expect(await codeOf(await ask("POST", `/v2/x/blobs/uploads/?digest=${other}`, bytes))).toBe("400 DIGEST_INVALID");
  expect(await store.blob?.(other)).toBeUndefined();
  expect(await spooled()).toEqual([]);
});

test("asks for a digest that it knows, and keeps the upload", async () => {
  const location = await start();
  for (const query of ["", "?digest=", "?digest=md5:0"])
    expect(await codeOf(await ask("PUT", location + query, bytes))).toBe("400 DIGEST_INVALID");
  expect((await ask("GET", location)).status).toBe(204);
});

test("keeps what came before a connection broke", async () => {
  const location = await start();
  async function* half() {
    yield bytes.slice(0, 2_000_000);
    throw new Error("the line is dead");
  }
  const request = new Request(`http://registry.test${location}`, {
    method: "PATCH",
    body: toWeb(half()),
    duplex: "half",
  } as RequestInit);
  await handler(request);
  expect((await ask("GET", location)).headers.get("range")).toBe("0-1999999");
  await expectStored(await ask("PUT", `${location}?digest=${digest}`, bytes.slice(2_000_000)));
});

test("lets one request at a time add to an upload", async () => {
  const location = await start();
  const slow = new TransformStream<Bytes, Bytes>();
  const first = handler(
    new Request(`http://registry.test${location}`, {
      method: "PATCH",
      body: slow.readable,
      duplex: "half",
    } as RequestInit),
  );
  const writer = slow.writable.getWriter();
  await writer.write(bytes.slice(0, 10));
  expect(await codeOf(await ask("PATCH", location, bytes))).toBe("400 BLOB_UPLOAD_INVALID");
  await writer.close();
  expect((await first).headers.get("range")).toBe("0-9");
});

test("is cancelled", async () => {
  const location = await start();
  await ask("PATCH", location, bytes);
  expect(await spooled()).toHaveLength(1);
  expect((await ask("DELETE", location)).status).toBe(204);
  expect(await spooled()).toEqual([]);
  expect((await ask("PATCH", location, bytes)).status).toBe(404);
});

test("belongs to its repository", async () => {
  const location = await start();
  expect((await ask("PATCH", location.replace("/x/", "/y/"), bytes)).status).toBe(404);
});

test("leaves no file when the handler is disposed", async () => {
  await ask("PATCH", await start(), bytes);
  await handler[Symbol.asyncDispose]();
  expect(await readdir(folder.path)).toEqual([]);
});

test("mounts what another repository has, else opens an upload", async () => {
  const blob = image().blobs[0]!;
  await store.repository("lender").put(blob);
  const query = `mount=${blob.descriptor.digest}`;
  for (const refused of [`${query}&from=nobody`, query, `mount=${digest}&from=lender`, `${query}&from=../lender`]) {
    const response = await ask("POST", `/v2/x/blobs/uploads/?${refused}`);
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toMatch(/^\/v2\/x\/blobs\/uploads\/[0-9a-f-]+$/);
  }
  const mounted = await ask("POST", `/v2/x/blobs/uploads/?${query}&from=lender`);
  expect(mounted.status).toBe(201);
  expect(mounted.headers.get("location")).toBe(`/v2/x/blobs/${blob.descriptor.digest}`);
  expect(await store.repository("x").has(blob.descriptor)).toBe(true);
});

test("gives up the uploads that were left alone for longest", async () => {
  const uploads = createUploads({ limit: 2, spool: folder.path });
  const [first, second] = [await uploads.start("x"), await uploads.start("x")];
  first.touched -= 1000;
  await uploads.hold(first, async () => undefined);
  second.touched -= 500;
  await uploads.start("x");
  expect(uploads.find("x", first.id)).toBe(first);
  expect(() => uploads.find("x", second.id)).toThrow();
});

test("gives up the uploads that nobody touched for long", async () => {
  const uploads = createUploads({ idle: 1000, spool: folder.path });
  const [old, young] = [await uploads.start("x"), await uploads.start("x")];
  old.touched -= 2000;
  await uploads.start("x");
  expect(() => uploads.find("x", old.id)).toThrow();
  expect(uploads.find("x", young.id)).toBe(young);
});
