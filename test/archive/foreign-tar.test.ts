/** Tars that others wrote, decent ones and hostile ones. */
import { describe, expect, test } from "bun:test";
import { entryNames } from "../../src/archive/entry-names.ts";
import { concat, encode } from "../../src/bytes/stream.ts";
import { textsIn } from "../support/archive-texts.ts";
import { base256, gnuLong, pax, type RawEntry, rawEntry, rawTar } from "../support/raw-tar.ts";
import { errorOf } from "../support/thrown.ts";

const LONG = `${"deep/".repeat(40)}name`;
const FOLDER = "saved-image-cache";

const DECENT: readonly [string, readonly RawEntry[], Record<string, string>][] = [
  ["ustar", [{ name: "a", content: "1" }], { a: "1" }],
  ["a prefix", [{ name: "b", prefix: "a", content: "1" }], { "a/b": "1" }],
  ["no prefix in GNU's headers", [{ name: "b", prefix: "12345", magic: "ustar  \0", content: "1" }], { b: "1" }],
  [
    "names with ./",
    [
      { name: "./", flag: "5" },
      { name: "./a/", flag: "5" },
      { name: "././a/b", content: "1" },
    ],
    { "a/b": "1" },
  ],
  [
    "pax names",
    [pax({ path: LONG, mtime: "1.5" }), { name: "x", content: "1" }, { name: "y", content: "2" }],
    { [LONG]: "1", y: "2" },
  ],
  ["a name that is not ASCII", [pax({ path: "é/ü" }), { name: "x", content: "1" }], { "é/ü": "1" }],
  ["a pax size", [pax({ size: "3" }), { name: "x", content: "123", sizeField: "00000000000\0" }], { x: "123" }],
  [
    "pax records that are no text",
    [pax({ "SCHILY.xattr.user.x": "\0\u0001" }), { name: "x", content: "1" }],
    { x: "1" },
  ],
  ["a global comment", [pax({ comment: "hello" }, "g"), { name: "x", content: "1" }], { x: "1" }],
  ["GNU's long names", [gnuLong("L", LONG), { name: LONG, content: "1", magic: "ustar  \0" }], { [LONG]: "1" }],
  ["base-256 sizes", [{ name: "x", content: "123", sizeField: base256(3) }], { x: "123" }],
  [
    "an old header without a magic number",
    [
      { name: "x", content: "1" },
      { name: "y", content: "2", magic: "" },
    ],
    { x: "1", y: "2" },
  ],
  [
    "symbolic links",
    [
      { name: "d/l", flag: "2", target: "../x" },
      { name: "x", content: "1" },
    ],
    { "d/l": "1", x: "1" },
  ],
  [
    "hard links",
    [
      { name: "x", content: "1" },
      { name: "d/l", flag: "1", target: "./x" },
    ],
    { "d/l": "1", x: "1" },
  ],
  [
    "long link targets",
    [gnuLong("K", LONG), { name: "l", flag: "2" }, pax({ path: LONG }), { name: "x", content: "1" }],
    { l: "1", [LONG]: "1" },
  ],
  [
    "four extended headers, for each entry anew",
    ["x", "y"].flatMap((name) => [
      pax({ comment: "hello" }, "g"),
      gnuLong("K", "x"),
      gnuLong("L", name),
      pax({ mtime: "1.5" }),
      { name: "short", content: "1" },
    ]),
    { x: "1", y: "1" },
  ],
  [
    "a folder that is named twice",
    [
      { name: "d/", flag: "5" },
      { name: "d/x", content: "1" },
      { name: "./d", flag: "5" },
    ],
    { "d/x": "1" },
  ],
  [
    "what was amended at the end",
    [
      { name: `${FOLDER}/saved-images-list.json`, content: "1" },
      { name: `${FOLDER}/index.json`, content: "1" },
      { name: `${FOLDER}/saved-images-list.json`, content: "2" },
      { name: `${FOLDER}/index.json`, content: "2" },
    ],
    { [`${FOLDER}/saved-images-list.json`]: "2", [`${FOLDER}/index.json`]: "2" },
  ],
  ["nothing", [], {}],
];

test.each(DECENT)("reads %s", async (_, entries, texts) => {
  // What is nothing at all begins with an empty block, which no magic number tells from other files.
  const bytes = entries.length === 0 ? rawTar({ name: "./", flag: "5" }) : rawTar(...entries);
  expect(await textsIn(bytes)).toEqual(texts);
});

const LINKS: readonly [string, readonly RawEntry[]][] = [
  ["to itself", [{ name: "l", flag: "2", target: "l" }]],
  [
    "in a loop",
    [
      { name: "l", flag: "2", target: "m" },
      { name: "m", flag: "2", target: "l" },
    ],
  ],
  [
    "over another",
    [
      { name: "l", flag: "2", target: "m" },
      { name: "m", flag: "2", target: "x" },
    ],
  ],
  [
    "to a folder",
    [
      { name: "l", flag: "2", target: "d" },
      { name: "d/", flag: "5" },
    ],
  ],
  ["to nothing", [{ name: "l", flag: "1", target: "no" }]],
];

test.each(LINKS)("a link %s is not there", async (_, entries) => {
  const texts = await textsIn(rawTar({ name: "x", content: "1" }, ...entries));
  expect(Object.keys(texts)).not.toContain("l");
  expect(texts.x).toBe("1");
});

const HOSTILE: readonly [string, readonly RawEntry[]][] = [
  ["..", [{ name: "../x" }]],
  [".. inside", [{ name: "a/../../x" }]],
  [".. inside a pax name", [pax({ path: "a/../x" }), { name: "x" }]],
  [".. inside GNU's long name", [gnuLong("L", "../x"), { name: "x" }]],
  [".. in a prefix", [{ name: "x", prefix: ".." }]],
  ["an absolute name", [{ name: "/etc/passwd" }]],
  ["the root of the machine", [{ name: "/", flag: "5" }]],
  ["a backslash", [{ name: "a\\b" }]],
  ["a drive letter", [{ name: "C:x" }]],
  ["a NUL in a pax name", [pax({ path: "a\0b" }), { name: "x" }]],
  ["a line break", [pax({ path: "a\nb" }), { name: "x" }]],
  ["an empty part", [{ name: "a//b" }]],
  ["a . inside", [{ name: "a/./b" }]],
  ["no name", [{ name: "" }]],
  ["a name of 5,000 bytes", [pax({ path: "x".repeat(5000) }), { name: "x" }]],
  ["a hostile folder", [{ name: "../", flag: "5" }]],
  ["a hostile name of a link", [{ name: "../l", flag: "2", target: "x" }]],
  ["a link to an absolute name", [{ name: "l", flag: "2", target: "/etc/passwd" }]],
  ["a link out of the archive", [{ name: "l", flag: "2", target: "../x" }]],
  ["a link to what the archive lies in", [{ name: "l", flag: "2", target: ".." }]],
  ["a link out of it and back", [{ name: "l", flag: "2", target: "../archive/x" }]],
  ["a link that turns round on its way out", [{ name: "d/l", flag: "2", target: "x/../../../y" }]],
  ["a hard link out of the archive", [{ name: "l", flag: "1", target: "../../etc/passwd" }]],
  ["a hard link to an absolute name", [{ name: "l", flag: "1", target: "/etc/passwd" }]],
  ["a file that comes twice", [{ name: "x" }, { name: "./x" }]],
  ["a folder over a file", [{ name: "x" }, { name: "x/", flag: "5" }]],
  ["a file over a folder", [{ name: "x/", flag: "5" }, { name: "x" }]],
  ["a link in the place of a file", [{ name: "l" }, { name: "l", flag: "2", target: "x" }]],
  ["a file in the place of a link", [{ name: "l", flag: "2", target: "x" }, { name: "l" }]],
  [
    "a link that comes twice",
    [
      { name: "l", flag: "2", target: "x" },
      { name: "l", flag: "2", target: "y" },
    ],
  ],
  ["names that differ by capitals", [{ name: "A/x" }, { name: "a/X" }]],
  ["a name that differs from its lower case", [{ name: "a" }, { name: "A" }]],
  [
    "names that differ by how accents are written",
    [pax({ path: "\u00e9" }), { name: "x" }, pax({ path: "e\u0301" }), { name: "x" }],
  ],
  ["a character device", [{ name: "x", flag: "3" }]],
  ["a block device", [{ name: "x", flag: "4" }]],
  ["a pipe", [{ name: "x", flag: "6" }]],
  ["GNU's sparse file", [{ name: "x", flag: "S" }]],
  ["pax' sparse file", [pax({ "GNU.sparse.major": "1", "GNU.sparse.minor": "0" }), { name: "x" }]],
  ["a multi-volume entry", [{ name: "x", flag: "M" }]],
  ["an unknown type", [{ name: "x", flag: "Z" }]],
  ["a folder with content", [{ name: "x/", flag: "5", content: "1" }]],
  ["a hard link with content", [{ name: "x", flag: "1", target: "y", content: "1" }]],
  ["a negative size", [{ name: "x", sizeField: new Uint8Array(12).fill(0xff) }]],
  ["a huge base-256 size", [{ name: "x", sizeField: new Uint8Array(12).fill(0xfe) }]],
  ["a size of 2^62", [{ name: "x", sizeField: base256(2 ** 62) }]],
  ["a size that is no number", [{ name: "x", sizeField: "12x45678901\0" }]],
  ["an empty size", [{ name: "x", sizeField: new Uint8Array(12) }]],
  ["a negative pax size", [pax({ size: "-1" }), { name: "x" }]],
  ["a pax size of 10^40", [pax({ size: "1".repeat(41) }), { name: "x" }]],
  ["a pax size that is no number", [pax({ size: "0x10" }), { name: "x" }]],
  ["a pax size behind the end", [pax({ size: "999999" }), { name: "x" }]],
  ["a size behind the end", [{ name: "x", sizeField: "00000777777\0" }]],
  ["malformed pax records", [{ name: "p", flag: "x", content: "99 path=x\n" }, { name: "x" }]],
  ["pax records of no length", [{ name: "p", flag: "x", content: "0 path=x\n" }, { name: "x" }]],
  ["pax records without a key", [{ name: "p", flag: "x", content: "5 abc\n" }, { name: "x" }]],
  ["an extended header of 2 MiB", [{ name: "p", flag: "x", content: "x".repeat(2 << 20) }, { name: "x" }]],
  ["a long name of 2 MiB", [gnuLong("L", "x".repeat(2 << 20)), { name: "x" }]],
  ["five extended headers of an entry", [...Array.from({ length: 5 }, () => pax({ mtime: "1" })), { name: "x" }]],
  ["1,001 pax records", [{ name: "p", flag: "x", content: "6 a=b\n".repeat(1001) }, { name: "x" }]],
  ["a global header that renames", [pax({ path: "y" }, "g"), { name: "x" }]],
  ["a global header that resizes", [pax({ size: "1" }, "g"), { name: "x", content: "1" }]],
  ["a wrong checksum", [{ name: "x", off: 1 }]],
];

test.each(HOSTILE)("refuses %s", async (_, entries) => {
  const error = await errorOf(() => textsIn(rawTar({ name: "first", content: "1" }, ...entries)));
  expect(error).toMatch(/^(INTEGRITY|UNSUPPORTED): Cannot read "[^"]+archive": ./);
});

test("says which entry is refused, in one line", async () => {
  const error = await errorOf(() =>
    textsIn(rawTar({ name: "first" }, pax({ path: "a\n\u001b[31m/../b" }), { name: "x" })),
  );
  expect(error).toEndWith('its entry "a\\n\\u001b[31m/../b" is refused: its name is not a plain relative path');
});

describe("the end", () => {
  const whole = rawTar({ name: "a", content: "x".repeat(1000) }, { name: "b", content: "2" });

  test("may be followed by anything", async () => {
    expect(Object.keys(await textsIn(concat([whole, encode("garbage"), rawEntry({ name: "../c" })])))).toEqual([
      "a",
      "b",
    ]);
  });

  test("that comes inside of an entry is an error wherever it comes", async () => {
    for (const length of [513, 700, 1500, 1540, 2047, 2048])
      expect(await errorOf(() => textsIn(whole.slice(0, length)))).toMatch(/^INTEGRITY: Cannot read ".*": /);
  });

  test("that comes without the blocks that should be there is said", async () => {
    const warnings: string[] = [];
    const texts = await textsIn(whole.slice(0, -1024), { onWarning: (message) => warnings.push(message) });
    expect(Object.keys(texts)).toEqual(["a", "b"]);
    expect(warnings).toEqual([expect.stringContaining("may have been cut short")]);
  });
});

test("120,000 entries are the most", () => {
  const names = entryNames("x", () => undefined);
  for (let number = 0; number < 120_000; number++) names.take({ name: "a", type: "file" });
  expect(() => names.take({ name: "a", type: "file" })).toThrow("more than 120000 entries");
});

test("names and targets of links are counted together", () => {
  const names = entryNames("x", () => undefined);
  const link = { name: "n".repeat(1 << 10), type: "symlink", target: "t".repeat(1 << 20) } as const;
  for (let number = 0; number < 23; number++) names.take(link);
  expect(() => names.take(link)).toThrow("all names take too much memory");
});
