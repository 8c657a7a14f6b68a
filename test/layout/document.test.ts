import { expect, test } from "bun:test";
import { formatDocument } from "../../src/layout/document.ts";

test("what would not be read is not written, nor made", () => {
  let made = 0;
  function* items() {
    for (; ; made++) yield "x".repeat(1 << 20);
  }
  expect(() => formatDocument("index.json", { items: items() })).toThrow("it would be larger than 20971520 bytes");
  expect(made).toBeLessThan(25);
});
