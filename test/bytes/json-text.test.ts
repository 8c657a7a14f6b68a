import { expect, test } from "bun:test";
import { jsonText } from "../../src/bytes/json-text.ts";

const VALUES: readonly unknown[] = [
  {
    version: 1,
    list: [{ name: "a", of: { deep: ["x\ny", 'q"'] } }, 2, null, []],
    empty: [],
    nothing: {},
    not: undefined,
  },
  [{ a: 1, b: [] }, "one\nline"],
  { not: undefined },
  [],
  {},
  null,
  "text",
];

test.each(VALUES.map((value) => [value]))("the pieces are what JSON.stringify() makes of it: %j", (value) => {
  expect([...jsonText(value)].join("")).toBe(JSON.stringify(value, null, 2));
});

test("items are asked for one by one", () => {
  const list = [{ name: "a" }, { name: "b" }];
  let asked = 0;
  const items = list.values().map((item) => {
    asked++;
    return item;
  });
  const text = jsonText({ items, end: true });
  expect(text.next().value).toContain("items");
  expect(text.next().value).toContain('"a"');
  expect(asked).toBe(1);
  expect([...jsonText(list.values())].join("")).toBe(JSON.stringify(list, null, 2));
});
