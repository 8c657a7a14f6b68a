/** What save and compress write, from their flags. */
import { describe, expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import { type ArchiveFlags, describeTarget, parseTarget } from "../../src/cli/archive-target.ts";
import { errorOf } from "../support/thrown.ts";

const stdout = new PassThrough();

function target(flags: Partial<ArchiveFlags>, out: PassThrough & { isTTY?: boolean } = stdout) {
  return parseTarget({ layout: "hangar", part: false, checksum: false, ...flags }, out);
}

test("a name is enough", () => {
  expect(target({ destination: "a.tar.zst" })).toEqual({ path: "a.tar.zst", format: "zstd", layout: "hangar" });
});

test.each([
  [{ part: true }, 2 ** 31],
  [{ "part-size": "40960" }, 40_960],
  [{ "part-size": "40k" }, 40_960],
  [{ "part-size": "700M", part: true }, 700 * 2 ** 20],
  [{ "part-size": "1.5G" }, 1.5 * 2 ** 30],
  [{ "part-size": "4GiB" }, 2 ** 32],
  [{ "part-size": "1T" }, 2 ** 40],
  [{ "part-size": "0", part: true }, undefined],
  [{}, undefined],
] as const)("%j: parts of %p bytes", (flags, partSize) => {
  expect(target(flags)).toMatchObject({ partSize });
});

test("checksums and levels are passed on", () => {
  expect(target({ checksum: true, level: "9" })).toMatchObject({ checksum: true, level: 9 });
  expect(target({ compress: "zstd", level: "22" })).toMatchObject({ format: "zstd", level: 22 });
});

test.each([
  ["bundle", undefined, "bundle.tar", "tar"],
  ["bundle.tar.gz", undefined, "bundle.tar.gz", "gzip"],
  [undefined, undefined, "saved-images.tar", "tar"],
  ["x", "zstd", "x.tar.zstd", "zstd"],
] as const)(
  "an OCI layout is not compressed unless that is asked for: -d %p -c %p",
  (destination, compress, path, format) => {
    expect(target({ layout: "oci", destination, compress })).toMatchObject({ layout: "oci", path, format });
  },
);

describe("standard output", () => {
  test("is a stream in the format asked for", () => {
    const found = target({ destination: "-", compress: "zstd" });
    expect(found).toMatchObject({ path: "standard output", format: "zstd", stream: stdout });
    expect(target({ destination: "-" })).toMatchObject({ format: "gzip" });
    expect(target({ destination: "./-" })).toMatchObject({ path: "./-", stream: undefined });
  });

  test.each([
    [{ part: true }, "parts and checksums are files"],
    [{ "part-size": "1M" }, "parts and checksums are files"],
    [{ checksum: true }, "parts and checksums are files"],
    [{ compress: "dir" }, "a folder cannot go there"],
  ] as const)("does not take %j", async (flags, reason) => {
    const message = `USAGE: Cannot write to standard output: ${reason}`;
    expect(await errorOf(() => target({ destination: "-", ...flags }))).toBe(message);
  });

  test("is no terminal", async () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true });
    const message = "USAGE: Cannot write to standard output: it is a terminal";
    expect(await errorOf(() => target({ destination: "-" }, terminal))).toBe(message);
    expect(target({ destination: "file" }, terminal)).toMatchObject({ path: "file.tar.gz" });
  });
});

test.each<[Partial<ArchiveFlags>, string]>([
  [{ "part-size": "huge" }, 'Cannot use "huge" as --part-size: it is no size'],
  [{ "part-size": "-1" }, 'Cannot use "-1" as --part-size: it is no size'],
  [{ level: "0" }, 'Cannot use "0" as --level: it is not a whole number from 1 to 9'],
  [{ level: "10" }, 'Cannot use "10" as --level: it is not a whole number from 1 to 9'],
  [{ level: "23", compress: "zstd" }, 'Cannot use "23" as --level: it is not a whole number from 1 to 22'],
  [{ level: "best" }, 'Cannot use "best" as --level: it is not a whole number from 1 to 9'],
  [{ level: "1", compress: "tar" }, "Cannot use --level: plain tar is not compressed"],
  [{ layout: "docker" }, 'Cannot write layout "docker": there is no such one'],
  [{ compress: "dir", part: true }, 'Cannot use --part with "-c dir": a folder is no archive'],
  [{ compress: "dir", checksum: true }, 'Cannot use --checksum with "-c dir": a folder is no archive'],
  [{ compress: "dir", level: "3" }, 'Cannot use --level with "-c dir": a folder is no archive'],
  [{ compress: "dir", layout: "oci" }, 'Cannot use --layout oci with "-c dir": a folder is no archive'],
])("%j is refused", async (flags, message) => {
  expect(await errorOf(() => target(flags))).toBe(`USAGE: ${message}`);
});

test("what was written is named", () => {
  const archive = { path: "x", format: "gzip" } as const;
  expect(describeTarget(archive, 100)).toBe("wrote x");
  expect(describeTarget({ ...archive, partSize: 100 }, 100)).toBe("wrote x.part0");
  expect(describeTarget({ ...archive, partSize: 100 }, 101)).toBe("wrote x.part0 to .part1");
});
