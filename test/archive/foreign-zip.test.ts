/** Zips that others wrote, decent ones and hostile ones. */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openContainer } from "../../src/archive/container.ts";
import { collect, concat, decode, encode } from "../../src/bytes/stream.ts";
import { prose } from "../support/archive-entries.ts";
import { textsIn } from "../support/archive-texts.ts";
import { type RawZipEntry, type RawZipOptions, rawZip } from "../support/raw-zip.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";

const TEXT = decode(prose(300_000));
const DECENT: readonly [string, readonly RawZipEntry[], RawZipOptions, Record<string, string>][] = [
  [
    "stored entries",
    [
      { name: "a", content: "1" },
      { name: "b/c", content: TEXT },
    ],
    {},
    { a: "1", "b/c": TEXT },
  ],
  ["deflated entries", [{ name: "a", content: TEXT, method: 8 }], {}, { a: TEXT }],
  ["empty entries", [{ name: "a" }, { name: "b", method: 8 }], {}, { a: "", b: "" }],
  ["folders", [{ name: "a/" }, { name: "./a/b", content: "1" }], {}, { "a/b": "1" }],
  ["zip64 at the end", [{ name: "a", content: "1" }], { isLong: true }, { a: "1" }],
  ["zip64 in the entries", [{ name: "a", content: "1", isLong: true }], { isLong: true }, { a: "1" }],
  ["other extra fields", [{ name: "a", content: "1", extra: Uint8Array.of(0x55, 0x54, 1, 0, 7) }], {}, { a: "1" }],
  [
    "a comment with a magic number in it",
    [{ name: "a", content: "1" }],
    { comment: `PK\x05\x06${"x".repeat(40)}` },
    { a: "1" },
  ],
  ["data descriptors, which are not believed", [{ name: "a", content: "1", flags: 8 }], {}, { a: "1" }],
  ["nothing", [], {}, {}],
];

test.each(DECENT)("reads %s", async (_, entries, options, texts) => {
  expect(await textsIn(rawZip(entries, options))).toEqual(texts);
});

test("reads any range, and parts", async () => {
  await using folder = await temporaryFolder();
  const bytes = rawZip([
    { name: "stored", content: TEXT },
    { name: "deflated", content: TEXT, method: 8 },
  ]);
  const half = Math.ceil(bytes.length / 2);
  await writeFile(join(folder.path, "x.zip.part0"), bytes.subarray(0, half));
  await writeFile(join(folder.path, "x.zip.part1"), bytes.subarray(half));
  await using tree = await openContainer(join(folder.path, "x.zip"));
  for (const path of tree.paths())
    for (const [start, end] of [
      [0, 5],
      [1000, 1001],
      [299_990, 300_000],
      [7, 7],
      [0, 300_000],
    ] as const)
      expect(decode((await collect(tree.file(path)!.open({ start, end }), 1 << 20))!)).toBe(TEXT.slice(start, end));
});

const HOSTILE: readonly [string, readonly RawZipEntry[], RawZipOptions?][] = [
  ["..", [{ name: "../a" }]],
  ["an absolute name", [{ name: "/a" }]],
  ["a backslash", [{ name: "a\\b" }]],
  ["a drive letter", [{ name: "C:/a" }]],
  ["a NUL", [{ name: "a\0" }]],
  ["no name", [{ name: "" }]],
  ["names that differ by capitals", [{ name: "a" }, { name: "A" }]],
  ["a name that comes twice", [{ name: "a" }, { name: "a" }]],
  ["a folder over a file", [{ name: "a" }, { name: "a/" }]],
  ["a link", [{ name: "l", content: "a", mode: 0o120777 }]],
  ["a device", [{ name: "a", mode: 0o020666 }]],
  ["encryption", [{ name: "a", content: "1", flags: 1 }]],
  ["another compression", [{ name: "a", content: "1", method: 12 }]],
  ["a wrong CRC", [{ name: "a", content: "1", crc: 7 }]],
  ["a wrong CRC of deflated content", [{ name: "a", content: "1", method: 8, crc: 7 }]],
  ["more than the size says", [{ name: "a", content: TEXT, method: 8, size: TEXT.length - 1 }]],
  ["less than the size says", [{ name: "a", content: TEXT, method: 8, size: TEXT.length + 1 }]],
  ["a stored size that is not its length", [{ name: "a", content: "1", size: 1 << 30 }]],
  ["a size that deflate cannot reach", [{ name: "a", content: "1", method: 8, size: 1 << 30 }]],
  ["a zip64 size of 2^62", [{ name: "a", content: "1", method: 8, size: 2 ** 62, isLong: true }]],
  ["a length behind the end", [{ name: "a", content: "1", size: 5000, length: 5000 }]],
  ["an offset behind the end", [{ name: "a", content: "1", offset: 5000 }]],
  ["an offset of 2^62", [{ name: "a", content: "1", offset: 2 ** 62, isLong: true }]],
  [
    "contents that overlap",
    [
      { name: "a", content: TEXT },
      { name: "b", content: TEXT, offset: 0 },
    ],
  ],
  [
    "content that is another's",
    [
      { name: "a", content: "1" },
      { name: "b", content: "1", localName: "c" },
    ],
  ],
  ["a zip64 size that is missing", [{ name: "a", content: "1", size: 0xffffffff, length: 0xffffffff }]],
  ["a directory behind the end", [{ name: "a" }], { directoryOffset: 5000 }],
  ["a directory that is too long", [{ name: "a" }], { directoryLength: 5000 }],
  ["a directory of 2^40 bytes", [{ name: "a" }], { isLong: true, directoryLength: 2 ** 40 }],
  ["a directory at 2^63", [{ name: "a" }], { isLong: true, directoryOffset: 2 ** 63 }],
  ["a directory that is elsewhere", [{ name: "a" }], { directoryOffset: 3 }],
  ["more entries than there are", [{ name: "a" }], { count: 3 }],
  ["a billion entries", [{ name: "a" }], { isLong: true, count: 2 ** 30 }],
  ["several disks", [{ name: "a" }], { disk: 1 }],
];

test.each(HOSTILE)("refuses %s", async (_, entries, options = {}) => {
  const error = await errorOf(() => textsIn(rawZip([{ name: "first", content: "1" }, ...entries], options)));
  expect(error).toMatch(/^(INTEGRITY|UNSUPPORTED): Cannot read "[^"]+archive": ./);
});

test("refuses what is cut short, or has something else at its end", async () => {
  const bytes = rawZip([{ name: "a", content: TEXT }]);
  for (const length of [bytes.length - 1, bytes.length - 22, 1000, 30])
    expect(await errorOf(() => textsIn(bytes.slice(0, length)))).toMatch(/^INTEGRITY: .*no zip directory at its end/);
  expect(await errorOf(() => textsIn(concat([bytes, encode("x")])))).toMatch(/^INTEGRITY: /);
});
