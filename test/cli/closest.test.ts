/** What somebody meant. */
import { expect, test } from "bun:test";
import { closest } from "../../src/cli/closest.ts";

const NAMES = ["save", "load", "mirror", "sync", "ls", "auth", "jobs", "tls-verify"];

test.each([
  ["sav", "save"],
  ["laod", "load"],
  ["SAVE", "save"],
  ["jsob", "jobs"],
  ["tsl-verify", "tls-verify"],
  ["list", "ls"],
  ["asve", "save"],
  ["push", undefined],
  ["l", undefined],
  ["constructor", undefined],
])("%p: %p", (spelt, meant) => {
  expect(closest(spelt, NAMES)).toBe(meant);
});
