/** Archives that are larger than any test may write: what is written is looked at and forgotten. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Format } from "../../src/archive/format.ts";
import type { Output } from "../../src/archive/output.ts";
import { openArchive } from "../../src/archive/reader.ts";
import { parseTarHeader, tarHeader } from "../../src/archive/tar.ts";
import { type Entry, writeArchive } from "../../src/archive/writer.ts";
import type { ByteStream, Bytes } from "../../src/bytes/stream.ts";
import { archiveOf, each, fileEntry, noise } from "../support/archive-entries.ts";
import { temporaryFolder } from "../support/temporary.ts";

const GIB = 2 ** 30;
const SIZE = 9 * GIB + 1;
const CHUNK: Bytes = new Uint8Array(16 << 20);

/** An output that keeps the first and the last bytes only. */
function endsOf(kept: number): Output & { readonly first: Bytes; readonly last: Bytes } {
  let position = 0;
  const first = new Uint8Array(kept);
  let last: Bytes = new Uint8Array(0);
  return {
    first,
    get last() {
      return last;
    },
    get position() {
      return position;
    },
    async write(bytes) {
      if (position < kept) first.set(bytes.subarray(0, kept - position), position);
      last = bytes.slice(-kept);
      position += bytes.length;
    },
    async finish() {},
    async [Symbol.asyncDispose]() {},
  };
}

async function* zeros(size: number): ByteStream {
  for (let at = 0; at < size; at += CHUNK.length) yield CHUNK.subarray(0, size - at);
}

test("an entry of 9 GiB has its size in a pax header, and stands in the index", async () => {
  await using output = endsOf(4096);
  const large: Entry = { path: "large", size: SIZE, compressed: true, open: () => zeros(SIZE) };
  const { bytes } = await writeArchive(each([large, fileEntry("after", noise(10))]), output, { format: "tar" });
  const header = tarHeader({ path: "large", type: "file", size: SIZE });
  expect(output.first.subarray(0, header.length)).toEqual(header);
  expect(parseTarHeader(header)).toEqual({ path: "large", type: "file", size: SIZE });
  expect(bytes).toBeGreaterThan(SIZE);
  const text = new TextDecoder().decode(output.last);
  expect(text).toContain(`"name":"large","offset":0,"length":${header.length + SIZE + 511},"size":${SIZE}`);
}, 60_000);

test.each<Format>(["gzip", "tar"])(
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
