/** The layer made with ofetch. */
import { expect, test } from "bun:test";
import type { Exchange } from "../../../src/registry/wire/exchange.ts";
import { type RequestLine, withWire } from "../../../src/registry/wire/wire.ts";

test("adds what every request carries, and passes all else on as it is", async () => {
  const seen: Exchange[] = [];
  const lines: RequestLine[] = [];
  const upload = { length: 2, async *open() {} };
  const { signal } = new AbortController();
  const send = withWire(
    async (_, exchange) => {
      seen.push(exchange);
      return new Response('{"a": 1 }', { status: 404, headers: { "content-type": "application/json" } });
    },
    { userAgent: "dray/1", onRequest: (line) => lines.push(line) },
  );
  const headers = { accept: "x", "user-agent": "other" };
  const response = await send("https://u:p@r.example/a?secret=1", { method: "PUT", headers, upload, signal });
  expect(await response.text()).toBe('{"a": 1 }');
  expect(seen[0]!.upload).toBe(upload);
  expect(seen[0]!.signal).toBe(signal);
  expect(seen[0]!.headers).toEqual({
    accept: "x",
    "accept-encoding": "identity",
    "user-agent": "other",
  });
  expect(lines).toEqual([
    { method: "PUT", url: "https://r.example/a?secret=***", status: 404, milliseconds: expect.any(Number) },
  ]);
});

test("asks once, and throws what the transport threw", async () => {
  const error = new TypeError("no network");
  let calls = 0;
  const send = withWire(
    async () => {
      calls++;
      throw error;
    },
    { userAgent: "dray" },
  );
  const thrown = await send("https://r.example/?token=x", { method: "GET", headers: {} }).catch((one: unknown) => one);
  expect(thrown).toBe(error);
  expect(calls).toBe(1);
});

test.each([99, 600, 999])("a status of %d is no answer", async (status) => {
  let isCancelled = false;
  const body = new ReadableStream({ cancel: () => void (isCancelled = true) });
  const odd = Object.defineProperty(new Response(body), "status", { value: status });
  const send = withWire(async () => odd, { userAgent: "dray" });
  await expect(send("https://r.example/", { method: "GET", headers: {} })).rejects.toThrow(`the status ${status}`);
  expect(isCancelled).toBe(true);
});
