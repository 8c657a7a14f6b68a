import { expect, test } from "bun:test";
import { sniffFormat } from "../../src/archive/format.ts";
import { tarHeader } from "../../src/archive/tar.ts";
import { encode } from "../../src/bytes/stream.ts";

test("formats are told by their magic", () => {
  expect(sniffFormat(Uint8Array.of(0x1f, 0x8b, 8, 0))).toBe("gzip");
  expect(sniffFormat(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd))).toBe("zstd");
  expect(sniffFormat(Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0))).toBe("zstd");
  expect(sniffFormat(tarHeader({ path: "a", type: "file", size: 1 }))).toBe("tar");
});

test("anything else has no format", () => {
  expect(sniffFormat(new Uint8Array(0))).toBeUndefined();
  expect(sniffFormat(Uint8Array.of(0x1f))).toBeUndefined();
  expect(sniffFormat(encode("PK\u0003\u0004"))).toBeUndefined();
  expect(sniffFormat(new Uint8Array(512))).toBeUndefined();
});
