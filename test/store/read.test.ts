/** The verifier: nothing wrong gets past it whole. */
import { expect, test } from "bun:test";
import { type Bytes, concat, encode, type Range } from "../../src/bytes/stream.ts";
import { IntegrityError } from "../../src/errors.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf, hashFor } from "../../src/oci/digest.ts";
import { contentOf, inMemory, read, readAll } from "../../src/store/read.ts";
import type { Content } from "../../src/store/store.ts";
import { randomBytes } from "../support/random-image.ts";
import { errorOf, thrownBy } from "../support/thrown.ts";

const BYTES = randomBytes("read", 1000);
const RIGHT: Descriptor = { mediaType: "a/b", digest: digestOf(BYTES), size: BYTES.length };

/** Chunks of the given lengths, empty ones too; tells where it was opened. */
function content(descriptor: Descriptor, bytes: Bytes, lengths: readonly number[], opened: number[] = []): Content {
  return {
    descriptor,
    async *open({ start = 0 }: Range = {}) {
      opened.push(start);
      let at = start;
      for (const length of [...lengths, bytes.length]) {
        if (at > bytes.length) return;
        yield bytes.subarray(at, at + length);
        at += length;
      }
    },
  };
}

/** What a receiver has when the error comes. */
async function receive(stream: AsyncIterable<Bytes>): Promise<{ bytes: Bytes; error: unknown }> {
  const chunks: Bytes[] = [new Uint8Array()];
  const error = await (async () => {
    for await (const chunk of stream) chunks.push(chunk);
  })().catch((thrown: unknown) => thrown);
  return { bytes: concat(chunks), error };
}

test.each([[[]], [[1]], [[0, 400, 0, 599]], [[999, 0, 0]], [[1000, 0]]])(
  "right bytes pass, in chunks of %p",
  async (lengths) => {
    const { bytes, error } = await receive(read(content(RIGHT, BYTES, lengths)));
    expect(error).toBeUndefined();
    expect(bytes).toEqual(BYTES);
  },
);

test.each([
  ["of another digest", { ...RIGHT, digest: digestOf(encode("x")) }, [300, 300]],
  ["of another digest, with an empty chunk at the end", { ...RIGHT, digest: digestOf(encode("x")) }, [300, 700, 0]],
  ["in one chunk", { ...RIGHT, digest: digestOf(encode("x")) }, []],
  ["too few", { ...RIGHT, size: 1001 }, [300, 300]],
  ["too many", { ...RIGHT, size: 999 }, [300, 300]],
] as const)("a receiver never has all bytes that are wrong: %s", async (_, descriptor, lengths) => {
  const { bytes, error } = await receive(read(content(descriptor, BYTES, lengths)));
  expect(error).toBeInstanceOf(IntegrityError);
  expect(bytes.length).toBeLessThan(Math.min(descriptor.size, BYTES.length));
});

test("the first excess byte ends it: nothing after it is read", async () => {
  let pulled = 0;
  async function* endless() {
    for (;;) {
      pulled++;
      yield new Uint8Array(100);
    }
  }
  const error = await thrownBy(() => readAll({ descriptor: { ...RIGHT, size: 250 }, open: endless }, 1000));
  expect(error).toBeInstanceOf(IntegrityError);
  expect(pulled).toBe(3);
});

test("says what was promised and what came", async () => {
  const error = await thrownBy(() => readAll(content({ ...RIGHT, size: 1001 }, BYTES, []), 2000));
  expect(error).toMatchObject({
    code: "INTEGRITY",
    message: `Cannot read "${RIGHT.digest}": expected 1001 bytes of that digest, got 1000 bytes`,
    expected: `${RIGHT.digest} (1001 bytes)`,
    actual: "1000 bytes",
  });
});

test("nothing is content, too", async () => {
  expect((await readAll(contentOf("a/b", new Uint8Array()), 0)).length).toBe(0);
  const wrong = { ...RIGHT, size: 0 };
  expect(await thrownBy(() => readAll(inMemory(wrong, new Uint8Array()), 0))).toBeInstanceOf(IntegrityError);
});

test("sha512 is checked as such", async () => {
  const descriptor = { ...RIGHT, digest: digestOf(BYTES, "sha512") };
  expect(await readAll(inMemory(descriptor, BYTES), 1000)).toEqual(BYTES);
  const other = BYTES.slice();
  other[999]! ^= 1;
  expect(await thrownBy(() => readAll(inMemory(descriptor, other), 1000))).toBeInstanceOf(IntegrityError);
});

test("resumes behind what is held, and reads only the rest", async () => {
  const opened: number[] = [];
  const held = { size: 600, hash: hashFor(RIGHT.digest).update(BYTES.subarray(0, 600)) };
  const { bytes, error } = await receive(read(content(RIGHT, BYTES, [100], opened), { held }));
  expect(error).toBeUndefined();
  expect(opened).toEqual([600]);
  expect(bytes).toEqual(BYTES.slice(600));
});

test("opens nothing when all is held, and still checks it", async () => {
  const opened: number[] = [];
  const right = { size: 1000, hash: hashFor(RIGHT.digest).update(BYTES) };
  expect((await receive(read(content(RIGHT, BYTES, [], opened), { held: right }))).error).toBeUndefined();
  const wrong = { size: 1000, hash: hashFor(RIGHT.digest).update(randomBytes("wrong", 1000)) };
  expect((await receive(read(content(RIGHT, BYTES, [], opened), { held: wrong }))).error).toBeInstanceOf(
    IntegrityError,
  );
  expect(opened).toEqual([]);
});

test("a promise of more than the limit is refused before a byte is read", async () => {
  const opened: number[] = [];
  expect(await errorOf(() => readAll(content(RIGHT, BYTES, [], opened), 999))).toBe(
    `UNSUPPORTED: Cannot read "${RIGHT.digest}": 1000 bytes are more than the limit of 999`,
  );
  expect(opened).toEqual([]);
});
