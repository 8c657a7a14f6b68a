/** The index at the end of an archive, in the making. */
import { expect, test } from "bun:test";
import { type Placed, startIndex } from "../../src/archive/contents.ts";
import { MOST_ENTRIES } from "../../src/archive/entry-names.ts";
import { concat, decode } from "../../src/bytes/stream.ts";

const ENTRY: Placed = { path: "a", type: "file", offset: 0, length: 512, size: 0, header: 512, method: "stored" };

test("has a line for each entry", () => {
  const index = startIndex();
  index.add(ENTRY);
  index.add({ ...ENTRY, path: "b", type: "directory" });
  expect(index.entries).toBe(2);
  const lines = decode(concat(index.end())).split("\n");
  expect(lines).toHaveLength(5);
  expect(lines[1]).toBe('{"name":"a","offset":0,"length":512,"size":0,"header":512,"method":"stored"},');
  expect(JSON.parse(lines.join("")).entries).toMatchObject([{ name: "a" }, { name: "b", type: "directory" }]);
});

test("one entry more than are read is refused", () => {
  const index = startIndex();
  for (let count = 0; count < MOST_ENTRIES; count++) index.add(ENTRY);
  expect(() => index.add(ENTRY)).toThrow("it has more entries than are read");
  const lines = decode(concat(index.end())).split("\n");
  expect(lines).toHaveLength(MOST_ENTRIES + 3);
});
