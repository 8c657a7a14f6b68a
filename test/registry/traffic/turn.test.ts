/** When an exchange may begin, and how long it keeps its place. */
import { expect, test } from "bun:test";
import { type Bytes, collect } from "../../../src/bytes/stream.ts";
import { createTraffic } from "../../../src/registry/traffic/traffic.ts";
import { withTurns } from "../../../src/registry/traffic/turn.ts";
import { drain } from "../../../src/registry/wire/drain.ts";
import type { Exchange, Transport } from "../../../src/registry/wire/exchange.ts";
import { bodyOf, cancelBody } from "../../../src/registry/wire/reading.ts";

const GET: Exchange = { method: "GET", headers: {} };
const PUT: Exchange = { method: "PUT", headers: {}, upload: { length: 0, async *open() {} } };
const URL = "https://r.example/";

/** A body that never ends. */
function endless(): Response {
  return new Response(new ReadableStream<Bytes>({ pull: (controller) => controller.enqueue(new Uint8Array(10)) }));
}

test.each<[string, (response: Response) => Promise<unknown>]>([
  ["read to its end", (response) => collect(bodyOf(response), 100)],
  ["drained", drain],
  ["cancelled", cancelBody],
])("a place is kept until the body is %s", async (_, end) => {
  const traffic = createTraffic({ perHost: 1 });
  const send = withTurns(async () => new Response("some words"), traffic);
  const response = await send(URL, GET);
  expect(traffic.at("r.example").requests.taken).toBe(1);
  await end(response);
  expect(traffic.at("r.example").requests.taken).toBe(0);
});

test("or its reader leaves early, or it breaks", async () => {
  const traffic = createTraffic({ perHost: 1 });
  const send = withTurns(async () => endless(), traffic);
  for await (const _ of bodyOf(await send(URL, GET))) break;
  expect(traffic.at("r.example").requests.taken).toBe(0);
  const broken = withTurns(
    async () => new Response(new ReadableStream({ pull: () => Promise.reject(new Error("cut")) })),
    traffic,
  );
  await expect(collect(bodyOf(await broken(URL, GET)), 100)).rejects.toThrow("cut");
  expect(traffic.at("r.example").requests.taken).toBe(0);
});

test.each([307, 401, 404, 503])("a %d keeps none: whoever reads it may have to ask first", async (status) => {
  const traffic = createTraffic({ perHost: 1 });
  const send = withTurns(async () => new Response("words", { status }), traffic);
  expect((await send(URL, GET)).status).toBe(status);
  expect(traffic.at("r.example").requests.taken).toBe(0);
});

test("neither does an answer without a body, nor a failure", async () => {
  const traffic = createTraffic({ perHost: 1 });
  await withTurns(async () => new Response(null, { status: 201 }), traffic)(URL, GET);
  await withTurns(() => Promise.reject(new Error("cut")), traffic)(URL, GET).catch(() => {});
  expect(traffic.at("r.example").requests.taken).toBe(0);
});

test("so many at a host, in order; hosts and directions do not wait for each other", async () => {
  const traffic = createTraffic({ perHost: 2 });
  const asked: string[] = [];
  const send = withTurns(async (url, { method }) => {
    asked.push(`${method} ${url.slice(8)}`);
    return endless();
  }, traffic);
  const [a, b] = [await send("https://r.example/a", GET), await send("https://r.example/b", GET)];
  const c = send("https://r.example/c", GET);
  const d = send("https://r.example/d", GET);
  await send("https://s.example/e", GET);
  await send("https://r.example/f", PUT);
  expect(asked).toEqual(["GET r.example/a", "GET r.example/b", "GET s.example/e", "PUT r.example/f"]);
  await cancelBody(b);
  await cancelBody(await c);
  await cancelBody(await d);
  await cancelBody(a);
  expect(asked.slice(4)).toEqual(["GET r.example/c", "GET r.example/d"]);
  expect(traffic.at("r.example").requests.taken).toBe(0);
  expect(traffic.at("r.example").uploads.taken).toBe(1);
});

test("what is small does not wait for blobs, and blobs wait for each other", async () => {
  const traffic = createTraffic({ perHost: 1 });
  const asked: string[] = [];
  const send = withTurns(async (url) => {
    asked.push(url.slice(-1));
    return endless();
  }, traffic);
  const blob = await send(`${URL}a`, { ...GET, bulk: true });
  const next = send(`${URL}b`, { ...GET, bulk: true });
  await cancelBody(await send(`${URL}c`, GET));
  expect(asked.join("")).toBe("ac");
  await cancelBody(blob);
  await cancelBody(await next);
  expect(asked.join("")).toBe("acb");
  const { downloads, requests } = traffic.at("r.example");
  expect([downloads.taken, requests.taken]).toEqual([0, 0]);
});

test("a signal ends the wait for a place, a pause or the pace, and leaves no place behind", async () => {
  const traffic = createTraffic({ perHost: 1, rps: 0.001 });
  const host = traffic.at("r.example");
  const send = withTurns(async () => new Response("words"), traffic);
  async function aborted(): Promise<unknown> {
    const control = new AbortController();
    const call = send(URL, { ...GET, signal: control.signal }).catch((reason: unknown) => reason);
    await Bun.sleep(2);
    control.abort("enough");
    return await call;
  }
  const first = await send(URL, GET);
  expect(await aborted()).toBe("enough");
  await drain(first);
  expect(await aborted()).toBe("enough");
  host.pauses.begin(600_000, 0);
  expect(await aborted()).toBe("enough");
  expect(host.requests.taken).toBe(0);
});

test("a pause that begins while the pace is kept is kept too", async () => {
  const traffic = createTraffic({ rps: 20 });
  const { pauses } = traffic.at("r.example");
  const isOn: boolean[] = [];
  const next: Transport = async () => {
    isOn.push(pauses.isOn);
    return new Response(null);
  };
  const send = withTurns(next, traffic);
  await send(URL, GET);
  const second = send(URL, GET);
  await Bun.sleep(10);
  pauses.begin(80, 0);
  await second;
  expect(isOn).toEqual([false, false]);
});
