/** Archives that are larger than any test may write: of zeros, which take no room, and of many small entries. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Format } from "../../src/archive/format.ts";
import type { Output } from "../../src/archive/output.ts";
import { pipedEntries } from "../../src/archive/pipe.ts";
import { archiveIn, openArchive } from "../../src/archive/reader.ts";
import { paddingOf, tarHeader } from "../../src/archive/tar.ts";
import type { Volume } from "../../src/archive/volume.ts";
import { type Entry, writeArchive } from "../../src/archive/writer.ts";
import { type ByteStream, type Bytes, collect } from "../../src/bytes/stream.ts";
import { archiveOf, each, fileEntry, noise } from "../support/archive-entries.ts";
import { rawTar } from "../support/raw-tar.ts";
import { temporaryFolder } from "../support/temporary.ts";

const GIB = 2 ** 30;
/** Beyond what the eleven octal digits of a tar header can say. */
const SIZE = 8 * GIB + 1001;
const CHUNK: Bytes = new Uint8Array(16 << 20);
/** What stands between all the zeros of the large entry, by where it begins: at both ends, and where 32 bits and 33 end. */
const MARKS: ReadonlyMap<number, Bytes> = new Map(
  [0, 4 * GIB - 7, 8 * GIB - 7, SIZE - 20].map((at) => [at, noise(20, at + 1)]),
);

/** Bytes that are kept before and behind what will be looked at. */
const AROUND: number = 2 << 20;
/** More than the heads of blocks make of a byte: 5 for each 65,535 at most. */
const FRAMED = 1.0001;

/** An archive of which only the begin, the end and what is around the marks is kept. */
function pieces(): { readonly output: Output; readonly volume: () => Volume } {
  const kept: { readonly start: number; readonly bytes: Bytes }[] = [];
  let position = 0;
  let last: { readonly start: number; readonly bytes: Bytes }[] = [];
  const isNear = (start: number, end: number): boolean =>
    [...MARKS.keys()].some((at) => start < at * FRAMED + AROUND && end > at - AROUND);
  const output: Output = {
    get position() {
      return position;
    },
    async write(bytes) {
      const one = { start: position, bytes: bytes.slice() };
      position += bytes.length;
      if (isNear(one.start, position)) kept.push(one);
      last = [...last, one].slice(-4);
    },
    async finish() {},
    async [Symbol.asyncDispose]() {},
  };
  async function read(start: number, end: number): Promise<Bytes> {
    const bytes = new Uint8Array(end - start);
    let found = 0;
    for (const one of new Set([...kept, ...last])) {
      const from = Math.max(start, one.start);
      const to = Math.min(end, one.start + one.bytes.length);
      if (from >= to) continue;
      bytes.set(one.bytes.subarray(from - one.start, to - one.start), from - start);
      found += to - from;
    }
    if (found !== bytes.length) throw new Error(`nobody should need all of [${start}, ${end})`);
    return bytes;
  }
  const volume = (): Volume => ({
    name: "x",
    size: position,
    parts: [{ path: "x", start: 0, size: position }],
    read,
    async [Symbol.asyncDispose]() {},
  });
  return { output, volume };
}

async function* large(): ByteStream {
  for (let at = 0; at < SIZE; at += CHUNK.length) {
    let chunk = CHUNK.subarray(0, SIZE - at);
    for (const [from, mark] of MARKS)
      if (from + mark.length > at && from < at + chunk.length) {
        chunk = chunk === CHUNK || chunk.length < CHUNK.length ? chunk.slice() : chunk;
        const cut = Math.max(0, at - from);
        chunk.set(mark.subarray(cut, cut + at + chunk.length - Math.max(at, from)), Math.max(0, from - at));
      }
    yield chunk;
  }
}

test.each<Format>(["gzip", "zstd", "tar"])(
  "an entry over 8 GiB is read back, at any place of it: %s",
  async (format) => {
    const { output, volume } = pieces();
    const entry: Entry = { path: "large", size: SIZE, compressed: true, open: large };
    await writeArchive(each([entry, fileEntry("after", noise(10))]), output, { format });
    await using archive = await archiveIn(volume());
    expect([...archive.paths()]).toEqual(["large", "after"]);
    const file = archive.file("large")!;
    expect(file.size).toBe(SIZE);
    for (const [at, mark] of MARKS) expect(await collect(file.open({ start: at, end: at + 20 }), 20)).toEqual(mark);
    expect(await collect(archive.file("after")!.open(), 10)).toEqual(noise(10));
  },
  60_000,
);

test("an entry over 8 GiB comes out of a pipe, with what stands behind it", async () => {
  async function* tar(): ByteStream {
    yield tarHeader({ path: "large", type: "file", size: SIZE });
    yield* large();
    yield new Uint8Array(paddingOf(SIZE));
    yield rawTar({ name: "after", content: "10 bytes.." });
  }
  const found: [string, number][] = [];
  let marks = 0;
  for await (const { path, size, open } of pipedEntries(tar(), "the pipe")) {
    let read = 0;
    for await (const chunk of open()) {
      for (const [at, mark] of path === "large" ? MARKS : [])
        if (at >= read && at + mark.length <= read + chunk.length) {
          expect(chunk.subarray(at - read, at - read + mark.length)).toEqual(mark);
          marks++;
        }
      read += chunk.length;
    }
    expect(read).toBe(size);
    found.push([path, size]);
  }
  expect(marks).toBeGreaterThanOrEqual(2);
  expect(found).toEqual([
    ["large", SIZE],
    ["after", 10],
  ]);
}, 60_000);

test.each<Format>(["gzip", "zstd", "tar"])(
  "100,000 entries, the names of some longer than 100 bytes: %s",
  async (format) => {
    await using folder = await temporaryFolder();
    const name = (at: number): string => `share/${"n".repeat(at % 130)}${at}`;
    const content = noise(100);
    const entries = Array.from({ length: 100_000 }, (_, at) => fileEntry(name(at), content.subarray(0, at % 100)));
    const path = join(folder.path, "x");
    await Bun.write(path, await archiveOf(entries, { format }));
    await using archive = await openArchive(path);
    expect(archive.entries.length).toBe(100_000);
    for (const at of [0, 99, 54_321, 99_999]) {
      const chunks = await Array.fromAsync(archive.file(name(at))!.open());
      expect(Buffer.concat(chunks)).toEqual(Buffer.from(content.subarray(0, at % 100)));
    }
  },
  60_000,
);
