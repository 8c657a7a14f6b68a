/** What is asked for again, and how long that waits. */
import { expect, test } from "bun:test";
import { AppError } from "../../../src/errors.ts";
import type { Policy } from "../../../src/registry/policy/policy.ts";
import { withRedirects } from "../../../src/registry/policy/redirect.ts";
import { type OnWait, withRetry } from "../../../src/registry/traffic/retry.ts";
import { createTraffic, type Traffic } from "../../../src/registry/traffic/traffic.ts";
import { withTurns } from "../../../src/registry/traffic/turn.ts";
import { type Effort, type Exchange, startEffort, type Transport } from "../../../src/registry/wire/exchange.ts";
import { ofNetwork } from "../../../src/registry/wire/mistake.ts";
import { ProxyError } from "../../../src/registry/wire/trouble.ts";

const POLICY = { attempts: 4, delay: 1, maximum: 2 };
const GET: Exchange = { method: "GET", headers: {} };

/** Answers one after the other; the last one for ever. */
function answers(...list: readonly (number | Error | Response)[]): { calls: () => number; next: Transport } {
  let calls = 0;
  return {
    calls: () => calls,
    next: async () => {
      const one = list[Math.min(calls++, list.length - 1)]!;
      if (one instanceof Error) throw one;
      return one instanceof Response ? one : new Response("x", { status: one });
    },
  };
}

test.each([408, 425, 429, 499, 500, 502, 503, 504, 522])("asks again after %d", async (status) => {
  const { calls, next } = answers(status, status, 200);
  expect((await withRetry(next, POLICY)("https://r.example/", GET)).status).toBe(200);
  expect(calls()).toBe(3);
});

test.each([200, 202, 400, 401, 403, 404, 405, 413, 416, 501])("takes %d as it is", async (status) => {
  const { calls, next } = answers(status, 200);
  expect((await withRetry(next, POLICY)("https://r.example/", GET)).status).toBe(status);
  expect(calls()).toBe(1);
});

test("the last answer is the caller's, its body unread", async () => {
  const { calls, next } = answers(503);
  expect(await (await withRetry(next, POLICY)("https://r.example/", GET)).text()).toBe("x");
  expect(calls()).toBe(4);
});

test.each([
  [4, Object.assign(new TypeError("closed"), { code: "ECONNRESET" })],
  [3, Object.assign(new TypeError("refused"), { code: "ECONNREFUSED" })],
  [4, ofNetwork(new TypeError("fetch failed", { cause: new Error("client error (Connect): dns error: try again") }))],
  [4, Object.assign(new Error("getaddrinfo EAI_AGAIN r.example"), { code: "EAI_AGAIN" })],
  [1, Object.assign(new TypeError("getaddrinfo ENOTFOUND r.example"), { code: "ENOTFOUND" })],
  [1, ofNetwork(new TypeError("fetch failed", { cause: new Error("dns error: Name or service not known") }))],
  [4, ofNetwork(new TypeError("fetch failed"))],
  [1, new TypeError("x is not a function")],
  [1, new ReferenceError("x is not defined")],
  [1, Object.assign(new TypeError("self signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" })],
  [1, ofNetwork(new TypeError("fetch failed", { cause: new Error("invalid peer certificate: UnknownIssuer") }))],
  [1, Object.assign(new TypeError("EPROTO"), { code: "EPROTO" })],
  [1, new ProxyError("proxy", "the proxy says no")],
  [1, new AppError("DENIED", "Cannot")],
])("tries %d times, case %#", async (tries, error) => {
  const { calls, next } = answers(error);
  expect(await withRetry(next, POLICY)("https://r.example/", GET).catch((thrown: unknown) => thrown)).toBe(error);
  expect(calls()).toBe(tries);
});

/** Answers of one host after the other, in turns: what `next` of withRetry is in a client. */
function shared(next: Transport): { send: Transport; traffic: Traffic; waits: Parameters<OnWait>[0][] } {
  const traffic = createTraffic();
  const waits: Parameters<OnWait>[0][] = [];
  const policy = { ...POLICY, attempts: 3 };
  return {
    send: withRetry(withTurns(next, traffic), policy, { traffic, onWait: (wait) => waits.push(wait) }),
    traffic,
    waits,
  };
}

test("a host that does not answer, or no longer, is asked once for the rest, until it does", async () => {
  const refused = Object.assign(new TypeError("refused"), { code: "ECONNREFUSED" });
  let calls = 0;
  let isUp = false;
  const { send, traffic } = shared(async () => {
    calls++;
    if (!isUp) throw refused;
    return new Response("x");
  });
  async function triesOf(url: string, by: Transport = send): Promise<number> {
    calls = 0;
    await by(url, GET).catch(() => {});
    return calls;
  }
  expect(await triesOf("https://r.example/a")).toBe(3);
  expect(await triesOf("https://r.example/b")).toBe(1);
  async function refuse(): Promise<Response> {
    calls++;
    throw refused;
  }
  const other = withRetry(withTurns(refuse, traffic), POLICY, { traffic });
  expect(await triesOf("https://r.example/b", other)).toBe(1);
  expect(await triesOf("https://other.example/b")).toBe(3);
  isUp = true;
  expect(await triesOf("https://r.example/c")).toBe(1);
  isUp = false;
  expect(await triesOf("https://r.example/d")).toBe(3);
  expect(await triesOf("https://r.example/e")).toBe(1);
  isUp = true;
  expect(await triesOf("https://r.example/f")).toBe(1);
  isUp = false;
  expect(await triesOf("https://r.example/g")).toBe(3);
});

test("a host that has answered and went away gets all tries, and the time of a restart", async () => {
  const refused = Object.assign(new TypeError("refused"), { code: "ECONNREFUSED" });
  const { calls, next } = answers(200, refused);
  const traffic = createTraffic();
  const waits: number[] = [];
  const onWait: OnWait = ({ milliseconds }) => waits.push(milliseconds);
  const send = withRetry(withTurns(next, traffic), { attempts: 5, delay: 1, maximum: 6 }, { traffic, onWait });
  await send("https://r.example/a", GET);
  await expect(send("https://r.example/b", GET)).rejects.toBe(refused);
  expect(calls()).toBe(1 + 5);
  expect(waits).toEqual([2, 4, 6, 6]);
});

test("the name of a host that has answered may be lost for a while", async () => {
  let calls = 0;
  const { send } = shared(async () => {
    if (calls++ > 0) throw Object.assign(new TypeError("getaddrinfo ENOTFOUND r.example"), { code: "ENOTFOUND" });
    return new Response("x");
  });
  await send("https://r.example/a", GET);
  await expect(send("https://r.example/b", GET)).rejects.toThrow("ENOTFOUND");
  expect(calls).toBe(1 + 3);
});

test("a host that refused all tries of a request is asked once for the rest, until it gives a good answer", async () => {
  const calls: string[] = [];
  let status = 503;
  const { send } = shared(async (url) => {
    calls.push(url.slice(-1));
    return new Response("", { status });
  });
  for (const path of "abb") await send(`https://r.example/${path}`, GET);
  expect(calls.join("")).toBe("aaabb");
  status = 404;
  await send("https://r.example/c", GET);
  status = 503;
  await send("https://r.example/d", GET);
  expect(calls.join("")).toBe("aaabbcddd");
});

test.each([500, 502, 504])("a host that answers %d to whatever it is asked pauses as a whole", async (status) => {
  const calls: string[] = [];
  let isWell = false;
  const { send, traffic } = shared(async (url) => {
    calls.push(url.slice(-1));
    return new Response("", { status: isWell ? 200 : status });
  });
  const standing = traffic.at("r.example").standing(GET);
  for (const path of "ab") await send(`https://r.example/${path}`, GET);
  expect(standing.isTroubled).toBe(false);
  for (const path of "cde") await send(`https://r.example/${path}`, GET);
  expect(calls.join("")).toBe("aaabbbcccde");
  isWell = true;
  await send("https://r.example/f", GET);
  isWell = false;
  await send("https://r.example/g", GET);
  expect(calls.join("")).toBe("aaabbbcccdefggg");
  expect(standing.isTroubled).toBe(false);
});

test("where others got through meanwhile, a host is not given up", async () => {
  const calls: string[] = [];
  const { send } = shared(async (url) => {
    calls.push(url.slice(-1));
    if (url.endsWith("a") && calls.length === 2) await send("https://r.example/b", GET);
    return new Response("", { status: url.endsWith("b") ? 200 : 500 + (calls.length === 1 ? 3 : 0) });
  });
  await send("https://r.example/a", GET);
  await send("https://r.example/c", GET);
  expect(calls.join("")).toBe("aabaccc");
});

test("a pause is everybody's at that host, told once, and costs only whoever was refused a try", async () => {
  let calls = 0;
  const begun = performance.now();
  const times: number[] = [];
  const { send, waits } = shared(async (url) => {
    if (url.includes("cdn")) return new Response("");
    times.push(performance.now() - begun);
    return ++calls <= 4 ? new Response("", { status: 429, headers: { "retry-after": "0.05" } }) : new Response("");
  });
  const all = Promise.all(Array.from({ length: 4 }, () => send("https://r.example/", GET)));
  await Bun.sleep(5);
  expect((await send("https://cdn.example/", GET)).status).toBe(200);
  expect(calls).toBe(4);
  const late = send("https://r.example/", GET);
  expect((await Promise.all([...(await all), await late])).map(({ status }) => status)).toEqual([
    200, 200, 200, 200, 200,
  ]);
  expect(calls).toBe(9);
  expect(Math.min(...times.slice(4))).toBeGreaterThanOrEqual(50);
  expect(waits).toEqual([{ milliseconds: 50, why: "rate-limit", reason: "the registry answered 429" }]);
});

test("whoever waits for the pauses of others loses no try", async () => {
  const { send, traffic } = shared(async () => new Response(""));
  const { pauses } = traffic.at("r.example");
  pauses.begin(10, 0);
  const call = send("https://r.example/", GET);
  for (let at = 0; at < 6; at++) {
    await Bun.sleep(5);
    pauses.begin(10, 0);
  }
  expect((await call).status).toBe(200);
});

test.each([500, 502, 504, 408, 425])("%d without Retry-After makes nobody else wait", async (status) => {
  const slow = { attempts: 2, delay: 60_000, maximum: 60_000 };
  const traffic = createTraffic();
  const control = new AbortController();
  const { next } = answers(status, 200);
  const told = Promise.withResolvers<void>();
  const send = withRetry(withTurns(next, traffic), slow, { traffic, onWait: () => told.resolve() });
  const call = send("https://r.example/", { ...GET, signal: control.signal }).catch(() => {});
  await told.promise;
  expect((await send("https://r.example/", GET)).status).toBe(200);
  control.abort();
  await call;
});

test.each([500, 502, 504, 408, 425])("%d with Retry-After does", async (status) => {
  const traffic = createTraffic();
  const { next } = answers(new Response("", { status, headers: { "retry-after": "3" } }));
  const policy = { ...POLICY, attempts: 1 };
  await withRetry(withTurns(next, traffic), policy, { traffic })("https://r.example/", GET);
  expect(traffic.at("r.example").standing(GET).isGivenUp).toBe(true);
  const upload = { length: 1, async *open() {} };
  await withRetry(withTurns(next, traffic), POLICY, { traffic })("https://s.example/", { ...GET, upload });
  expect(traffic.at("s.example").pauses.isOn).toBe(true);
});

test("the host that a redirect led to is the one that pauses, and the request begins anew after that", async () => {
  const traffic = createTraffic();
  const urls: string[] = [];
  const policy = { admit: async () => ({ may: "anonymous" }) } as unknown as Policy;
  const wire = withTurns(async (url) => {
    urls.push(new URL(url).host);
    if (url.includes("r.example"))
      return new Response(null, { status: 307, headers: { location: "https://cdn.example/" } });
    expect(traffic.at("r.example").pauses.isOn).toBe(false);
    if (urls.length > 2) return new Response("");
    return new Response("", { status: 503, headers: { "retry-after": "0.02" } });
  }, traffic);
  const waits: Parameters<OnWait>[0][] = [];
  const send = withRetry(withRedirects(wire, policy), POLICY, { traffic, onWait: (wait) => waits.push(wait) });
  expect((await send("https://r.example/", GET)).status).toBe(200);
  expect(urls).toEqual(["r.example", "cdn.example", "r.example", "cdn.example"]);
  expect(waits.map(({ host }) => host)).toEqual(["cdn.example"]);
});

test("sends a streamed body once", async () => {
  const { calls, next } = answers(503);
  const upload = { length: 1, async *open() {} };
  expect((await withRetry(next, POLICY)("https://r.example/", { ...GET, method: "PUT", upload })).status).toBe(503);
  expect(calls()).toBe(1);
});

test("waits as long as it is asked to, and not at all for more than five minutes", async () => {
  const waits: number[] = [];
  const soon = answers(new Response("", { status: 429, headers: { "retry-after": "0" } }), 200);
  const onWait: OnWait = ({ milliseconds, why }) => waits.push(milliseconds, why.length);
  await withRetry(soon.next, POLICY, { onWait })("https://r.example/", GET);
  expect(waits).toEqual([expect.any(Number), "rate-limit".length]);
  const late = answers(new Response("", { status: 429, headers: { "retry-after": "301" } }));
  expect((await withRetry(late.next, POLICY)("https://r.example/", GET)).status).toBe(429);
  expect(late.calls()).toBe(1);
});

test("a signal ends the waiting", async () => {
  const abort = new AbortController();
  const { calls, next } = answers(503);
  const slow = { attempts: 5, delay: 60_000, maximum: 60_000 };
  const call = withRetry(next, slow, { onWait: () => abort.abort(new Error("enough")) })("https://r.example/", {
    ...GET,
    signal: abort.signal,
  });
  expect(await call.catch((thrown: unknown) => thrown)).toEqual(new Error("enough"));
  expect(calls()).toBe(1);
});

test("where every answer will do, only the network is asked again", async () => {
  const { calls, next } = answers(Object.assign(new TypeError("closed"), { code: "ECONNRESET" }), 503);
  expect((await withRetry(next, POLICY, { anyAnswer: true })("https://r.example/", GET)).status).toBe(503);
  expect(calls()).toBe(2);
});

test("who refuses what is written is given up for that alone, whatever it answers to who reads, or wants to know who asks", async () => {
  const calls: string[] = [];
  let status = 500;
  const { send, traffic } = shared(async (url, { method }) => {
    calls.push(`${method} ${url.slice(-1)}`);
    return new Response("", { status: method === "POST" ? status : 404 });
  });
  const POST: Exchange = { method: "POST", headers: {} };
  async function callsFor(path: string): Promise<string> {
    calls.length = 0;
    await send(`https://r.example/${path}`, GET);
    await send(`https://r.example/${path}`, POST);
    return calls.join(", ");
  }
  const patient = (path: string): string => [`GET ${path}`, ...Array(3).fill(`POST ${path}`)].join(", ");
  for (const path of "abc") expect(await callsFor(path)).toBe(patient(path));
  expect(await callsFor("d")).toBe("GET d, POST d");
  status = 401;
  expect(await callsFor("e")).toBe("GET e, POST e");
  expect(traffic.at("r.example").standing(POST).isGivenUp).toBe(true);
  expect(traffic.at("r.example").standing(GET).isGivenUp).toBe(false);
  status = 202;
  expect(await callsFor("f")).toBe("GET f, POST f");
  status = 500;
  expect(await callsFor("g")).toBe(patient("g"));
});

test("tries of one streamed body are counted by their effort, and end where the others were given up", async () => {
  const { send, traffic } = shared(async (_, { method }) => new Response("", { status: method === "PUT" ? 503 : 202 }));
  const upload = { length: 1, async *open() {} };
  async function triesFor(effort: Effort): Promise<number> {
    for (let tries = 1; ; tries++) {
      await send("https://r.example/session", { method: "POST", headers: {}, effort });
      await send(`https://r.example/${tries}`, { method: "PUT", headers: {}, upload, effort });
      if (effort.isHopeless || tries === 9) return tries;
    }
  }
  expect(await triesFor(startEffort())).toBe(3);
  expect(await triesFor(startEffort())).toBe(1);
  expect(traffic.at("r.example").standing({ method: "POST", headers: {} }).isGivenUp).toBe(false);
});

test("nobody there is nobody for whichever request, and so is somebody", async () => {
  const refused = Object.assign(new TypeError("refused"), { code: "ECONNREFUSED" });
  let calls = 0;
  let isUp = false;
  const { send } = shared(async () => {
    calls++;
    if (!isUp) throw refused;
    return new Response("", { status: 503 });
  });
  async function triesOf(method: string): Promise<number> {
    calls = 0;
    await send("https://r.example/", { method, headers: {} }).catch(() => {});
    return calls;
  }
  expect([await triesOf("GET"), await triesOf("POST"), await triesOf("HEAD")]).toEqual([3, 1, 1]);
  isUp = true;
  expect([await triesOf("POST"), await triesOf("GET")]).toEqual([3, 3]);
  expect([await triesOf("POST"), await triesOf("GET"), await triesOf("HEAD")]).toEqual([1, 1, 3]);
});
