/** Command lines of Dray, Hangar and image-tools as flags. */
import { describe, expect, test } from "bun:test";
import { parseFlags } from "../../src/cli/flags.ts";
import { AppError } from "../../src/errors.ts";
import { errorOf } from "../support/thrown.ts";

const FLAGS = {
  file: { type: "string", alias: "f" },
  failed: { type: "string", alias: "o", default: "save-failed.txt" },
  destination: { type: "string", alias: ["d", "D"] as string[] },
  source: { type: "string", alias: "s" },
  jobs: { type: "string", alias: "j", default: "6" },
  compress: { type: "string", alias: "c" },
  "no-arch-os-fail": { type: "boolean" },
  "tls-verify": { type: "boolean", default: true },
  debug: { type: "boolean" },
} as const;

function parsed(...argv: string[]): Record<string, unknown> {
  const { file, destination, source, compress, ...rest } = parseFlags(FLAGS, argv, "save");
  return Object.fromEntries(
    Object.entries({ file, destination, source, compress, ...rest }).filter(([, value]) => value !== undefined),
  );
}

const DEFAULTS = { failed: "save-failed.txt", jobs: "6", "no-arch-os-fail": false, "tls-verify": true, debug: false };

test.each([
  [[], {}],
  [["--file", "a"], { file: "a" }],
  [["--file=a=b"], { file: "a=b" }],
  [["--file="], { file: "" }],
  [["--failed="], {}],
  [["-j", "9", "-j", "", "-o", ""], {}],
  [["-f", "a"], { file: "a" }],
  [["-fa"], { file: "a" }],
  [["-f=a"], { file: "a" }],
  [["-f./a-b_c"], { file: "./a-b_c" }],
  [["-f", "-"], { file: "-" }],
  [["-j10"], { jobs: "10" }],
  [["-j", "-1"], { jobs: "-1" }],
  [["-file", "a"], { file: "a" }],
  [["-compress=zstd"], { compress: "zstd" }],
  [["-D", "x"], { destination: "x" }],
  [["-f", "a", "--file", "b"], { file: "b" }],
  [["--output", "x"], { failed: "x" }],
  [["--dest=x", "--src", "y"], { destination: "x", source: "y" }],
  [["--out", "x"], { destination: "x" }],
  [["--no-arch-os-fail"], { "no-arch-os-fail": true }],
  [["--no-arch-os-fail=false"], { "no-arch-os-fail": false }],
  [["--debug", "--debug=f"], { debug: false }],
  [["-debug"], { debug: true }],
  [["--tls-verify=false"], { "tls-verify": false }],
  [["--no-tls-verify"], { "tls-verify": false }],
  [["-no-tls-verify", "--tls-verify=1"], { "tls-verify": true }],
  [["--debug=YES"], { debug: true }],
] as const)("%p", (argv, found) => {
  expect(parsed(...argv)).toEqual({ ...DEFAULTS, ...found });
});

describe("is refused", () => {
  test.each([
    [
      "an unknown flag",
      ["--fiel", "x"],
      'Cannot understand "--fiel": dray save has no such flag',
      "did you mean --file?",
    ],
    [
      "a flag that is like none",
      ["--zzzzzz"],
      'Cannot understand "--zzzzzz": dray save has no such flag',
      "dray save --help lists the flags",
    ],
    [
      "an unknown letter",
      ["-z"],
      'Cannot understand "-z": dray save has no such flag',
      "dray save --help lists the flags",
    ],
    [
      "an argument",
      ["list.txt"],
      'Cannot understand "list.txt": dray save has no such argument',
      "dray save --help lists the flags",
    ],
    ["a lone dash", ["-"], 'Cannot understand "-": dray save has no such flag', "dray save --help lists the flags"],
    [
      "the end of flags",
      ["--"],
      'Cannot understand "--": dray save has no such flag',
      "dray save --help lists the flags",
    ],
    [
      "a letter with two dashes",
      ["--f", "x"],
      'Cannot understand "--f": dray save has no such flag',
      "dray save --help lists the flags",
    ],
    [
      "a negation of what is off",
      ["--no-debug"],
      'Cannot understand "--no-debug": dray save has no such flag',
      "dray save --help lists the flags",
    ],
    [
      "what every object has",
      ["--toString"],
      'Cannot understand "--toString": dray save has no such flag',
      "dray save --help lists the flags",
    ],
    [
      "a flag without its value",
      ["--file"],
      'Cannot read "--file": it needs a value',
      "dray save --help lists the flags",
    ],
    [
      "a letter without its value",
      ["-d", "x", "-f"],
      'Cannot read "-f": it needs a value',
      "dray save --help lists the flags",
    ],
    [
      "a switch that is neither on nor off",
      ["--debug=2"],
      'Cannot read "--debug=2": expected true or false',
      undefined,
    ],
  ] as const)("%s", (_, argv, message, hint) => {
    let error: unknown;
    try {
      parseFlags(FLAGS, argv, "save");
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: "USAGE", message });
    expect((error as AppError).hint).toBe(hint as string);
  });
});

describe("arguments", () => {
  const ONE = { registry: { type: "positional" }, ...FLAGS } as const;
  const MANY = {
    registry: { type: "positional" },
    "image...": { type: "positional", required: false },
    ...FLAGS,
  } as const;
  const MAYBE = { registry: { type: "positional", required: false }, debug: { type: "boolean" } } as const;

  test("stand between flags", () => {
    const flags = parseFlags(ONE, ["--debug", "r.example", "-f", "list"], "login");
    expect(flags).toMatchObject({ registry: "r.example", debug: true, file: "list" });
    const { registry }: { readonly registry: string } = flags;
    expect(registry).toBe("r.example");
  });

  test("may be as many as there are, or none", () => {
    const { registry, "image...": images } = parseFlags(MANY, ["r.example", "a", "--debug", "b"], "auth");
    expect([registry, images]).toEqual(["r.example", ["a", "b"]]);
    expect(parseFlags(MANY, ["r.example"], "auth")["image..."]).toEqual([]);
    expect(parseFlags(MAYBE, [], "logout").registry).toBeUndefined();
    expect(parseFlags(ONE, ["-"], "login").registry).toBe("-");
  });

  test.each([
    ["too many", ["a", "b"], 'Cannot understand "b": dray login has no such argument'],
    ["too few", ["--debug"], "Cannot run login: it needs REGISTRY"],
    ["given as flags", ["--registry", "a"], 'Cannot understand "--registry": dray login has no such flag'],
  ])("%s are refused", async (_, argv, message) => {
    expect(await errorOf(() => parseFlags(ONE, argv, "login"))).toBe(`USAGE: ${message}`);
  });
});

test("a flag that is multiple has all its values, in their order", () => {
  const flags = { source: { type: "string", alias: "s", multiple: true }, debug: { type: "boolean" } } as const;
  expect(parseFlags(flags, [], "load")).toEqual({ source: [], debug: false });
  const argv = ["-s", "a", "--source=b", "--debug", "-sc", "--source", "-"];
  expect(parseFlags(flags, argv, "load")).toEqual({ source: ["a", "b", "c", "-"], debug: true });
});

test("arguments that take all that are left are needed, unless they are not", async () => {
  const needed = { "archive...": { type: "positional" } } as const;
  expect(parseFlags(needed, ["a", "b"], "ls")).toEqual({ "archive...": ["a", "b"] });
  expect(await errorOf(() => parseFlags(needed, [], "ls"))).toBe("USAGE: Cannot run ls: it needs ARCHIVE");
  expect(parseFlags({ "name...": { type: "positional", required: false } } as const, [], "auth")).toEqual({
    "name...": [],
  });
});
