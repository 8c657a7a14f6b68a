/** Limits of a run against a real server: nothing waits for itself, whatever breaks. */
import { expect, test } from "bun:test";
import { openRegistry } from "../../src/registry/registry.ts";
import { createTraffic } from "../../src/registry/traffic/traffic.ts";
import { createHandler } from "../../src/serve/handler.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Sink, Store } from "../../src/store/store.ts";
import { type FaultRule, withFaults } from "../support/faults.ts";
import { part, randomBytes } from "../support/random-image.ts";
import { type Handler, startRegistry } from "../support/registry.ts";

const BLOBS = Array.from({ length: 6 }, (_, at) =>
  part("application/octet-stream", randomBytes(`limits ${at}`, 300_000)),
);
const LOGIN = { type: "status", status: 401, headers: { "www-authenticate": 'Bearer realm="/token"' } } as const;
const BUSY = { type: "status", status: 503 } as const;

test.each<[string, FaultRule[]]>([
  ["", []],
  [", with uploads that are refused before they are read", [{ method: "PUT", times: 3, fault: BUSY }]],
  [", with uploads that are cut", [{ method: "PUT", times: 3, fault: { type: "drop-upload", after: 100_000 } }]],
  [", with an upload that needs another token", [{ method: "PUT", times: 1, fault: LOGIN }]],
  [", with downloads that are cut", [{ method: "GET", times: 3, fault: { type: "drop", after: 100_000 } }]],
])("blobs go from one repository of a host to another with one request each way at a time%s", async (_, rules) => {
  const most = { up: 0, down: 0 };
  const source = await filled();
  const wrap = (handler: Handler): Handler => counted(withFaults(joined(source, handler), rules), most);
  await using server = await startRegistry(memoryStore(), { wrap });
  const traffic = createTraffic({ perHost: 1, idle: 50 });
  const registry = openRegistry(server.host, { traffic, retry: { delay: 1, maximum: 4 } });
  const [from, to] = [registry.repository("a"), registry.repository("b")];
  await Promise.all(BLOBS.map(({ descriptor }) => to.put(from.get(descriptor))));
  for (const { descriptor } of BLOBS) expect(await server.store.repository("b").has(descriptor)).toBe(true);
  const { requests, uploads, downloads } = traffic.at(server.host);
  expect([requests.taken, uploads.taken, downloads.taken]).toEqual([0, 0, 0]);
  expect(most).toEqual({ up: 1, down: 1 });
});

/** A store whose repository `a` has the blobs. */
async function filled(): Promise<Store<Sink>> {
  const store = memoryStore();
  for (const blob of BLOBS) await store.repository("a").put(blob);
  return store;
}

/** One host over two stores, so that content has to travel: `a` is in the one, all else in the other. It gives tokens too. */
function joined(source: Store<Sink>, rest: Handler): Handler {
  const handler = createHandler(source);
  return async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/token") return Response.json({ token: "abc" });
    return await (pathname.startsWith("/v2/a/") ? handler(request) : rest(request));
  };
}

/** Requests in the hands of a handler, until it answers. */
function counted(handler: Handler, most: { up: number; down: number }): Handler {
  const now = { up: 0, down: 0 };
  return async (request) => {
    const way = request.method === "PUT" || request.method === "PATCH" ? "up" : "down";
    most[way] = Math.max(most[way], ++now[way]);
    try {
      return await handler(request);
    } finally {
      now[way]--;
    }
  };
}

test("a rate holds over all transfers of a run, and no byte is lost", async () => {
  const source = await filled();
  await using server = await startRegistry(memoryStore(), { wrap: (handler) => joined(source, handler) });
  const registry = openRegistry(server.host, { traffic: createTraffic({ rate: 1_500_000 }), stall: 60 });
  const begin = performance.now();
  const copies = BLOBS.slice(0, 2).map(async ({ descriptor }) => {
    await registry.repository("b").put(registry.repository("a").get(descriptor));
  });
  await Promise.all(copies);
  expect(performance.now() - begin).toBeGreaterThan(395);
  for (const { descriptor } of BLOBS.slice(0, 2)) expect(await server.store.repository("b").has(descriptor)).toBe(true);
});

test("warnings, quotas and the pauses of other hosts are told", async () => {
  const headers = {
    warning: '299 - "This registry ends in May."',
    "ratelimit-limit": "100;w=21600",
    "ratelimit-remaining": "98;w=21600",
  };
  const rules: FaultRule[] = [
    { method: "HEAD", path: /manifests/, times: 1, fault: { type: "rate-limit", retryAfter: 0 } },
    { fault: { type: "headers", set: headers } },
  ];
  await using server = await startRegistry(memoryStore(), { wrap: (handler) => withFaults(handler, rules) });
  const events: unknown[] = [];
  const onEvent = (event: unknown): void => void events.push(event);
  const registry = openRegistry(server.host, { onEvent, retry: { delay: 1 } });
  expect(await registry.repository("a").resolve("latest")).toBeUndefined();
  const { host } = server;
  expect(events).toEqual([
    { type: "warning", message: `"${host}" warns: This registry ends in May.` },
    { type: "quota", host, limit: 100, remaining: 98, window: 21_600, source: undefined },
    { type: "waiting", host, milliseconds: expect.any(Number), why: "rate-limit", reason: "the registry answered 429" },
  ]);
});

test("who asks for more than five minutes is not waited for, and it is said until when", async () => {
  const rules: FaultRule[] = [{ path: /manifests/, fault: { type: "rate-limit", retryAfter: 7200 } }];
  await using server = await startRegistry(memoryStore(), { wrap: (handler) => withFaults(handler, rules) });
  const { host } = server;
  await expect(openRegistry(host).repository("a").resolve("latest")).rejects.toMatchObject({
    code: "RATE_LIMITED",
    message: expect.stringMatching(/it does not want to be asked before \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/),
  });
  expect(server.count("HEAD", /manifests/)).toBe(1);
});

test("after that no other image asks", async () => {
  const rules: FaultRule[] = [{ path: /manifests/, fault: { type: "rate-limit", retryAfter: 7200 } }];
  await using server = await startRegistry(memoryStore(), { wrap: (handler) => withFaults(handler, rules) });
  const registry = openRegistry(server.host);
  for (const name of ["a", "b", "c"])
    await expect(registry.repository(name).resolve("latest")).rejects.toThrow(/does not want to be asked before/);
  expect(server.count("HEAD", /manifests/)).toBe(1);
});
