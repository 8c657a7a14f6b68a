/** Archives of every kind and writer, opened by their paths. */
import { describe, expect, test } from "bun:test";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { openContainer, sniffContainer } from "../../src/archive/container.ts";
import { type Bytes, collect, concat, decode, encode } from "../../src/bytes/stream.ts";
import { archiveOf, directoryEntry, fileEntry, noise } from "../support/archive-entries.ts";
import { textsIn } from "../support/archive-texts.ts";
import { rawTar } from "../support/raw-tar.ts";
import { rawZip } from "../support/raw-zip.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { errorOf, thrownBy } from "../support/thrown.ts";

const TEXTS = { a: "1", b: "2".repeat(3000) };
const TAR = rawTar({ name: "a", content: TEXTS.a }, { name: "b", content: TEXTS.b });
const COMPRESSED: readonly [string, Bytes][] = [
  ["gzip", new Uint8Array(gzipSync(TAR))],
  ["gzip of several members", concat([gzip(TAR.slice(0, 700)), gzip(TAR.slice(700, 701)), gzip(TAR.slice(701))])],
  ["zstd", new Uint8Array(zstdCompressSync(TAR))],
  ["zstd of several frames", concat([zstd(TAR.slice(0, 700)), zstd(TAR.slice(700))])],
  ["zstd behind a skippable frame", concat([Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9), zstd(TAR)])],
];

function gzip(bytes: Bytes): Bytes {
  return new Uint8Array(gzipSync(bytes));
}

function zstd(bytes: Bytes): Bytes {
  return new Uint8Array(zstdCompressSync(bytes));
}

test("tells containers by their first bytes", () => {
  expect(sniffContainer(TAR)).toBe("tar");
  expect(sniffContainer(rawZip([{ name: "a" }]))).toBe("zip");
  expect(sniffContainer(rawZip([]))).toBe("zip");
  expect(sniffContainer(gzip(TAR))).toBe("gzip");
  expect(sniffContainer(rawTar({ name: "a", magic: "" }))).toBe("tar");
  expect(sniffContainer(encode("PK"))).toBeUndefined();
  expect(sniffContainer(new Uint8Array(512))).toBeUndefined();
});

describe.each(COMPRESSED)("a tar in %s", (_, bytes) => {
  test("is read", async () => {
    expect(await textsIn(bytes)).toEqual(TEXTS);
  });

  test("is unpacked where it was said, into a file that nobody finds", async () => {
    await using folder = await temporaryFolder();
    const spools: string[] = [];
    const texts = await textsIn(bytes, { spoolFolder: folder.path, onSpool: (_archive, to) => spools.push(to) });
    expect(texts).toEqual(TEXTS);
    expect(spools).toEqual([folder.path]);
    await writeFile(join(folder.path, "archive"), bytes);
    await using tree = await openContainer(join(folder.path, "archive"), { spoolFolder: folder.path });
    expect(await readdir(folder.path)).toEqual(["archive"]);
    expect(decode((await collect(tree.file("b")!.open({ start: 2990 }), 100))!)).toBe("2".repeat(10));
  });

  test("is read from parts, and a part of another size is named", async () => {
    await using folder = await temporaryFolder();
    const size = Math.ceil(bytes.length / 3);
    for (const part of [0, 1, 2])
      await writeFile(join(folder.path, `x.part${part}`), bytes.subarray(part * size, (part + 1) * size));
    await using tree = await openContainer(join(folder.path, "x.part1"), { spoolFolder: folder.path });
    expect([...tree.paths()]).toEqual(["a", "b"]);
    await writeFile(join(folder.path, "x.part1"), "1");
    expect(await errorOf(() => openContainer(join(folder.path, "x"), { spoolFolder: folder.path }))).toMatch(
      /^INTEGRITY: Cannot read ".*x\.part1": it has 1 bytes/,
    );
  });

  test("that is cut short is damaged", async () => {
    expect(await errorOf(() => textsIn(bytes.slice(0, -9)))).toMatch(/^INTEGRITY: Cannot read ".*archive": /);
  });

  test("that unpacks to too much is refused, and leaves nothing", async () => {
    await using folder = await temporaryFolder();
    const bomb =
      bytes[0] === 0x1f
        ? gzip(new Uint8Array([...TAR, ...new Uint8Array(4 << 20)]))
        : zstd(concat([TAR, new Uint8Array(4 << 20)]));
    const error = await thrownBy(() => textsIn(bomb, { spoolFolder: folder.path, spoolLimit: 1 << 20 }));
    expect(error).toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("more than 200 times its size"),
    });
    expect(await readdir(folder.path)).toEqual([]);
  });
});

test("a folder that cannot take the unpacked archive is a matter of --spool-dir", async () => {
  expect(await thrownBy(() => textsIn(gzip(TAR), { spoolFolder: "/dev/null/none" }))).toMatchObject({
    code: "STORAGE",
    message: 'Cannot write "/dev/null/none": its folder is a file',
    hint: expect.stringContaining("--spool-dir"),
  });
});

test("what is compressed and no tar is refused before it is unpacked", async () => {
  const bytes = gzip(concat([encode("hello".repeat(200)), new Uint8Array(1 << 20)]));
  expect(await errorOf(() => textsIn(bytes))).toMatch(/^UNSUPPORTED: .*what is compressed in it is no tar/);
  expect(await errorOf(() => textsIn(gzip(encode("hello"))))).toMatch(/^(UNSUPPORTED|INTEGRITY): /);
});

test("stops where it is told to", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "archive");
  await writeFile(path, gzip(rawTar({ name: "a", content: noise(3 << 20) })));
  const control = new AbortController();
  const opening = openContainer(path, {
    spoolFolder: folder.path,
    signal: control.signal,
    onSpool: () => control.abort(),
  });
  expect(await thrownBy(() => opening)).toBe(control.signal.reason);
});

test.each([
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "xz -d"],
  ["bzip2", [0x42, 0x5a, 0x68, 0x39], "bzip2 -d"],
  ["lz4", [0x04, 0x22, 0x4d, 0x18], "lz4 -d"],
  ["7z", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], "7z x"],
])("says who unpacks %s", async (kind, magic, program) => {
  expect(await thrownBy(() => textsIn(concat([Uint8Array.from(magic), noise(600)])))).toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining(`compressed with ${kind}`),
    hint: expect.stringContaining(program),
  });
});

test.each([
  ["text", encode("hello"), "it is no gzip, zstd, tar or zip file"],
  ["nothing", new Uint8Array(0), "it is empty"],
])("refuses %s", async (_, bytes, reason) => {
  expect(await errorOf(() => textsIn(bytes))).toMatch(new RegExp(`^UNSUPPORTED: .*: ${reason}$`));
});

describe("an archive of ours", () => {
  const entries = [
    directoryEntry("saved-image-cache"),
    directoryEntry("saved-image-cache/.dray"),
    fileEntry("saved-image-cache/a", encode(TEXTS.a)),
    fileEntry("saved-image-cache/b", noise(100_000)),
  ];
  const files = ["saved-image-cache/a", "saved-image-cache/b"];

  test.each(["gzip", "zstd", "tar"] as const)("in %s is read by its index, and nothing is unpacked", async (format) => {
    const bytes = await archiveOf(entries, { format });
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "x"), bytes);
    await using tree = await openContainer(join(folder.path, "x"), { spoolFolder: "/dev/null/none" });
    expect([...tree.paths()]).toEqual(files);
  });

  test("that somebody compressed anew is read like any other", async () => {
    const gzipped = await archiveOf(entries, { format: "gzip" });
    const zstded = await archiveOf(entries, { format: "zstd" });
    const plain = new Uint8Array(gunzipSync(gzipped));
    for (const bytes of [plain, gzip(plain), zstd(plain), gzip(new Uint8Array(zstdDecompressSync(zstded)))]) {
      await using folder = await temporaryFolder();
      await writeFile(join(folder.path, "x"), bytes);
      await using tree = await openContainer(join(folder.path, "x"), { spoolFolder: folder.path });
      expect([...tree.paths()].slice(0, 2)).toEqual(files);
    }
  });

  test.each(["gzip", "zstd", "tar"] as const)(
    "in %s that was cut short is said to be, wherever it ends",
    async (format) => {
      const bytes = await archiveOf(entries, { format });
      for (const length of [bytes.length - 1, bytes.length - 100, bytes.length - 1100, 90_000, 2500])
        expect(await errorOf(() => textsIn(bytes.slice(0, length), { spoolFolder: "/dev/null/none" }))).toMatch(
          /^INTEGRITY: Cannot (?:read|open) ".*archive": it (?:ends|has no Dray index) /,
        );
    },
  );
});
