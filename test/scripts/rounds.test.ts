/** The arithmetic of the benchmarks: what counts as met, and what a table shows. */
import { expect, test } from "bun:test";
import { inRounds, median, memoryRow, ratioRow, table } from "../../scripts/bench/rounds.ts";
import type { Sample } from "../../scripts/bench/workplace.ts";

function samples(times: Record<string, readonly number[]>): Map<string, Sample[]> {
  return new Map(
    Object.entries(times).map(([name, all]) => [name, all.map((seconds) => ({ seconds, peak: seconds * 1e6 }))]),
  );
}

test("a median is the middle, or the mean of the two in the middle", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([10, 1, 2, 3])).toBe(2.5);
});

test("a ratio is that of the medians, beside those of the pairs", () => {
  const found = samples({ ours: [1, 9, 2], theirs: [4, 4, 4] });
  const row = ratioRow(found, ["ours", "theirs"], { atMost: 0.5 });
  expect(row).toEqual({
    what: "ours : theirs",
    found: "0.50 (2.00 s / 4.00 s; pairs 0.25-2.25)",
    asked: "<= 0.5",
    met: true,
  });
  expect(ratioRow(found, ["ours", "theirs"], { atMost: 0.49 }).met).toBe(false);
});

test("memory is that of the worst round", () => {
  const found = samples({ ours: [100, 260, 100] });
  expect(memoryRow(found, "ours", 250e6)).toMatchObject({ found: "260 MB", met: false });
  expect(memoryRow(found, "ours", 260e6).met).toBe(true);
});

test("sides take turns", async () => {
  const turns: string[] = [];
  const side = (name: string) => ({
    name,
    async run() {
      turns.push(name);
      return { seconds: turns.length, peak: 0 };
    },
  });
  const found = await inRounds(
    [side("a"), side("b")],
    2,
    async () => {},
    () => {},
  );
  expect(turns).toEqual(["a", "b", "a", "b"]);
  expect(found.get("b")!.map(({ seconds }) => seconds)).toEqual([2, 4]);
});

test("a table says what was missed", () => {
  const text = table([
    { what: "a : b", found: "0.5", asked: "<= 1", met: true },
    { what: "memory", found: "300 MB", asked: "<= 250 MB", met: false },
  ]);
  expect(text).toBe(
    ["what    found   asked", "a : b   0.5     <= 1       ok", "memory  300 MB  <= 250 MB  MISSED", ""].join("\n"),
  );
});
