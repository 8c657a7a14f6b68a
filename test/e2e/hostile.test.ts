/** Hostile archives, given to the product as a process of its own: refused with a reason, in less than 300 MB of memory. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { besideChecksums, FOREIGN, largestHonest, OWN } from "../support/hostile-archives.ts";
import { IMAGES } from "../support/hostile-images.ts";
import { LAYOUTS, READ } from "../support/hostile-layouts.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import type { Ended } from "../support/run.ts";
import { MOST, measured } from "../support/within-memory.ts";

setDefaultTimeout(60_000);

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  ls: ["ls", "archive"],
  verify: ["verify", "archive"],
  load: ["load", "-s", "archive", "--no-tls-verify", "-d"],
  "load --keep-going": ["load", "-s", "archive", "--keep-going", "--no-tls-verify", "-d"],
  "load out of a pipe": ["load", "-s", "-", "--no-tls-verify", "-d"],
  decompress: ["decompress", "-f", "archive"],
  repair: ["repair", "archive"],
};

let place: Workplace;
let registry: TestRegistry;
beforeAll(async () => {
  place = await openWorkplace();
  registry = await startRegistry();
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

/** Runs it, and holds it to its memory. */
async function within(name: string, args: readonly string[] = COMMANDS[name]!): Promise<Ended> {
  const to = args.at(-1) === "-d" ? [registry.host] : [];
  const ended = await measured(place, [...args, ...to]);
  expect(ended.peak).toBeWithin(10e6, MOST);
  return ended;
}

describe.each([...Object.entries(OWN), ...Object.entries(FOREIGN)])("%s", (_, [said, make]) => {
  beforeAll(async () => writeFile(place.file("archive"), await make()));

  test("is refused in one line", async () => {
    const { code, stdout, stderr } = await within("ls");
    expect({ code: [1, 4].includes(code), stdout }).toEqual({ code: true, stdout: "" });
    expect(stderr).toContain(said);
    expect(stderr.split("\n").filter((line) => line.startsWith("dray: "))).toHaveLength(1);
  });
});

describe.each(["an index of one text", "an index of half a million entries", "a list of empty images"])(
  "%s",
  (name) => {
    beforeAll(async () => writeFile(place.file("archive"), await OWN[name]![1]()));

    test.each(Object.keys(COMMANDS))("is refused by %s", async (command) => {
      const { code, stdout, stderr } = await within(command);
      expect(code).not.toBe(0);
      // A pipe is compared with its index alone; what repair cannot read is to be copied again.
      expect(stdout + stderr).toMatch(
        new RegExp(`${OWN[name]![0]}|not the one that its index has|copy again: archive`),
      );
    });
  },
);

describe.each(Object.entries(IMAGES))("images of which it is said: %s", (said, make) => {
  beforeAll(async () => writeFile(place.file("archive"), await make()));

  test.each(["ls", "verify"])("are refused by %s", async (command) => {
    const { code, stdout, stderr } = await within(command);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain(said);
  });
});

describe.each(Object.entries(LAYOUTS))("a layout of others of which it is said: %s", (said, make) => {
  beforeAll(async () => writeFile(place.file("archive"), make()));

  test("is refused", async () => {
    const { code, stdout, stderr } = await within("ls");
    expect({ code: [1, 4].includes(code), stdout }).toEqual({ code: true, stdout: "" });
    expect(stderr).toContain(said);
  });
});

describe.each(Object.entries(READ))("%s", (_, make) => {
  beforeAll(async () => writeFile(place.file("archive"), make()));

  test("are read", async () => {
    expect(await within("ls")).toMatchObject({ stdout: expect.stringContaining("70 images") });
  });
});

test("100,000 entries with names of 120 bytes are read", async () => {
  await writeFile(place.file("archive"), await largestHonest());
  expect(await within("ls")).toMatchObject({
    stdout: "",
    stderr: expect.stringContaining("there are no images in it"),
  });
});

test("a file of checksums that is none is not read", async () => {
  await besideChecksums(place.file("x"), 2 ** 31);
  expect(await within("ls", ["ls", "x"])).toMatchObject({ code: 1, stderr: expect.stringContaining("it is no gzip") });
  expect((await within("verify", ["verify", "x"])).code).not.toBe(0);
});
