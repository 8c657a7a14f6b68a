/** Long results, written piece by piece. */
import { expect, test } from "bun:test";
import { jsonArray } from "../../src/cli/result.ts";

test.each([[[]], [[1]], [[{ a: [1, "x\ny"], b: {} }, [], null, "two"]]])(
  "an array is what JSON.stringify makes of it: %j",
  (items) => {
    expect([...jsonArray(items)].join("")).toBe(JSON.stringify(items, null, 2));
    const inside = `{\n  "items": ${[...jsonArray(items, "  ")].join("")}\n}`;
    expect(inside).toBe(JSON.stringify({ items }, null, 2));
  },
);
