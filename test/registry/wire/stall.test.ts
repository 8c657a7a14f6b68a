/** The watchdog, with transports that fall silent. */
import { expect, test } from "bun:test";
import { type ByteStream, type Bytes, collect, streamOf } from "../../../src/bytes/stream.ts";
import type { Exchange, Transport } from "../../../src/registry/wire/exchange.ts";
import { bodyOf, cancelBody } from "../../../src/registry/wire/reading.ts";
import { withRefusals } from "../../../src/registry/wire/refusal.ts";
import { withStall } from "../../../src/registry/wire/stall.ts";

const GET: Exchange = { method: "GET", headers: {} };

/** Never answers, but listens to its signal. */
const silent: Transport = (_, { signal }) =>
  new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason), { once: true }));

/** A body of some chunks that then says nothing more, like fetch's under a signal. */
function quiet(chunks: number): Transport {
  return async (_, { signal }) => {
    let sent = 0;
    const body = new ReadableStream<Bytes>({
      start(controller) {
        signal!.addEventListener("abort", () => controller.error(signal!.reason), { once: true });
      },
      pull(controller) {
        if (sent++ < chunks) controller.enqueue(new Uint8Array(10));
        return sent > chunks ? new Promise(() => {}) : undefined;
      },
    });
    return new Response(body);
  };
}

test("an answer that never comes", async () => {
  await expect(withStall(silent, 20)("https://r.example/", GET)).rejects.toThrow("no byte came");
});

test("a body that stops", async () => {
  const response = await withStall(quiet(2), 20)("https://r.example/", GET);
  await expect(collect(bodyOf(response), 100)).rejects.toThrow("no byte came");
});

test("a reader may take its time", async () => {
  const ample: Transport = async () => new Response(new Uint8Array(10));
  const response = await withStall(ample, 20)("https://r.example/", GET);
  await Bun.sleep(60);
  expect((await collect(bodyOf(response), 100))?.length).toBe(10);
});

test("so may the source of an upload; the other side may not stop reading", async () => {
  async function* slow(): ByteStream {
    yield new Uint8Array(1);
    await Bun.sleep(60);
    yield new Uint8Array(1);
  }
  const upload = { length: 2, open: slow };
  const reading: Transport = async (_, exchange) =>
    new Response(await collect((exchange.upload as typeof upload).open(), 10));
  const response = await withStall(reading, 20)("https://r.example/", { ...GET, method: "PUT", upload });
  expect((await collect(bodyOf(response), 100))?.length).toBe(2);
  const stopping: Transport = async (url, exchange) => {
    await (exchange.upload as typeof upload).open()[Symbol.asyncIterator]().next();
    return silent(url, exchange);
  };
  const stalled = withStall(stopping, 20)("https://r.example/", { ...GET, method: "PUT", upload });
  await expect(stalled).rejects.toThrow("no byte came");
});

test("the caller's signal ends both waits, with its own reason", async () => {
  const reason = new Error("enough");
  const first = new AbortController();
  const call = withStall(silent, 60_000)("https://r.example/", { ...GET, signal: first.signal });
  first.abort(reason);
  expect(await call.catch((thrown: unknown) => thrown)).toBe(reason);
  const second = new AbortController();
  const response = await withStall(quiet(0), 60_000)("https://r.example/", { ...GET, signal: second.signal });
  const body = collect(bodyOf(response), 100).catch((thrown: unknown) => thrown);
  second.abort(reason);
  expect(await body).toBe(reason);
});

test("an early end of the reader ends the body", async () => {
  let cancelled = false;
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(10)),
    cancel() {
      cancelled = true;
    },
  });
  const response = await withStall(async () => new Response(body), 60_000)("https://r.example/", GET);
  for await (const _ of bodyOf(response)) break;
  expect(cancelled).toBe(true);
});

test("a body that is cancelled is let go", async () => {
  let cancelled = false;
  const body = new ReadableStream({
    cancel() {
      cancelled = true;
    },
  });
  const response = await withStall(async () => new Response(body), 20)("https://r.example/", GET);
  await cancelBody(response);
  expect(cancelled).toBe(true);
});

test("a silence is measured from the last byte, not from the first", async () => {
  const slow: Transport = async () => {
    let sent = 0;
    return new Response(
      new ReadableStream<Bytes>(
        {
          async pull(controller) {
            await Bun.sleep(30);
            if (sent++ < 5) controller.enqueue(new Uint8Array(1));
            else controller.close();
          },
        },
        { highWaterMark: 0 },
      ),
    );
  };
  const response = await withStall(slow, 90)("https://r.example/", GET);
  expect((await collect(bodyOf(response), 100))?.length).toBe(5);
});

test("an upload's end that is asked for after its answer arms nothing", async () => {
  let late: AsyncIterator<Bytes> | undefined;
  let signal: AbortSignal | undefined;
  const upload = { length: 1, open: () => streamOf(new Uint8Array(1)) };
  const quick: Transport = async (_, exchange) => {
    signal = exchange.signal;
    late = (exchange.upload as typeof upload).open()[Symbol.asyncIterator]();
    await late.next();
    return new Response(null, { status: 201 });
  };
  await withStall(quick, 1)("https://r.example/", { ...GET, method: "PUT", upload });
  expect((await late!.next()).done).toBe(true);
  await Bun.sleep(40);
  expect(signal!.aborted).toBe(false);
});

test("what is sent at once from memory has the time of as many pieces", async () => {
  const slow: Transport = async (_, { signal }) => {
    await Bun.sleep(60);
    signal!.throwIfAborted();
    return new Response(null, { status: 201 });
  };
  const put = { ...GET, method: "PUT", upload: new Uint8Array(1 << 20) };
  expect((await withStall(slow, 20)("https://r.example/", put)).status).toBe(201);
  await expect(withStall(slow, 20)("https://r.example/", { ...put, upload: new Uint8Array(10) })).rejects.toThrow();
});

test("a refusal whose words never come is a refusal all the same", async () => {
  const mute: Transport = async (url, exchange) => {
    const { body } = await quiet(1)(url, exchange);
    return new Response(body, { status: 403 });
  };
  const response = await withRefusals(withStall(mute, 20))("https://r.example/", GET);
  expect(response.status).toBe(403);
  expect((await collect(bodyOf(response), 100))?.length).toBe(10);
});
