import { expect, test } from "bun:test";
import { splitLines } from "../../src/bytes/lines.ts";
import { type Bytes, encode } from "../../src/bytes/stream.ts";

/** The lines of a text that comes in chunks of `size` bytes, whose memory is used again. */
function linesIn(bytes: Bytes, size: number, longest = 100): string[] {
  const found: string[] = [];
  const lines = splitLines(longest, (line) => found.push(line));
  const chunk = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    chunk.set(part);
    lines.push(chunk.subarray(0, part.length));
  }
  lines.end();
  return found;
}

test.each([
  ["", []],
  ["\n", [""]],
  ["a", ["a"]],
  ["a\n", ["a"]],
  ["one\n\ntwö and €\nthree", ["one", "", "twö and €", "three"]],
])("%p is the lines %p, however it is cut", (text, expected) => {
  for (let size = 1; size <= 20; size++) expect(linesIn(encode(text), size)).toEqual([...expected]);
});

test("a line that is too long is refused before its end", () => {
  const long = encode(`short\n${"x".repeat(11)}`);
  for (let size = 1; size <= 20; size++) expect(() => linesIn(long, size, 10)).toThrow(RangeError);
  expect(linesIn(long, 3, 11)).toEqual(["short", "x".repeat(11)]);
});

test("what is not UTF-8 is refused", () => {
  expect(() => linesIn(Uint8Array.of(0xff, 0x0a), 1)).toThrow(TypeError);
});
