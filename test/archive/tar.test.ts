import { describe, expect, test } from "bun:test";
import { BLOCK, parseTarHeader, type TarEntry, tarHeader } from "../../src/archive/tar.ts";

const NINE_GIB = 9 * 2 ** 30;

describe("tarHeader", () => {
  test.each<[string, TarEntry, number]>([
    ["a file", { path: "saved-image-cache/a.json", type: "file", size: 1234 }, 1],
    ["a directory", { path: "saved-image-cache", type: "directory", size: 0 }, 1],
    ["a link", { path: "saved-image-cache/blobs", type: "link", size: 0, target: "share" }, 1],
    ["a name of 100 bytes", { path: "n".repeat(100), type: "file", size: 0 }, 1],
    ["a name of 101 bytes", { path: "n".repeat(101), type: "file", size: 0 }, 3],
    ["a directory of 100 bytes and its slash", { path: "n".repeat(100), type: "directory", size: 0 }, 3],
    ["a name with spaces, = and umlauts", { path: "a b=c/ü 漢", type: "file", size: 7 }, 3],
    [
      "a name and a target that are long",
      { path: `${"a/".repeat(400)}b`, type: "link", size: 0, target: "t".repeat(900) },
      6,
    ],
    ["one byte less than octal digits hold", { path: "a", type: "file", size: 8 ** 11 - 1 }, 1],
    ["9 GiB", { path: "a", type: "file", size: NINE_GIB }, 3],
    ["the largest size", { path: "a", type: "file", size: Number.MAX_SAFE_INTEGER }, 3],
  ])("%s is read back", (_, entry, blocks) => {
    const header = tarHeader(entry);
    expect(header.length).toBe(blocks * BLOCK);
    expect(parseTarHeader(header)).toEqual(entry);
  });

  test("is deterministic: no owner, no time", () => {
    const text = new TextDecoder().decode(tarHeader({ path: "dir", type: "directory", size: 0 }));
    expect(text.slice(0, 5)).toBe("dir/\0");
    expect(text.slice(100, 136).split("\0")).toEqual(["0000755", "0000000", "0000000", "00000000000", ""]);
    expect(text.slice(136, 148)).toBe("00000000000\0");
    expect(text.slice(148, 157)).toBe("006523\0 5");
    expect(text.slice(257, 265)).toBe("ustar\u000000");
  });

  test.each([
    "",
    "/etc/passwd",
    "../a",
    "a/../b",
    "a//b",
    "./a",
    "a/",
    "a\\b",
    "C:/a",
    "a\0b",
    "a\nb",
    "\ud800",
    "n".repeat(5000),
  ])("refuses the name %j", (path) => {
    expect(() => tarHeader({ path, type: "file", size: 0 })).toThrow(/Cannot archive/);
    expect(() => tarHeader({ path: "a", type: "link", size: 0, target: path })).toThrow(/Cannot archive/);
  });

  test.each([-1, 1.5, Number.NaN, 2 ** 53])("refuses the size %d", (size) => {
    expect(() => tarHeader({ path: "a", type: "file", size })).toThrow(/Cannot archive "a": its size/);
  });
});

describe("parseTarHeader", () => {
  const header = tarHeader({ path: "n".repeat(120), type: "file", size: 1 });

  test("refuses what is no header", () => {
    expect(parseTarHeader(new Uint8Array(0))).toBeUndefined();
    expect(parseTarHeader(new Uint8Array(BLOCK))).toBeUndefined();
    expect(parseTarHeader(header.subarray(0, 2 * BLOCK))).toBeUndefined();
  });

  test("refuses a flipped bit anywhere in a plain header", () => {
    const plain = tarHeader({ path: "a", type: "file", size: 1 });
    const checksum = 148;
    for (let at = 0; at < 345; at++) {
      if (at >= checksum && at < checksum + 8) continue;
      const bad = plain.slice();
      bad[at]! ^= 0x10;
      expect(parseTarHeader(bad)).toBeUndefined();
    }
  });

  test("refuses hostile names in pax records", () => {
    const bytes = header.slice();
    const at = BLOCK + "129 path=".length;
    bytes.set(new TextEncoder().encode("../"), at);
    expect(parseTarHeader(bytes)).toBeUndefined();
  });

  test("refuses pax records that do not end where they say", () => {
    const bytes = header.slice();
    bytes[BLOCK] = "9".charCodeAt(0);
    expect(parseTarHeader(bytes)).toBeUndefined();
  });
});
