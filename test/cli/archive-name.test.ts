/** Names and formats of what is written. */
import { expect, test } from "bun:test";
import { nameArchive } from "../../src/cli/archive-name.ts";
import { errorOf } from "../support/thrown.ts";

test.each([
  [undefined, undefined, "saved-images.tar.gz", "gzip"],
  ["", undefined, "saved-images.tar.gz", "gzip"],
  [undefined, "gzip", "saved-images.tar.gz", "gzip"],
  [undefined, "zstd", "saved-images.tar.zstd", "zstd"],
  [undefined, "tar", "saved-images.tar", "tar"],
  [undefined, "dir", "saved-images", "dir"],
  ["a.tar.gz", undefined, "a.tar.gz", "gzip"],
  ["a.tgz", undefined, "a.tgz", "gzip"],
  ["a.tar.zst", undefined, "a.tar.zst", "zstd"],
  ["a.tar.zstd", undefined, "a.tar.zstd", "zstd"],
  ["a.tar", undefined, "a.tar", "tar"],
  ["a.bin", undefined, "a.bin", "gzip"],
  ["bundle", undefined, "bundle.tar.gz", "gzip"],
  ["out/bundle", "zstd", "out/bundle.tar.zstd", "zstd"],
  ["./out/bundle", "zstd", "./out/bundle", "zstd"],
  ["folder/", "dir", "folder", "dir"],
  ["/", "dir", "/", "dir"],
  ["a.tar.gz", "dir", "a.tar.gz", "dir"],
] as const)("-d %p -c %p: %s, %s", (destination, compress, path, format) => {
  expect(nameArchive(destination, compress)).toEqual({ path, format });
});

test.each([
  ["a.tar", "zstd", "zstd", ".tar.zstd"],
  ["a.tgz", "tar", "tar", ".tar"],
  ["a.zip", undefined, "gzip", ".tar.gz"],
  ["a.tar.xz", undefined, "gzip", ".tar.gz"],
  ["a.tar.BZ2", "zstd", "zstd", ".tar.zstd"],
  ["a.txz", undefined, "gzip", ".tar.gz"],
] as const)("-d %p -c %p: %s, and its name says something else", (destination, compress, format, proper) => {
  const warning = `"${destination}" will be ${format} all the same: ${proper} would say so`;
  expect(nameArchive(destination, compress)).toEqual({ path: destination, format, warning });
});

test.each(["rar", "", "toString"])("there is no format %p", async (format) => {
  expect(await errorOf(() => nameArchive("a", format))).toBe(
    `USAGE: Cannot compress with "${format}": there is no such format`,
  );
});

test("a file is not called like a folder", async () => {
  expect(await errorOf(() => nameArchive("out/", undefined))).toBe('USAGE: Cannot write "out/": that is a folder');
});
