/** Uploads against our own registry with faults, and to the Locations that registries give. */
import { afterEach, expect, test } from "bun:test";
import { type ByteStream, type Bytes, collect } from "../../../src/bytes/stream.ts";
import { openRegistry, type RegistryOptions } from "../../../src/registry/registry.ts";
import { type Listening, listen } from "../../../src/serve/listen.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import type { Content, Sink } from "../../../src/store/store.ts";
import { type FaultRule, withFaults } from "../../support/faults.ts";
import { part, randomBytes } from "../../support/random-image.ts";
import { startRegistry, type TestRegistry } from "../../support/registry.ts";

const FAST: RegistryOptions = { retry: { attempts: 3, delay: 1, maximum: 5 } };
const BLOB = part("application/octet-stream", randomBytes("upload", 3_000_000));
const { descriptor, bytes } = BLOB;

const servers: Listening[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

function faulty(...rules: readonly FaultRule[]): Promise<TestRegistry> {
  return startRegistry(memoryStore(), { wrap: (handler) => withFaults(handler, rules) });
}

function sink({ host }: TestRegistry, options = FAST): Sink {
  return openRegistry(host, options).repository("a");
}

/** The blob in pieces, counted. */
function pieces(fields: Partial<Content> = {}): Content & { opened(): number } {
  let opened = 0;
  return {
    descriptor,
    ...fields,
    opened: () => opened,
    async *open(): ByteStream {
      opened++;
      for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
    },
  };
}

test("one POST, one PUT with its length", async () => {
  await using server = await faulty();
  await sink(server).put(pieces());
  expect(server.requests.slice(1).map(({ method, status }) => [method, status])).toEqual([
    ["POST", 202],
    ["PUT", 201],
  ]);
  const { headers, path } = server.requests.at(-1)!;
  expect(headers.get("content-length")).toBe(String(bytes.length));
  expect(headers.get("transfer-encoding")).toBeNull();
  expect(headers.get("content-type")).toBe("application/octet-stream");
  expect(path).toEndWith(`digest=${descriptor.digest}`);
});

test.each<[string, FaultRule]>([
  ["a cut connection", { method: "PUT", times: 2, fault: { type: "drop-upload", after: 500_000 } }],
  ["a 503", { method: "PUT", times: 2, fault: { type: "status", status: 503 } }],
  ["a silence", { method: "PUT", times: 1, fault: { type: "stall", after: 0 } }],
])("after %s all of it is sent again, in a new session", async (name, rule) => {
  await using server = await faulty(rule);
  const content = pieces();
  await sink(server, { ...FAST, stall: 100 }).put(content);
  expect(content.opened()).toBe((rule.times ?? 0) + 1);
  expect(server.count("POST")).toBe((rule.times ?? 0) + 1);
  expect(await server.store.repository("a").has(descriptor)).toBe(true);
  expect(name).not.toBe("");
});

test("what can be read only once is not sent again, and that is said", async () => {
  await using server = await faulty({ method: "PUT", fault: { type: "drop-upload", after: 500_000 } });
  const content = pieces({ once: true });
  const error = await sink(server)
    .put(content)
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "NETWORK", message: expect.stringContaining("cannot be read again") });
  expect(content.opened()).toBe(1);
});

test("a refusal is not repeated, and the session is given up", async () => {
  const body = JSON.stringify({ errors: [{ code: "DENIED", message: "over quota" }] });
  await using server = await faulty({ method: "PUT", fault: { type: "status", status: 403, body } });
  const content = pieces();
  await expect(sink(server).put(content)).rejects.toMatchObject({ status: 403, errors: ["DENIED"] });
  expect(server.count("PUT")).toBe(1);
  expect(server.count("DELETE")).toBe(1);
});

test.each([429, 503])("who wants more patience than we have is asked once, after a %d", async (status) => {
  const fault = { type: "status", status, headers: { "retry-after": "900" } } as const;
  await using server = await faulty({ method: "PUT", fault });
  await expect(sink(server).put(BLOB)).rejects.toMatchObject({ status, retryAfter: 900_000 });
  expect(server.count("PUT")).toBe(1);
});

test("a wrong blob never completes, and its error is the source's", async () => {
  await using server = await faulty();
  const wrong = bytes.slice();
  wrong[bytes.length - 1]! ^= 1;
  const error = await sink(server)
    .put({ descriptor, open: () => pieces().open.call(undefined) && streamed(wrong) })
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "INTEGRITY" });
  expect(server.count("PUT")).toBe(1);
  expect(await server.store.repository("a").has(descriptor)).toBe(false);
});

async function* streamed(all: Bytes): ByteStream {
  for (let at = 0; at < all.length; at += 100_000) yield all.subarray(at, at + 100_000);
}

/** A server that names its own Location and records where the bytes went. */
async function scripted(location: (origin: string) => string): Promise<{ to: Sink; puts: string[] }> {
  const puts: string[] = [];
  const server = await listen(async (request) => {
    if (request.method === "POST")
      return new Response(null, { status: 202, headers: { location: location(server.url) } });
    if (request.method !== "PUT") return new Response();
    await collect((request.body ?? []) as unknown as ByteStream, 1e7);
    const { pathname, search } = new URL(request.url);
    puts.push(pathname + search);
    return new Response(null, { status: 201 });
  });
  servers.push(server);
  return { to: openRegistry(`127.0.0.1:${server.port}`, FAST).repository("a"), puts };
}

test.each([
  ["/up/1?_state=a%2Fb~(!)'", `/up/1?_state=a%2Fb~(!)%27&digest=${descriptor.digest}`],
  ["1", `/v2/a/blobs/uploads/1?digest=${descriptor.digest}`],
  ["http://127.0.0.1/up", `/up?digest=${descriptor.digest}`],
])("the Location %p is followed", async (location, path) => {
  const { to, puts } = await scripted(() => location);
  await to.put(BLOB);
  expect(puts).toEqual([path]);
});

test("not to another host", async () => {
  const { to, puts } = await scripted(() => "https://elsewhere.example/up");
  await expect(to.put(BLOB)).rejects.toThrow('"https://elsewhere.example/up');
  expect(puts).toEqual([]);
});
