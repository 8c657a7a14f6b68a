/** Files: ranges of them, and all of them at once. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readFile as readWhole,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { readFile, readHandle, writeAtomic, writeFully } from "../../src/bytes/file.ts";
import { type Bytes, collect, concat, decode, encode } from "../../src/bytes/stream.ts";
import { randomBytes } from "../support/random-image.ts";
import { run } from "../support/run.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

test.each([
  [undefined, undefined],
  [0, 10],
  [600_000, 2_200_001],
  [2_499_999, 2_500_000],
])("reads bytes %p to %p of a file of several chunks", async (start, end) => {
  const bytes = randomBytes("file", 2_500_000);
  const path = join(folder.path, "file");
  await writeFile(path, bytes);
  expect(await collect(readFile(path, bytes.length, { start, end }), bytes.length)).toEqual(bytes.slice(start, end));
});

test("a file that was cut ends early instead of waiting", async () => {
  const path = join(folder.path, "file");
  await writeFile(path, "abc");
  expect(decode((await collect(readFile(path, 10), 10))!)).toBe("abc");
});

test("opens nothing before it is read", async () => {
  const stream = readFile(join(folder.path, "later"), 3);
  await writeFile(join(folder.path, "later"), "abc");
  expect(decode((await collect(stream, 10))!)).toBe("abc");
});

test("each chunk is an array of its own, and an abort ends between them", async () => {
  await writeFile(join(folder.path, "file"), randomBytes("chunks", 4 << 20));
  const file = await open(join(folder.path, "file"));
  const control = new AbortController();
  try {
    const stream = readHandle(file, { start: 0, end: 4 << 20, signal: control.signal })[Symbol.asyncIterator]();
    const [one, two] = [(await stream.next()).value!, (await stream.next()).value!];
    expect(one.buffer).not.toBe(two.buffer);
    control.abort(new Error("enough"));
    await expect(stream.next()).rejects.toThrow("enough");
  } finally {
    await file.close();
  }
});

test("writes fully at a position", async () => {
  const file = await open(join(folder.path, "file"), "w+");
  try {
    await writeFully(file, [encode("ab"), encode(""), encode("cdef")]);
    await writeFully(file, [encode("X"), encode("Y")], 2);
    await writeFully(file, []);
  } finally {
    await file.close();
  }
  expect(await readWhole(join(folder.path, "file"), "utf8")).toBe("abXYef");
});

test.each([true, false])(
  "puts a file in place with its folders and leaves nothing else (durable: %p)",
  async (durable) => {
    const path = join(folder.path, "a/b/c");
    await writeAtomic(path, encode("one"), { durable });
    await writeAtomic(path, encode("two"), { durable });
    expect(await readWhole(path, "utf8")).toBe("two");
    expect(await readdir(join(folder.path, "a/b"))).toEqual(["c"]);
  },
);

test.each(["link", "pipe"])("a %s that was put in its way is not written into", async (kind) => {
  const path = join(folder.path, "file");
  const temporary = join(folder.path, "temporary");
  await writeFile(join(folder.path, "precious"), "precious");
  if (kind === "link") await symlink("precious", temporary);
  else expect((await run("mkfifo", [temporary])).code).toBe(0);
  await writeAtomic(path, encode("one"), { temporary });
  expect((await lstat(path)).isFile()).toBe(true);
  expect(await readWhole(path, "utf8")).toBe("one");
  expect(await readWhole(join(folder.path, "precious"), "utf8")).toBe("precious");
  expect((await readdir(folder.path)).sort()).toEqual(["file", "precious"]);
});

test("writes as many chunks at once as there are", async () => {
  const chunks = Array.from({ length: 5000 }, (_, at) => randomBytes(`chunk ${at % 7}`, 1 + (at % 50)));
  const file = await open(join(folder.path, "file"), "a+");
  try {
    await writeFully(file, chunks);
  } finally {
    await file.close();
  }
  expect(new Uint8Array(await readWhole(join(folder.path, "file")))).toEqual(concat(chunks));
});

test("a file that cannot be put in place leaves nothing", async () => {
  await mkdir(join(folder.path, "taken/inside"), { recursive: true });
  await expect(writeAtomic(join(folder.path, "taken"), encode("x"))).rejects.toThrow();
  expect(await readdir(folder.path)).toEqual(["taken"]);
});

/** Reads a byte at a time below `fails`, nothing at or beyond it. */
function failingHandle(fails: number): FileHandle {
  return {
    async read(bytes: Uint8Array, offset: number, _length: number, position: number) {
      if (position >= fails) throw new Error("the disk is gone");
      bytes[offset] = position % 251;
      return { bytesRead: 1, buffer: bytes };
    },
  } as unknown as FileHandle;
}

test("what the system gives in pieces has no gaps", async () => {
  const chunks = await Array.fromAsync(readHandle(failingHandle(1000), { end: 700 }));
  expect(Buffer.concat(chunks)).toEqual(Buffer.from(Array.from({ length: 700 }, (_, at) => at % 251)));
});

test("memory is used again, and not before the reader has asked for the chunk after the next", async () => {
  const bytes = randomBytes("reused", 9 << 20);
  const file = await open(join(folder.path, "reused"), "w+");
  try {
    await writeFully(file, [bytes]);
    const memory = new Set<ArrayBuffer>();
    const seen: Bytes[] = [];
    let held: Bytes | undefined;
    for await (const chunk of readHandle(file, { end: bytes.length, reuse: true })) {
      if (held) seen.push(held.slice());
      memory.add(chunk.buffer);
      await Bun.sleep(1); // what is read ahead lands
      held = chunk;
    }
    expect(concat([...seen, held!])).toEqual(bytes);
    expect(memory.size).toBeLessThan(9);
  } finally {
    await file.close();
  }
});

test.each([false, true])("a read ahead that fails is seen at its turn, not before (reuse: %p)", async (reuse) => {
  const file = await open(join(folder.path, "two"), "w+");
  try {
    await file.truncate(3 << 20);
    const flaky = {
      read: (bytes: Uint8Array, offset: number, length: number, position: number) =>
        position < 1 << 20 ? file.read(bytes, offset, length, position) : Promise.reject(new Error("the disk is gone")),
    } as unknown as FileHandle;
    const chunks = readHandle(flaky, { end: 3 << 20, reuse })[Symbol.asyncIterator]();
    expect((await chunks.next()).value?.length).toBe(1 << 20);
    await Bun.sleep(5);
    await expect(chunks.next()).rejects.toThrow("the disk is gone");
  } finally {
    await file.close();
  }
});
