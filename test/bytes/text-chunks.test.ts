/** A long text as bytes. */
import { expect, test } from "bun:test";
import { concat, decode } from "../../src/bytes/stream.ts";
import { textChunks } from "../../src/bytes/text-chunks.ts";

const refusal = () => new Error("too long");

test("is all that was added, in order, in chunks that are not small", () => {
  const pieces = Array.from({ length: 50_000 }, (_, at) => `piece ${at} ü\n`);
  const text = textChunks(2e6, refusal);
  for (const piece of pieces) text.add(piece);
  const chunks = text.end();
  expect(decode(concat(chunks))).toBe(pieces.join(""));
  expect(chunks.length).toBeLessThan(20);
});

test("is as long as it may be in bytes, and no longer", () => {
  const text = textChunks(4, refusal);
  text.add("üü");
  expect(concat(text.end())).toHaveLength(4);
  const longer = textChunks(4, refusal);
  longer.add("üü!");
  expect(() => longer.end()).toThrow("too long");
});

test("what is far too long is refused while it is made", () => {
  const text = textChunks(4, refusal);
  expect(() => text.add("x".repeat(1 << 20))).toThrow("too long");
});
