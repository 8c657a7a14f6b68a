/** Byte counts as people read them. */
import { expect, test } from "bun:test";
import { formatSize } from "../../src/bytes/size.ts";

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
