/** Byte streams: pulled, never pushed. */
import { describe, expect, test } from "bun:test";
import {
  type ByteStream,
  type Bytes,
  collect,
  concat,
  decode,
  encode,
  streamOf,
  toWeb,
} from "../../src/bytes/stream.ts";

/** `count` chunks of one byte; tells how many were pulled and whether the reader let go. */
function counted(count: number): { stream: ByteStream; pulled(): number; closed(): boolean } {
  let pulled = 0;
  let closed = false;
  async function* chunks(): AsyncGenerator<Bytes> {
    try {
      for (let at = 0; at < count; at++) {
        pulled++;
        yield new Uint8Array([at]);
      }
    } finally {
      closed = true;
    }
  }
  return { stream: chunks(), pulled: () => pulled, closed: () => closed };
}

test("streamOf leaves empty chunks out", async () => {
  const found = await Array.fromAsync(streamOf(encode("a"), new Uint8Array(), encode("b")));
  expect(found.map(decode)).toEqual(["a", "b"]);
});

test("concat joins, and copies nothing when there is one chunk", () => {
  const one = encode("ab");
  expect(concat([one])).toBe(one);
  expect(decode(concat([one, encode(""), encode("cd")]))).toBe("abcd");
  expect(concat([]).length).toBe(0);
});

describe("collect", () => {
  test("takes exactly as much as the limit", async () => {
    expect((await collect(counted(4).stream, 4))?.length).toBe(4);
  });

  test("reads nothing past it, and closes the stream", async () => {
    const { stream, pulled, closed } = counted(100);
    expect(await collect(stream, 4)).toBeUndefined();
    expect(pulled()).toBe(5);
    expect(closed()).toBe(true);
  });
});

describe("toWeb", () => {
  test("pulls nothing before it is read", async () => {
    const { stream, pulled } = counted(3);
    const web = toWeb(stream);
    await Promise.resolve();
    expect(pulled()).toBe(0);
    expect((await new Response(web).bytes()).length).toBe(3);
  });

  test("a cancel closes the stream", async () => {
    const { stream, closed } = counted(3);
    const reader = toWeb(stream).getReader();
    await reader.read();
    await reader.cancel();
    expect(closed()).toBe(true);
  });

  test("an error of the stream reaches the reader", async () => {
    async function* failing(): ByteStream {
      yield encode("a");
      throw new Error("the line is dead");
    }
    await expect(new Response(toWeb(failing())).bytes()).rejects.toThrow();
  });
});

test("decode refuses what is not UTF-8, and keeps a byte order mark", () => {
  expect(() => decode(new Uint8Array([0xff]))).toThrow(TypeError);
  expect(decode(encode("\uFEFFa"))).toBe("\uFEFFa");
});
