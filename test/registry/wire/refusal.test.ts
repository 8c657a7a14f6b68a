/** Refusals, read ahead. */
import { expect, test } from "bun:test";
import { createTraffic } from "../../../src/registry/traffic/traffic.ts";
import { withTurns } from "../../../src/registry/traffic/turn.ts";
import type { Exchange } from "../../../src/registry/wire/exchange.ts";
import { bodyOf } from "../../../src/registry/wire/reading.ts";
import { withRefusals } from "../../../src/registry/wire/refusal.ts";

const GET: Exchange = { method: "GET", headers: {} };
const LIMIT = JSON.stringify({ errors: [{ code: "TOOMANYREQUESTS", message: "Rate exceeded" }] });

async function answered(response: Response): Promise<Response> {
  return withRefusals(async () => response)("https://r.example/", GET);
}

test.each([400, 403, 404])("a rate limit that comes as a %d is a 429, with its words", async (status) => {
  const response = await answered(new Response(LIMIT, { status, headers: { "retry-after": "5" } }));
  expect(response.status).toBe(429);
  expect(response.headers.get("retry-after")).toBe("5");
  expect(await response.text()).toBe(LIMIT);
});

test.each([
  [200, LIMIT],
  [503, LIMIT],
  [401, "{}"],
  [404, "<html>TOOMANYREQUESTS</html>"],
])("a %d stays what it is, case %#", async (status, text) => {
  const response = await answered(new Response(text, { status, headers: { "www-authenticate": "Basic" } }));
  expect(response.status).toBe(status);
  expect(response.headers.get("www-authenticate")).toBe("Basic");
  expect(await response.text()).toBe(text);
});

test("one that is let through is the very response, unread", async () => {
  const response = new Response("words");
  expect(await answered(response)).toBe(response);
  const empty = new Response(null, { status: 404 });
  expect(await answered(empty)).toBe(empty);
});

test("the connection is free before anybody reads the words", async () => {
  let isOpen = true;
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode("{}")),
    pull(controller) {
      isOpen = false;
      controller.close();
    },
  });
  await answered(new Response(body, { status: 401 }));
  expect(isOpen).toBe(false);
});

test("an endless one is cut, a broken one is kept as far as it came", async () => {
  let cancelled = false;
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(40_000)),
    cancel() {
      cancelled = true;
    },
  });
  expect((await (await answered(new Response(endless, { status: 500 }))).bytes()).length).toBe(64 << 10);
  expect(cancelled).toBe(true);
  let pulls = 0;
  const broken = new ReadableStream(
    {
      pull: (controller) =>
        pulls++ === 0 ? controller.enqueue(new Uint8Array(3)) : controller.error(new Error("cut")),
    },
    { highWaterMark: 0 },
  );
  expect((await (await answered(new Response(broken, { status: 500 }))).bytes()).length).toBe(3);
});

test("what comes of it is read like any other body", async () => {
  const traffic = createTraffic({ perHost: 1 });
  const send = withTurns(
    withRefusals(async () => new Response("no", { status: 403 })),
    traffic,
  );
  let words = "";
  for await (const chunk of bodyOf(await send("https://r.example/", GET))) words += new TextDecoder().decode(chunk);
  expect(words).toBe("no");
});

test("an abort while it is read is no refusal", async () => {
  const abort = new AbortController();
  const body = new ReadableStream({
    pull(controller) {
      abort.abort(new Error("enough"));
      controller.error(abort.signal.reason);
    },
  });
  const send = withRefusals(async () => new Response(body, { status: 403 }));
  await expect(send("https://r.example/", { ...GET, signal: abort.signal })).rejects.toThrow("enough");
});
