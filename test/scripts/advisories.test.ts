/** The tests that docs/security.md names for each advisory: they are there, under these names. */
import { expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const CASES = "test/registry/scripted/cases";

/** Whether there is a scripted case whose name begins so: `notToAName` is "not to a name", and each() adds its keys. */
async function scriptedCases(): Promise<(name: string) => boolean> {
  const texts = (await readdir(join(ROOT, CASES))).map((file) => readFile(join(ROOT, CASES, file), "utf8"));
  const text = (await Promise.all(texts)).join("");
  const cases = Array.from(text.matchAll(/^export (?:const|(?:async )?function) (\w+)/gm), ([, name]) =>
    name!.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
  );
  return (name) =>
    cases.some(
      (one) => one.startsWith(name) || (name.startsWith(`${one} `) && text.includes(name.slice(one.length + 1))),
    );
}

/** Rows of the table of advisories: its first cell and its tests, a place and the names there. */
async function rows(): Promise<readonly (readonly [string, readonly (readonly [string, readonly string[]])[]])[]> {
  const text = await readFile(join(ROOT, "docs/security.md"), "utf8");
  const table = text.slice(text.indexOf("| advisory |")).split("\n\n", 1)[0]!;
  return table
    .split("\n")
    .slice(2)
    .map((line) => {
      const [, advisory = "", , tests = ""] = line.split(" | ").length === 3 ? ["", ...line.split(" | ")] : [];
      const places = [...tests.matchAll(/`(scripted|test\/[^`]+)`: ("[^"]*"(?:, "[^"]*")*)/g)];
      const named = places.map(([, place, names]) => [place!, names!.slice(1, -1).split('", "')] as const);
      return [advisory, named] as const;
    });
}

test("every advisory has tests, and each of them is there", async () => {
  const isScripted = await scriptedCases();
  const found = await rows();
  expect(found.length).toBeGreaterThan(15);
  for (const [advisory, tests] of found) {
    expect([advisory, tests.length]).not.toEqual([advisory, 0]);
    for (const [place, names] of tests) {
      const text = place === "scripted" ? "" : await readFile(join(ROOT, place), "utf8");
      const missing = names.filter((name) => !(place === "scripted" ? isScripted(name) : text.includes(name)));
      expect({ advisory, place, missing }).toEqual({ advisory, place, missing: [] });
    }
  }
});
