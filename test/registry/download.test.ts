/** Downloads through whatever happens to connections, against our own registry with faults. */
import { expect, test } from "bun:test";
import { type ByteStream, type Bytes, collect, encode, streamOf, toWeb } from "../../src/bytes/stream.ts";
import type { AppError } from "../../src/errors.ts";
import type { Event } from "../../src/events.ts";
import { openRegistry, type RegistryOptions } from "../../src/registry/registry.ts";
import type { Transport } from "../../src/registry/wire/exchange.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { readAll } from "../../src/store/read.ts";
import { type FaultRule, withFaults } from "../support/faults.ts";
import { image, part, randomBytes } from "../support/random-image.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const FAST: RegistryOptions = { retry: { delay: 1, maximum: 5 } };
const BLOB = part("application/octet-stream", randomBytes("download", 5_000_000));
const { descriptor, bytes } = BLOB;

async function serve(...rules: readonly FaultRule[]): Promise<TestRegistry> {
  const store = memoryStore();
  await store.repository("a").put(BLOB);
  return startRegistry(store, { wrap: (handler) => withFaults(handler, rules) });
}

function whole({ host }: TestRegistry, options: RegistryOptions = FAST): Promise<Bytes> {
  return readAll(openRegistry(host, options).repository("a").get(descriptor), bytes.length);
}

const GET = { method: "GET", path: /\/blobs\// } as const;

function ranges({ requests }: TestRegistry): (string | null)[] {
  return requests.filter(({ path }) => GET.path.test(path)).map(({ headers }) => headers.get("range"));
}

test("asks for no range where all is wanted, and for no coding", async () => {
  await using server = await serve();
  expect(await whole(server)).toEqual(bytes);
  expect(ranges(server)).toEqual([null]);
  const { headers } = server.requests.at(-1)!;
  expect([headers.get("accept-encoding"), headers.get("user-agent")]).toEqual(["identity", "dray"]);
});

test("goes on after each cut", async () => {
  await using server = await serve({ ...GET, times: 3, fault: { type: "drop", after: 1_200_000 } });
  expect(await whole(server)).toEqual(bytes);
  expect(ranges(server).length).toBe(4);
});

/** A registry whose every answer breaks off after `most` bytes, and the ranges it was asked for. */
function breaking(most: number): { asked: (string | undefined)[]; transport: Transport } {
  const asked: (string | undefined)[] = [];
  return {
    asked,
    async transport(_, { headers }) {
      asked.push(headers.range);
      const start = Number(/^bytes=(\d+)-/.exec(headers.range ?? "bytes=0-")?.[1]);
      async function* cut(): ByteStream {
        yield bytes.subarray(start, start + most);
        if (start + most < bytes.length) throw new TypeError("cut");
      }
      if (start === 0) return new Response(toWeb(cut()));
      const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
      return new Response(toWeb(cut()), { status: 206, headers: { "content-range": range } });
    },
  };
}

test("goes on from the last byte, and says that it waits; progress makes the tries begin anew", async () => {
  const { asked, transport } = breaking(1_200_000);
  const waits: Event[] = [];
  const onEvent = (event: Event): number => waits.push(event);
  const registry = openRegistry("r.example", { retry: { ...FAST.retry, attempts: 2 }, transport, onEvent });
  expect(await readAll(registry.repository("a").get(descriptor), bytes.length)).toEqual(bytes);
  const starts = [1_200_000, 2_400_000, 3_600_000, 4_800_000];
  expect(asked).toEqual([undefined, ...starts.map((start) => `bytes=${start}-4999999`)]);
  expect(waits).toEqual(
    starts.map(() => expect.objectContaining({ type: "waiting", host: "r.example", why: "retry" })),
  );
});

test("little progress does not", async () => {
  const { asked, transport } = breaking(1000);
  const registry = openRegistry("r.example", { retry: { ...FAST.retry, attempts: 3 }, transport });
  await expect(readAll(registry.repository("a").get(descriptor), bytes.length)).rejects.toMatchObject({
    code: "NETWORK",
  });
  expect(asked.length).toBe(3);
});

test("skips what it has where the range is ignored", async () => {
  await using server = await serve(
    { ...GET, times: 1, fault: { type: "drop", after: 2_000_000 } },
    { ...GET, fault: { type: "ignore-range" } },
  );
  expect(await whole(server)).toEqual(bytes);
  expect(ranges(server).length).toBe(2);
  const part = openRegistry(server.host, FAST).repository("a").get(descriptor).open({ start: 100, end: 200 });
  expect(await collect(part, 1000)).toEqual(bytes.slice(100, 200));
});

test("asks for everything where a range is refused, and skips what it has", async () => {
  await using server = await serve(
    { ...GET, times: 1, fault: { type: "drop", after: 2_000_000 } },
    { ...GET, times: 1, fault: { type: "status", status: 416 } },
  );
  expect(await whole(server)).toEqual(bytes);
  const [first, second, third, ...more] = ranges(server);
  expect([first, third, more]).toEqual([null, null, []]);
  expect(second).toMatch(/^bytes=\d+-4999999$/);
});

test("a registry whose blob is shorter than what is here", async () => {
  await using server = await serve();
  const content = openRegistry(server.host, FAST)
    .repository("a")
    .get({ ...descriptor, size: 6_000_000 });
  await expect(collect(content.open({ start: 5_500_000 }), 1e7)).rejects.toMatchObject({ code: "INTEGRITY" });
  expect(ranges(server)).toEqual(["bytes=5500000-5999999", null]);
});

test("more bytes than promised, without a length, are found", async () => {
  const transport: Transport = async (url) =>
    new URL(url).pathname === "/v2/" ? new Response() : new Response(toWeb(streamOf(bytes, bytes.slice(0, 10))));
  const content = openRegistry("r.example", { ...FAST, transport })
    .repository("a")
    .get(descriptor);
  await expect(readAll(content, 1e7)).rejects.toMatchObject({ code: "INTEGRITY", actual: "more than 5000000 bytes" });
});

test("fewer, without a length, end after the last try", async () => {
  const { asked, transport } = breaking(0);
  const registry = openRegistry("r.example", { retry: { ...FAST.retry, attempts: 2 }, transport });
  await expect(readAll(registry.repository("a").get(descriptor), 1e7)).rejects.toMatchObject({ code: "NETWORK" });
  expect(asked.length).toBe(2);
});

test("what the descriptor carries itself is not asked for", async () => {
  await using server = await serve();
  const { repository } = openRegistry(server.host, FAST);
  const empty = part("application/vnd.oci.empty.v1+json", encode("{}"));
  const content = repository("a").get({ ...empty.descriptor, data: "e30=" });
  expect(await readAll(content, 10)).toEqual(empty.bytes);
  expect(server.requests).toEqual([]);
});

test("unless it is something else", async () => {
  await using server = await serve();
  const { repository } = openRegistry(server.host, FAST);
  const small = part("application/octet-stream", encode("{}"));
  await server.store.repository("a").put(small);
  const content = repository("a").get({ ...small.descriptor, data: "W10=" });
  expect(await readAll(content, 10)).toEqual(small.bytes);
  expect(server.count("GET", GET.path)).toBe(1);
});

test("a silent connection counts as cut", async () => {
  await using server = await serve({ ...GET, times: 1, fault: { type: "stall", after: 1_000_000 } });
  expect(await whole(server, { ...FAST, stall: 150 })).toEqual(bytes);
  expect(ranges(server).length).toBe(2);
});

test("a silent answer too", async () => {
  await using server = await serve({ ...GET, times: 1, fault: { type: "stall", after: 0 } });
  expect(await whole(server, { ...FAST, stall: 150 })).toEqual(bytes);
});

test("gives up after the last try", async () => {
  await using server = await serve({ ...GET, fault: { type: "drop", after: 1000 } });
  const error = await whole(server, { retry: { ...FAST.retry, attempts: 3 } }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "NETWORK" });
  expect((error as AppError).message).toStartWith(
    `Cannot read "${server.host}/a@${descriptor.digest}": cannot talk to`,
  );
  expect(ranges(server).length).toBe(3);
});

test("a wrong byte is found", async () => {
  await using server = await serve({ ...GET, fault: { type: "corrupt", at: 4_999_999 } });
  await expect(whole(server)).rejects.toMatchObject({ code: "INTEGRITY" });
});

test.each([
  ["bytes 0-9/5000000", "INTEGRITY"],
  ["bytes 100-199/4000000", "INTEGRITY"],
  ["bytes 100-299/5000000", "INTEGRITY"],
  ["items 1", "INTEGRITY"],
])("the wrong range %p is refused", async (range, code) => {
  await using server = await serve({ ...GET, fault: { type: "headers", set: { "content-range": range } } });
  const content = openRegistry(server.host, FAST).repository("a").get(descriptor);
  await expect(collect(content.open({ start: 100, end: 200 }), 1000)).rejects.toMatchObject({ code });
  expect(ranges(server).length).toBe(1);
});

test("a length that is not the promised one is refused before a byte is read", async () => {
  await using server = await serve();
  const content = openRegistry(server.host, FAST)
    .repository("a")
    .get({ ...descriptor, size: 5_000_001 });
  await expect(collect(content.open(), 1e7)).rejects.toMatchObject({ code: "INTEGRITY" });
});

test("a coding is refused", async () => {
  await using server = await serve({ ...GET, fault: { type: "headers", set: { "content-encoding": "gzip" } } });
  await expect(whole(server)).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining('"gzip"'),
  });
});

test("what is not there", async () => {
  await using server = await serve();
  const { descriptor: absent } = part("application/octet-stream", randomBytes("absent", 10));
  const content = openRegistry(server.host, FAST).repository("a").get(absent);
  await expect(collect(content.open(), 10)).rejects.toMatchObject({ code: "NOT_FOUND", status: 404 });
});

test("is lazy, and asks for nothing where nothing is wanted", async () => {
  await using server = await serve();
  const content = openRegistry(server.host, FAST).repository("a").get(descriptor);
  content.open();
  expect(await collect(content.open({ start: 5_000_000 }), 1)).toEqual(new Uint8Array());
  expect(server.requests).toEqual([]);
});

test("is redirected, and begins at the registry again after a cut", async () => {
  await using storage = await serve({ ...GET, times: 1, fault: { type: "drop", after: 1_500_000 } });
  await using server = await serve({ ...GET, fault: { type: "redirect", origin: storage.url } });
  expect(await whole(server)).toEqual(bytes);
  expect([ranges(server).length, ranges(storage).length]).toEqual([2, 2]);
});

test("an abort ends it with its own reason", async () => {
  await using server = await serve({ ...GET, fault: { type: "stall", after: 1000 } });
  const abort = new AbortController();
  const stream = openRegistry(server.host, FAST).repository("a").get(descriptor).open({ signal: abort.signal });
  const reading = (async () => {
    for await (const _ of stream) abort.abort(new Error("enough"));
  })();
  await expect(reading).rejects.toThrow("enough");
});

test("a manifest's size has a limit before it is asked for", async () => {
  await using server = await serve();
  const { root } = image();
  const content = openRegistry(server.host, FAST)
    .repository("a")
    .get({ ...root, size: 5 << 20 });
  await expect(collect(content.open(), 1)).rejects.toMatchObject({ code: "UNSUPPORTED" });
  expect(server.requests).toEqual([]);
});
