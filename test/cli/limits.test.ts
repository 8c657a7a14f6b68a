/** The flags that hold a run back. */
import { expect, test } from "bun:test";
import { parseLimits } from "../../src/cli/limits.ts";

test("what is not given is not limited, but for a host as for the run", () => {
  expect(parseLimits({}, 4)).toEqual({ perHost: 4, rps: undefined, rate: undefined, hubReserve: undefined });
});

test("numbers and sizes", () => {
  const flags = { "per-host": "2", rps: "0.5", rate: "1.5M", "hub-reserve": "0" };
  expect(parseLimits(flags, 4)).toEqual({ perHost: 2, rps: 0.5, rate: 1_572_864, hubReserve: 0 });
});

test.each([
  [{ "per-host": "0" }, 'Cannot use "0" as --per-host: it is not a whole number from 1 to 100'],
  [{ "per-host": "1.5" }, 'Cannot use "1.5" as --per-host: it is not a whole number from 1 to 100'],
  [{ "per-host": "" }, 'Cannot use "" as --per-host: it is not a whole number from 1 to 100'],
  [{ rps: "0" }, 'Cannot use "0" as --rps: it is not a number from 0.001 to 10000'],
  [{ rps: "fast" }, 'Cannot use "fast" as --rps: it is not a number from 0.001 to 10000'],
  [{ rate: "50 apples" }, 'Cannot use "50 apples" as --rate: it is not a size of at least 1K, such as 500K or 50M'],
  [{ rate: "12" }, 'Cannot use "12" as --rate: it is not a size of at least 1K, such as 500K or 50M'],
  [{ "hub-reserve": "-1" }, 'Cannot use "-1" as --hub-reserve: it is not a whole number from 0 to 1000000'],
])("%j is refused", (flags, message) => {
  expect(() => parseLimits(flags, 4)).toThrow(message);
});
