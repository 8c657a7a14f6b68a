import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decompress } from "fzstd";
import type { Format } from "../../src/archive/format.ts";
import { type Archive, openArchive } from "../../src/archive/reader.ts";
import type { Entry } from "../../src/archive/writer.ts";
import { type Bytes, collect } from "../../src/bytes/stream.ts";
import { archiveOf, directoryEntry, fileEntry, linkEntry, noise, prose } from "../support/archive-entries.ts";
import { temporaryFolder } from "../support/temporary.ts";

const FORMATS: readonly Format[] = ["gzip", "zstd", "tar"];
const MIB = 1 << 20;
const SIZES = [
  0,
  1,
  511,
  512,
  513,
  65_023,
  65_534,
  65_535,
  65_536,
  131_071,
  131_072,
  131_073,
  MIB - 512,
  MIB - 1,
  MIB,
  MIB + 1,
  3 * MIB + 7,
];

async function opened<T>(bytes: Bytes, work: (archive: Archive) => Promise<T>): Promise<T> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "archive");
  await writeFile(path, bytes);
  await using archive = await openArchive(path);
  return await work(archive);
}

async function contentOf(archive: Archive, path: string, range = {}): Promise<Bytes | undefined> {
  const file = archive.file(path);
  return file && collect(file.open(range), 1 << 30);
}

function same(one: Bytes | undefined, other: Bytes): boolean {
  return one !== undefined && Buffer.compare(one, other) === 0;
}

describe.each(FORMATS)("%s", (format) => {
  const contents = new Map<string, Bytes>();
  const entries: Entry[] = [directoryEntry("d"), linkEntry("blobs", "d")];
  for (const size of SIZES) {
    contents.set(`d/noise-${size}`, noise(size, size));
    contents.set(`d/prose-${size}`, prose(size));
    contents.set(`d/stored-${size}`, prose(size));
  }
  contents.set(`d/${"long".repeat(50)}`, prose(99));
  for (const [path, bytes] of contents)
    entries.push(fileEntry(path, bytes, { compressed: path.startsWith("d/stored") }));

  test("what was written is read, whatever its size and kind", async () => {
    await opened(await archiveOf(entries, { format }), async (archive) => {
      expect(archive.format).toBe(format);
      expect([...archive.paths()]).toEqual([...contents.keys()]);
      for (const [path, bytes] of contents) {
        expect(archive.file(path)?.size).toBe(bytes.length);
        expect(same(await contentOf(archive, path), bytes)).toBe(true);
      }
      expect(archive.file("d")).toBeUndefined();
      expect(archive.file("blobs")).toBeUndefined();
      expect(archive.entries.slice(0, 2)).toMatchObject([
        { path: "d", type: "directory" },
        { path: "blobs", type: "link", target: "d" },
      ]);
    });
  });

  test("any range is read, by many at once", async () => {
    let state = 7;
    const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    await opened(await archiveOf(entries, { format }), async (archive) => {
      const ranges = Array.from({ length: 300 }, () => {
        const path = [...contents.keys()][random(contents.size)]!;
        const size = contents.get(path)!.length;
        const start = random(size + 1);
        return { path, start, end: start + random(size - start + 1) };
      });
      const boundaries = [65_023, 65_535, 130_560, 131_072, MIB - 512, MIB].flatMap((at) =>
        ["noise", "prose", "stored"].map((kind) => ({ path: `d/${kind}-${3 * MIB + 7}`, start: at - 1, end: at + 1 })),
      );
      await Promise.all(
        [...ranges, ...boundaries].map(async ({ path, start, end }) => {
          const found = await contentOf(archive, path, { start, end });
          if (!same(found, contents.get(path)!.subarray(start, end))) throw new Error(`${path} [${start}, ${end})`);
        }),
      );
      expect(await contentOf(archive, `d/prose-${MIB}`, { start: MIB })).toEqual(new Uint8Array(0));
      expect(await contentOf(archive, "d/prose-1", { start: 0, end: 0 })).toEqual(new Uint8Array(0));
    });
  });

  test("what does not shrink is stored, what does is packed", async () => {
    await opened(await archiveOf(entries, { format }), async ({ entries: all }) => {
      const method = (path: string) => all.find((one) => one.path === path)?.method;
      const [noisy, packed, stored] = [`d/noise-${MIB}`, `d/prose-${MIB}`, `d/stored-${MIB}`].map(method);
      expect([noisy, packed, stored]).toEqual(
        format === "tar" ? ["raw", "raw", "raw"] : ["stored", "packed", "stored"],
      );
      const large = all.find((one) => one.path === `d/prose-${3 * MIB + 7}`);
      expect(large?.members?.length).toBe(format === "tar" ? undefined : 4);
    });
  });

  test("of what was amended the last is seen", async () => {
    const path = "saved-image-cache/index.json";
    const twice = [fileEntry(path, prose(10)), fileEntry("b", prose(20)), fileEntry(path, prose(30))];
    await opened(await archiveOf(twice, { format }), async (archive) => {
      expect([...archive.paths()].sort()).toEqual(["b", path]);
      expect(await contentOf(archive, path)).toEqual(prose(30));
      expect(archive.entries.length).toBe(3);
    });
  });

  test.each([
    ["a file over a file", [fileEntry("a", prose(10)), fileEntry("a", prose(30))]],
    ["a folder over a file", [fileEntry("a", prose(10)), directoryEntry("a")]],
  ])("of anything else nothing comes twice: %s", async (_, entries) => {
    const bytes = await archiveOf(entries, { format });
    await expect(opened(bytes, async () => {})).rejects.toThrow('its entry "a" is refused: it is there twice');
  });

  test("an archive of nothing is an archive", async () => {
    await opened(await archiveOf([], { format }), async (archive) => expect([...archive.paths()]).toEqual([]));
  });

  test("a reader that is told to stop does", async () => {
    await opened(await archiveOf(entries, { format }), async (archive) => {
      for (const path of [`d/prose-${MIB}`, `d/stored-${MIB}`]) {
        const stream = archive.file(path)!.open({ signal: AbortSignal.abort(new Error("enough")) });
        await expect(collect(stream, MIB)).rejects.toThrow("enough");
      }
    });
  });
});

test("stored bytes beyond one zstd frame are found in the next", async () => {
  const size = 65 * MIB;
  const block = noise(MIB);
  const open = async function* () {
    for (let at = 0; at < 65; at++) yield block;
  };
  await opened(
    await archiveOf([{ path: "large", size, compressed: true, open }], { format: "zstd" }),
    async (archive) => {
      const start = 64 * MIB - 512 - 3;
      const found = await contentOf(archive, "large", { start, end: start + 10 });
      expect(found).toEqual(block.slice(MIB - 515, MIB - 505));
      let read = 0;
      for await (const chunk of archive.file("large")!.open()) read += chunk.length;
      expect(read).toBe(size);
    },
  );
});

test("another decoder understands our zstd frames", async () => {
  const entries = [fileEntry("a", prose(200_000)), fileEntry("b", noise(300_000), { compressed: true })];
  const plain = decompress(await archiveOf(entries, { format: "zstd" }));
  expect(same(plain.subarray(512, 512 + 200_000) as Bytes, prose(200_000))).toBe(true);
  const second = 512 + 200_192 + 512;
  expect(same(plain.subarray(second, second + 300_000) as Bytes, noise(300_000))).toBe(true);
});

test("no zstd frame is single-segment", async () => {
  const bytes = await archiveOf([fileEntry("a", prose(100)), fileEntry("b", noise(100), { compressed: true })], {
    format: "zstd",
  });
  await opened(bytes, async ({ entries }) => {
    for (const { offset } of entries) {
      expect([...bytes.subarray(offset, offset + 4)]).toEqual([0x28, 0xb5, 0x2f, 0xfd]);
      expect(bytes[offset + 4]! & 0x20).toBe(0);
    }
  });
});
