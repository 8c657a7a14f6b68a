import { expect, test } from "bun:test";
import { decode } from "../../src/bytes/stream.ts";
import { formatDocument } from "../../src/layout/document.ts";

const VALUES: readonly unknown[] = [
  { version: 1, list: [{ name: "a", of: { deep: ["x\ny", 'q"'] } }, 2, null, []], empty: [], nothing: {} },
  [{ a: 1, b: [] }, "one\nline"],
  [],
];

test.each(VALUES.map((value) => [value]))("a document is what JSON.stringify() makes of it: %j", (value) => {
  expect(decode(formatDocument("x", value))).toBe(JSON.stringify(value, null, 2));
});

test("items are asked for one by one", () => {
  const list = [{ name: "a" }, { name: "b" }];
  const fields = { list: list.values().map((item) => item), end: true };
  expect(decode(formatDocument("x", fields))).toBe(JSON.stringify({ list, end: true }, null, 2));
});

test("what would not be read is not written, nor made", () => {
  let made = 0;
  function* items() {
    for (; ; made++) yield "x".repeat(1 << 20);
  }
  expect(() => formatDocument("index.json", { items: items() })).toThrow("it would be larger than 20971520 bytes");
  expect(made).toBeLessThan(25);
});
