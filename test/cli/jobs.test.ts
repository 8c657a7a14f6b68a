/** `--jobs`. */
import { expect, test } from "bun:test";
import { parseJobs } from "../../src/cli/jobs.ts";
import { errorOf } from "../support/thrown.ts";

test.each([
  ["1", 1, []],
  ["20", 20, []],
  ["0", 1, ["--jobs is 1: 0 is not between 1 and 20"]],
  ["-5", 1, ["--jobs is 1: -5 is not between 1 and 20"]],
  ["21", 20, ["--jobs is 20: 21 is not between 1 and 20"]],
])("%s is %p", (text, jobs, expected) => {
  const warnings: string[] = [];
  expect(parseJobs(text, (message) => warnings.push(message))).toBe(jobs);
  expect(warnings).toEqual(expected);
});

test.each(["", " ", "x", "1.5", "0x10", "1e1"])("%p is not a number of jobs", async (text) => {
  expect(await errorOf(() => parseJobs(text, () => {}))).toBe(
    `USAGE: Cannot use "${text}" as --jobs: it is not a whole number`,
  );
});
