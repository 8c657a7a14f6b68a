/** Tars out of pipes, and streams that are looked at before they are read. */
import { describe, expect, test } from "bun:test";
import { peek, pipedEntries } from "../../src/archive/pipe.ts";
import { tarHeader } from "../../src/archive/tar.ts";
import { type ByteStream, type Bytes, collect, concat, encode } from "../../src/bytes/stream.ts";
import { errorOf } from "../support/thrown.ts";

const FILES: Readonly<Record<string, Bytes>> = {
  "a/one": encode("one"),
  "a/two": new Uint8Array(200_000).fill(7),
  "b/empty": new Uint8Array(0),
  "b/last": new Uint8Array(513).fill(9),
};

function tarOf(files: Readonly<Record<string, Bytes>>): Bytes {
  const blocks = Object.entries(files).flatMap(([path, bytes]) => [
    tarHeader({ path, type: "file", size: bytes.length }),
    bytes,
    new Uint8Array((512 - (bytes.length % 512)) % 512),
  ]);
  return concat([...blocks, new Uint8Array(1024)]);
}

/** Tells whether it was read to its end, or left. */
function source(bytes: Bytes, chunk: number): { stream: ByteStream; state: () => string } {
  let state = "open";
  async function* stream(): ByteStream {
    try {
      for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
      state = "ended";
    } finally {
      if (state === "open") state = "left";
    }
  }
  return { stream: stream(), state: () => state };
}

async function readAll(stream: ByteStream): Promise<Record<string, Bytes>> {
  const found: Record<string, Bytes> = {};
  for await (const entry of pipedEntries(stream, "the pipe"))
    found[entry.path] = (await collect(entry.open(), entry.size))!;
  return found;
}

describe("pipedEntries", () => {
  test.each([1, 511, 4096, 1 << 20])("every content is there, in chunks of %d bytes", async (chunk) => {
    const small = { "a/one": FILES["a/one"]!, "b/last": FILES["b/last"]! };
    const { stream, state } = source(tarOf(chunk === 1 ? small : FILES), chunk);
    expect(await readAll(stream)).toEqual(chunk === 1 ? small : FILES);
    expect(state()).toBe("ended");
  });

  test("what is not read is passed over, and what follows the tar is read to its end", async () => {
    const { stream, state } = source(concat([tarOf(FILES), new Uint8Array(100_000)]), 5000);
    const names: string[] = [];
    for await (const { path, size } of pipedEntries(stream, "the pipe")) names.push(`${path} ${size}`);
    expect(names).toEqual(["a/one 3", "a/two 200000", "b/empty 0", "b/last 513"]);
    expect(state()).toBe("ended");
  });

  test("what is passed over is counted, before the list, between entries and behind the tar", async () => {
    async function passed(bytes: Bytes, most: number): Promise<number> {
      let total = 0;
      function check(sum: number): void {
        total = sum;
        if (sum > most) throw new Error("too many");
      }
      for await (const { path, open } of pipedEntries(source(bytes, 5000).stream, "the pipe", { check }))
        if (path === "b/last") await collect(open(), 1000);
      return total;
    }
    const whole = tarOf(FILES);
    const total = await passed(whole, Number.MAX_SAFE_INTEGER);
    expect(total).toBeGreaterThan(200_000);
    expect(total).toBeLessThan(whole.length);
    await expect(passed(whole, 100_000)).rejects.toThrow("too many");
    await expect(passed(concat([whole, new Uint8Array(100_000)]), total + 50_000)).rejects.toThrow("too many");
  });

  test("whoever leaves early, leaves the source", async () => {
    const { stream, state } = source(tarOf(FILES), 5000);
    for await (const { path } of pipedEntries(stream, "the pipe")) if (path === "a/two") break;
    expect(state()).toBe("left");
  });

  test("a tar that is cut short anywhere is an error", async () => {
    const whole = tarOf(FILES);
    for (const end of [0, 100, 512, 514, 1024, 1536, 100_000, whole.length - 1024]) {
      const error = await errorOf(() => readAll(source(whole.subarray(0, end), 5000).stream));
      expect(error).toStartWith('INTEGRITY: Cannot read "the pipe": ');
    }
  });

  test("a name that leads out is refused", async () => {
    const bytes = tarOf({ "aa/x": encode("x") });
    bytes.set(encode("../x"));
    // The sum of the header, with two dots instead of two letters.
    const sum = bytes.subarray(0, 512).reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
    bytes.set(encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    expect(await errorOf(() => readAll(source(bytes, 5000).stream))).toContain("its name is not a plain relative path");
  });
});

describe("peek", () => {
  test("the stream has what was looked at", async () => {
    const { first, whole } = await peek(source(encode("abcdefgh"), 3).stream, 4);
    expect(first).toEqual(encode("abcd"));
    expect(await collect(whole, 100)).toEqual(encode("abcdefgh"));
  });

  test("of a short stream, all is looked at", async () => {
    const { first, whole } = await peek(source(encode("ab"), 3).stream, 4);
    expect(first).toEqual(encode("ab"));
    expect(await collect(whole, 100)).toEqual(encode("ab"));
  });

  test("leaving it unread leaves the source", async () => {
    const { stream, state } = source(encode("abcdefgh"), 3);
    const { whole } = await peek(stream, 4);
    await whole[Symbol.asyncIterator]().return?.();
    expect(state()).toBe("left");
  });
});
