/** Archives into streams: in order, no faster than they are read, and never silently cut. */
import { expect, test } from "bun:test";
import { Writable } from "node:stream";
import { streamOutput } from "../../src/archive/stream-output.ts";
import { encode } from "../../src/bytes/stream.ts";
import { errorOf } from "../support/thrown.ts";

/** A stream that takes its time, and keeps what it gets; it fails once it has got `limit` bytes. */
function slow(limit = Number.POSITIVE_INFINITY, code = "EPIPE") {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _, done) {
      setImmediate(() => {
        chunks.push(Buffer.from(chunk));
        const isOver = Buffer.concat(chunks).length >= limit;
        done(isOver ? Object.assign(new Error(`${code}: broken pipe, write`), { code, syscall: "write" }) : null);
      });
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

test("bytes come in the order of the calls, and each call ends when its bytes were taken", async () => {
  const { stream, text } = slow();
  await using output = streamOutput(stream, "a pipe");
  const bytes = encode("one ");
  const first = output.write(bytes);
  const second = output.write(encode("two"));
  expect(output.position).toBe(7);
  await first;
  bytes.fill(0x21);
  await second;
  await output.finish();
  expect(text()).toBe("one two");
  expect(output.truncate).toBeUndefined();
  expect(stream.writableEnded).toBe(false);
});

test.each([
  ["EPIPE", "whoever read it stopped reading"],
  ["ENOSPC", "no space is left on the disk"],
])("%s is told by every later call", async (code, reason) => {
  const { stream } = slow(6, code);
  await using output = streamOutput(stream, "a pipe");
  await output.write(encode("four"));
  const message = `STORAGE: Cannot write "a pipe": ${reason}`;
  expect(await errorOf(() => output.write(encode("more")))).toBe(message);
  expect(await errorOf(() => output.write(encode("and more")))).toBe(message);
  expect(await errorOf(() => output.finish())).toBe(message);
});
