/** Uploads that somebody else makes too, and answers that get lost. */
import { expect, test } from "bun:test";
import type { ByteStream } from "../../../src/bytes/stream.ts";
import type { Content } from "../../../src/store/store.ts";
import { pieces, refuse, startOddRegistry } from "../../support/odd-registry.ts";
import { part, randomBytes } from "../../support/random-image.ts";

const BLOB = part("application/octet-stream", randomBytes("ways", 3_000_000));
const OTHER = part("application/octet-stream", randomBytes("other ways", 3_000_001));

test("an answer that got lost: the blob is there, and is not sent again", async () => {
  await using registry = await startOddRegistry({
    answer({ method }, received) {
      if (method !== "PUT") return undefined;
      blobs.set(BLOB.descriptor.digest, received);
      return refuse(504);
    },
  });
  const { sink, methods, blobs } = registry;
  await sink.put(pieces(BLOB));
  expect(methods()).toBe("POST PUT");
});

test.each([
  [409, "UNKNOWN"],
  [400, "BLOB_UPLOAD_INVALID"],
])("%d %s, and the blob is there: somebody else was faster", async (status, code) => {
  await using registry = await startOddRegistry({
    answer({ method }) {
      if (method !== "PUT") return undefined;
      blobs.set(BLOB.descriptor.digest, BLOB.bytes);
      return refuse(status, code);
    },
  });
  const { sink, methods, blobs } = registry;
  await sink.put(pieces(BLOB));
  expect(methods()).toBe("POST PUT DELETE");
});

test("409, and it is not: it is tried again", async () => {
  let count = 0;
  await using registry = await startOddRegistry({
    answer: ({ method }) => (method === "PUT" && ++count === 1 ? refuse(409) : undefined),
  });
  const { sink, methods } = registry;
  await sink.put(pieces(BLOB));
  expect(methods()).toBe("POST PUT DELETE POST PUT");
});

test("two who bring the same blob share one upload", async () => {
  await using registry = await startOddRegistry();
  const { sink, methods } = registry;
  await Promise.all([sink.put(pieces(BLOB)), sink.put(pieces(BLOB)), sink.put(pieces(OTHER))]);
  expect(methods().split(" ").sort().join(" ")).toBe("POST POST PUT PUT");
});

test("whoever waited for one whose source failed brings his own", async () => {
  await using registry = await startOddRegistry();
  const { sink, blobs } = registry;
  const failing: Content = {
    descriptor: BLOB.descriptor,
    // biome-ignore lint/correctness/useYield: it fails before it has anything
    async *open(): ByteStream {
      throw new Error("the disk is gone");
    },
  };
  const [first, second] = await Promise.allSettled([sink.put(failing), sink.put(pieces(BLOB))]);
  expect(first).toMatchObject({ status: "rejected", reason: { message: "the disk is gone" } });
  expect(second.status).toBe("fulfilled");
  expect(blobs.get(BLOB.descriptor.digest)).toEqual(BLOB.bytes);
});
