/** The content of uploads in parts: read once where that is possible, verified in any case. */
import { expect, test } from "bun:test";
import { type ByteStream, type Bytes, collect, concat } from "../../../src/bytes/stream.ts";
import { openBody } from "../../../src/registry/upload/body.ts";
import type { Upload } from "../../../src/registry/wire/exchange.ts";
import type { Content } from "../../../src/store/store.ts";
import { part, randomBytes } from "../../support/random-image.ts";
import { thrownBy } from "../../support/thrown.ts";

const { descriptor, bytes } = part("application/octet-stream", randomBytes("body", 100_000));

/** The bytes in pieces of 7,000, and how often they were opened and closed. */
function source(all: Bytes = bytes): { content: Content; seen: { opened: number; closed: number } } {
  const seen = { opened: 0, closed: 0 };
  const content: Content = {
    descriptor,
    async *open(): ByteStream {
      seen.opened++;
      try {
        for (let at = 0; at < all.length; at += 7000) yield all.subarray(at, at + 7000);
      } finally {
        seen.closed++;
      }
    },
  };
  return { content, seen };
}

function bytesOf(upload: Upload): Promise<Bytes | undefined> {
  return collect(upload.open(), 1e6);
}

test("parts that follow each other are one reading", async () => {
  const { content, seen } = source();
  await using body = openBody(content);
  expect(body.opened).toBe(false);
  const parts: Bytes[] = [];
  for (const [start, end] of [
    [0, 1],
    [1, 50_001],
    [50_001, 99_999],
    [99_999, 100_000],
  ] as const) {
    const upload = body.part(start, end);
    expect(upload.length).toBe(end - start);
    expect(body.finished).toBe(false);
    parts.push((await bytesOf(upload))!);
  }
  expect(concat(parts)).toEqual(bytes);
  expect([body.finished, body.failure, seen.opened]).toEqual([true, undefined, 1]);
});

test("a part that is asked for again is read anew", async () => {
  const { content, seen } = source();
  await using body = openBody(content);
  await bytesOf(body.part(0, 30_000));
  expect(await bytesOf(body.part(20_000, 60_000))).toEqual(bytes.slice(20_000, 60_000));
  expect(await bytesOf(body.part(20_000, 60_000))).toEqual(bytes.slice(20_000, 60_000));
  expect(await bytesOf(body.part(60_000, 100_000))).toEqual(bytes.slice(60_000));
  expect(await bytesOf(body.part(60_000, 100_000))).toEqual(bytes.slice(60_000));
  expect(seen).toEqual({ opened: 4, closed: 4 });
});

test("a part whose reader left early, too", async () => {
  const { content, seen } = source();
  {
    await using body = openBody(content);
    const upload = body.part(0, 50_000);
    for await (const _ of upload.open()) break;
    expect(await bytesOf(upload)).toEqual(bytes.slice(0, 50_000));
  }
  expect(seen).toEqual({ opened: 2, closed: 2 });
});

test("the last byte is given only when all of them are right", async () => {
  const wrong = bytes.slice();
  wrong[3]! ^= 1;
  const { content } = source(wrong);
  await using body = openBody(content);
  await bytesOf(body.part(0, 98_000));
  const error = await thrownBy(() => bytesOf(body.part(98_000, 100_000)));
  expect(error).toMatchObject({ code: "INTEGRITY" });
  expect([body.failure?.error, body.finished]).toEqual([error, false]);
});

test("disposing ends a reading that is stuck", async () => {
  const body = openBody({
    descriptor,
    async *open({ signal } = {}): ByteStream {
      yield bytes.slice(0, 10);
      yield bytes.slice(10, 20);
      await new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason)));
    },
  });
  const iterator = body.part(0, 100_000).open()[Symbol.asyncIterator]();
  await iterator.next();
  const stuck = iterator.next();
  stuck.catch(() => {});
  await body[Symbol.asyncDispose]();
  await expect(stuck).rejects.toThrow("the upload ended");
});
