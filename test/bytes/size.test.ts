/** Byte counts as people read and write them. */
import { expect, test } from "bun:test";
import { formatSize, parseSize } from "../../src/bytes/size.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "0.98 KiB"],
  [1024, "1.00 KiB"],
  [12_800, "12.5 KiB"],
  [1_500_000, "1.43 MiB"],
  [700 * 2 ** 20, "700 MiB"],
  [1.5 * 2 ** 30, "1.50 GiB"],
  [5000 * 2 ** 40, "5000 TiB"],
])("%p bytes are %s", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

test.each([
  ["0", 0],
  ["4096", 4096],
  ["17B", 17],
  ["500K", 500 << 10],
  ["500k", 500 << 10],
  ["50M", 50 << 20],
  ["1.5M", 1.5 * 2 ** 20],
  [" 1.50 GiB ", 1.5 * 2 ** 30],
  ["2TB", 2e12],
  ["1.5kb", 1500],
])("%p is %p bytes", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each([
  "",
  "M",
  "-1",
  "1e6",
  "0x10",
  "1,5M",
  "5 0M",
  "1.M",
  "50Mb/s",
  "9999999T",
  "NaN",
  "Infinity",
  "1PiB",
  "1iB",
])("%p is no size", (text) => {
  expect(parseSize(text)).toBeUndefined();
});
