/** What is asked for again, and how long that waits. */
import { expect, test } from "bun:test";
import { AppError } from "../../../src/errors.ts";
import type { Exchange, Transport } from "../../../src/registry/wire/exchange.ts";
import { retryAfter, withRetry } from "../../../src/registry/wire/retry.ts";

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
  [3, new TypeError("fetch failed", { cause: new Error("client error (Connect): dns error: no name") })],
  [1, Object.assign(new TypeError("self signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" })],
  [1, new TypeError("fetch failed", { cause: new Error("invalid peer certificate: UnknownIssuer") })],
  [1, Object.assign(new TypeError("EPROTO"), { code: "EPROTO" })],
  [1, new AppError("DENIED", "Cannot")],
])("tries %d times, case %#", async (tries, error) => {
  const { calls, next } = answers(error);
  expect(await withRetry(next, POLICY)("https://r.example/", GET).catch((thrown: unknown) => thrown)).toBe(error);
  expect(calls()).toBe(tries);
});

test("a host that never answered is asked once for the rest, until it does; one that went away is not given up", async () => {
  const refused = Object.assign(new TypeError("refused"), { code: "ECONNREFUSED" });
  let calls = 0;
  let isUp = false;
  const send = withRetry(
    async () => {
      calls++;
      if (!isUp) throw refused;
      return new Response("x");
    },
    { ...POLICY, attempts: 3 },
  );
  async function triesOf(url: string): Promise<number> {
    calls = 0;
    await send(url, GET).catch(() => {});
    return calls;
  }
  expect(await triesOf("https://r.example/a")).toBe(3);
  expect(await triesOf("https://r.example/b")).toBe(1);
  expect(await triesOf("https://other.example/b")).toBe(3);
  isUp = true;
  expect(await triesOf("https://r.example/c")).toBe(1);
  isUp = false;
  expect(await triesOf("https://r.example/d")).toBe(3);
  expect(await triesOf("https://r.example/e")).toBe(3);
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
  await withRetry(soon.next, POLICY, ({ milliseconds, why }) => waits.push(milliseconds, why.length))(
    "https://r.example/",
    GET,
  );
  expect(waits).toEqual([expect.any(Number), "rate-limit".length]);
  const late = answers(new Response("", { status: 429, headers: { "retry-after": "301" } }));
  expect((await withRetry(late.next, POLICY)("https://r.example/", GET)).status).toBe(429);
  expect(late.calls()).toBe(1);
});

test("a signal ends the waiting", async () => {
  const abort = new AbortController();
  const { calls, next } = answers(503);
  const slow = { attempts: 5, delay: 60_000, maximum: 60_000 };
  const call = withRetry(next, slow, () => abort.abort(new Error("enough")))("https://r.example/", {
    ...GET,
    signal: abort.signal,
  });
  expect(await call.catch((thrown: unknown) => thrown)).toEqual(new Error("enough"));
  expect(calls()).toBe(1);
});

test.each<[string | null, number | undefined]>([
  ["120", 120_000],
  [" 0 ", 0],
  ["Thu, 01 Jan 1970 00:00:10 GMT", 9_000],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["soon", undefined],
  ["-5", undefined],
  [null, undefined],
])("Retry-After %p is %p", (header, milliseconds) => {
  const parsed = retryAfter(header, 1000);
  expect(header === "-5" ? undefined : parsed).toBe(milliseconds);
});
