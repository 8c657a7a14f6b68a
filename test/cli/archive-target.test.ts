/** What save and compress write, from their flags. */
import { describe, expect, test } from "bun:test";
import { mkdir, realpath, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { type ArchiveFlags, describeTarget, parseTarget } from "../../src/cli/archive-target.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";

const stdout = new PassThrough();

function target(
  flags: Partial<ArchiveFlags>,
  out: PassThrough & { isTTY?: boolean } = stdout,
  warnings: string[] = [],
) {
  const onWarning = (message: string): void => void warnings.push(message);
  return parseTarget({ layout: "hangar", part: false, checksum: false, ...flags }, onWarning, out);
}

test("a name is enough", () => {
  expect(target({ destination: "a.tar.zst" })).toEqual({ path: "a.tar.zst", format: "zstd", layout: "hangar" });
});

test.each([
  [{ part: true }, 2 ** 31],
  [{ "part-size": "65536" }, 65_536],
  [{ "part-size": "64k" }, 65_536],
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
  [{ "part-size": "100" }, 'Cannot use "100" as --part-size: a part has 64K at least'],
  [{ "part-size": "65535" }, 'Cannot use "65535" as --part-size: a part has 64K at least'],
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

test("a file is written where a link leads, and the link stays", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  await mkdir(at("disk"));
  await writeFile(at("disk/old.tar"), "");
  await symlink("disk/old.tar", at("link.tar"));
  await symlink("disk/new.tar", at("dangling.tar"));
  await symlink("dangling.tar", at("chain.tar"));
  await symlink("loop.tar", at("loop.tar"));
  const real = await realpath(folder.path);
  for (const [name, path] of [
    ["link.tar", "disk/old.tar"],
    ["dangling.tar", "disk/new.tar"],
    ["chain.tar", "disk/new.tar"],
  ] as const)
    expect(target({ destination: at(name) })).toMatchObject({ path: join(real, path) });
  for (const name of ["disk/old.tar", "none.tar", "none/below.tar"])
    expect(target({ destination: at(name) })).toMatchObject({ path: at(name) });
});

test("what is there and no file is refused before anything is done", async () => {
  await using folder = await temporaryFolder();
  const [below, link] = [join(folder.path, "below.tar"), join(folder.path, "link.tar")];
  await mkdir(below);
  await symlink(below, link);
  for (const path of [".", below, link])
    expect(await errorOf(() => target({ destination: path }))).toBe(`USAGE: Cannot write "${path}": that is a folder`);
  // Without a dot it would get a suffix, and be a file there.
  for (const path of ["/dev/null", "/dev/../dev/null"])
    expect(await errorOf(() => target({ destination: path }))).toBe(
      `USAGE: Cannot write "${path}": it is no regular file`,
    );
});

test("a name that promises another format is told", () => {
  const warnings: string[] = [];
  expect(target({ destination: "a.zip" }, stdout, warnings)).toMatchObject({ path: "a.zip", format: "gzip" });
  target({ destination: "a.tar.gz", compress: "zstd" }, stdout, warnings);
  target({ destination: "a.tgz", compress: "gzip" }, stdout, warnings);
  expect(warnings).toEqual([
    '"a.zip" will be gzip all the same: .tar.gz would say so',
    '"a.tar.gz" will be zstd all the same: .tar.zstd would say so',
  ]);
});

test("what was written is named", () => {
  const archive = { path: "x", format: "gzip" } as const;
  expect(describeTarget(archive, 100)).toBe("wrote x");
  expect(describeTarget({ ...archive, partSize: 100 }, 100)).toBe("wrote x.part0");
  expect(describeTarget({ ...archive, partSize: 100 }, 101)).toBe("wrote x.part0 to .part1");
});
