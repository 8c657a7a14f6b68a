/** What the environment says, and that flags come before it. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { destinationRegistry, savedTime, sourceRegistry } from "../../src/cli/environment.ts";
import { errorOf } from "../support/thrown.ts";

const NAMES = ["SOURCE_REGISTRY", "DEST_REGISTRY", "DOCKER_REGISTRY", "SOURCE_DATE_EPOCH"];
let before: Record<string, string | undefined>;
beforeEach(() => {
  before = Object.fromEntries(NAMES.map((name) => [name, process.env[name]]));
  for (const name of NAMES) delete process.env[name];
});
afterEach(() => {
  for (const [name, value] of Object.entries(before))
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
});

test("nobody says anything", () => {
  expect(sourceRegistry(undefined)).toBeUndefined();
  expect(destinationRegistry(undefined)).toBeUndefined();
});

test("the source: flag before SOURCE_REGISTRY", () => {
  process.env.SOURCE_REGISTRY = "env.test/p";
  expect(sourceRegistry(undefined)).toEqual({ registry: "env.test", path: "p" });
  expect(sourceRegistry("")).toEqual({ registry: "env.test", path: "p" });
  expect(sourceRegistry("flag.test")).toEqual({ registry: "flag.test", path: "" });
});

test("the destination: flag before DEST_REGISTRY before DOCKER_REGISTRY", () => {
  process.env.DOCKER_REGISTRY = "docker.test";
  expect(destinationRegistry(undefined)?.registry).toBe("docker.test");
  process.env.DEST_REGISTRY = "dest.test";
  expect(destinationRegistry(undefined)?.registry).toBe("dest.test");
  expect(destinationRegistry("flag.test")?.registry).toBe("flag.test");
});

test("the time: SOURCE_DATE_EPOCH before now", () => {
  process.env.SOURCE_DATE_EPOCH = "1700000000";
  expect(savedTime().toISOString()).toBe("2023-11-14T22:13:20.000Z");
  process.env.SOURCE_DATE_EPOCH = "0";
  expect(savedTime().getTime()).toBe(0);
  delete process.env.SOURCE_DATE_EPOCH;
  expect(savedTime().getTime()).toBeGreaterThan(1_700_000_000_000);
});

test.each(["now", "-1", "1.5", " ", "9007199254740991"])("%p is no time", async (text) => {
  process.env.SOURCE_DATE_EPOCH = text;
  expect(await errorOf(savedTime)).toBe(`USAGE: Cannot use SOURCE_DATE_EPOCH "${text}": it is not a number of seconds`);
});
