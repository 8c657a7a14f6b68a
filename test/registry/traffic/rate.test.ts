/** Bytes a second. */
import { expect, test } from "bun:test";
import { type ByteStream, type Bytes, collect } from "../../../src/bytes/stream.ts";
import { createMeter, createRate, withRate } from "../../../src/registry/traffic/rate.ts";
import type { Exchange, Transport, Upload } from "../../../src/registry/wire/exchange.ts";
import { bodyOf } from "../../../src/registry/wire/reading.ts";
import { withStall } from "../../../src/registry/wire/stall.ts";

const GET: Exchange = { method: "GET", headers: {} };

/** When bytes came, and how many there were by then. */
type Arrivals = { readonly at: number; readonly bytes: number }[];

async function arrivals(stream: ByteStream): Promise<Arrivals> {
  const all: Arrivals = [];
  let bytes = 0;
  for await (const chunk of stream) all.push({ at: performance.now(), bytes: (bytes += chunk.length) });
  return all;
}

function answer(size: number): Transport {
  return async () => new Response(new Uint8Array(size));
}

test("several transfers share it, without bursts and never above it", async () => {
  const perSecond = 1_000_000;
  const begin = performance.now();
  const send = withRate(answer(100_000), createRate(perSecond));
  const all = await Promise.all([1, 2, 3, 4].map(async () => arrivals(bodyOf(await send("https://r.example/", GET)))));
  const sorted = all.flatMap((one) =>
    one.map(({ at }, index) => ({ at, bytes: one[index]!.bytes - (one[index - 1]?.bytes ?? 0) })),
  );
  sorted.sort((a, b) => a.at - b.at);
  let bytes = 0;
  for (const one of sorted) {
    expect(one.bytes).toBeLessThanOrEqual(perSecond / 16);
    bytes += one.bytes;
    // What is not waited for is at most a moment's worth.
    expect(bytes).toBeLessThanOrEqual(((one.at - begin) / 1000) * perSecond + 5000);
  }
  expect(bytes).toBe(400_000);
});

test("many small amounts add up to the rate exactly, whatever timers lose", async () => {
  const meter = createMeter(10_000_000);
  const begin = performance.now();
  for (let sent = 0; sent < 4_000_000; sent += 16_000) await meter.take(16_000);
  const seconds = (performance.now() - begin) / 1000;
  expect(4_000_000 / seconds).toBeWithin(0, 10_000_000 * 1.05);
});

test("what was not used is not made up for", async () => {
  const meter = createMeter(1_000_000);
  await meter.take(1000);
  await Bun.sleep(150);
  const begin = performance.now();
  await meter.take(100_000);
  expect(performance.now() - begin).toBeGreaterThan(95);
});

test("both directions have their own; an upload is slowed too, and the watchdog does not mind", async () => {
  const sunk: Transport = async (_, { upload }) => {
    expect((await collect((upload as Upload).open(), 1e6))?.length).toBe(100_000);
    return new Response(new Uint8Array(100_000));
  };
  const send = withRate(withStall(sunk, 20), createRate(500_000));
  const upload = {
    length: 100_000,
    async *open(): ByteStream {
      yield new Uint8Array(100_000) as Bytes;
    },
  };
  const begin = performance.now();
  const response = await send("https://r.example/", { ...GET, method: "PUT", upload });
  expect(performance.now() - begin).toBeGreaterThan(190);
  const middle = performance.now();
  expect((await collect(bodyOf(response), 1e6))?.length).toBe(100_000);
  expect(performance.now() - middle).toBeGreaterThan(190);
});

test("bytes in memory count as well, and a signal ends the wait", async () => {
  const send = withRate(answer(1), createRate(10));
  const control = new AbortController();
  const call = send("https://r.example/", { ...GET, upload: new Uint8Array(1000), signal: control.signal });
  control.abort(new Error("enough"));
  await expect(call).rejects.toThrow("enough");
  const reading = new AbortController();
  const slow = withRate(answer(1000), createRate(10));
  const body = collect(bodyOf(await slow("https://r.example/", { ...GET, signal: reading.signal })), 1000);
  reading.abort(new Error("enough"));
  await expect(body).rejects.toThrow("enough");
});

test("costs nothing when it is off", () => {
  const next = answer(1);
  expect(withRate(next, undefined)).toBe(next);
});
