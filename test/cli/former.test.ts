/** What Hangar and image-tools have and Dray has not: what becomes of it, and that docs/former.md says the same. */
import { describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ArgsDef, CommandDef } from "citty";
import { parseFlags } from "../../src/cli/flags.ts";
import { FORMER_COMMANDS, FORMER_FLAGS, formerArgument, formerCommand, formerFlag } from "../../src/cli/former.ts";
import { AppError } from "../../src/errors.ts";

const ROOT = dirname(dirname(import.meta.dirname));
const TEXT = await readFile(join(ROOT, "docs/former.md"), "utf8");

const FLAGS = {
  source: { type: "string", alias: "s" },
  destination: { type: "string", alias: "d" },
  jobs: { type: "string", alias: "j" },
} as const;

function read(argv: readonly string[], command = "load"): { flags: object; warnings: string[] } {
  const warnings: string[] = [];
  const flags = parseFlags(FLAGS, argv, command, (message) => warnings.push(message));
  return { flags, warnings };
}

function refusal(argv: readonly string[], command: string): unknown {
  try {
    read(argv, command);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("a flag that scripts may go on giving", () => {
  const projects = "does nothing: Dray makes no Harbor projects: create them first";

  test.each([
    [["--repo-type=harbor", "-j", "3"], [`--repo-type ${projects}`]],
    [["-repo-type", "harbor", "-j", "3"], [`-repo-type ${projects}`]],
    [["--harbor-https", "-j", "3"], [`--harbor-https ${projects}`]],
    [["-harbor-https=false", "-j", "3"], [`-harbor-https ${projects}`]],
    [["-j", "3", "-y"], ["-y does nothing: Dray has no questions to answer"]],
  ])("%p is told and passed over, with its value", (argv, warnings) => {
    expect(read(argv)).toEqual({ flags: { source: undefined, destination: undefined, jobs: "3" }, warnings });
  });

  test("is known to the commands that had it, and where our own flag has the name that counts", () => {
    expect(refusal(["--repo-type=harbor"], "save")).toMatchObject({ hint: "dray save --help lists the flags" });
    const own = { timeout: { type: "string" } } as const;
    expect(parseFlags(own, ["--timeout", "3"], "load")).toEqual({ timeout: "3" });
  });
});

test("a flag that is refused says what to do instead, and is not read as the letter it begins with", () => {
  const error = refusal(["-default-project=library"], "load");
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({
    code: "USAGE",
    message: 'Cannot understand "-default-project=library": dray load has no such flag',
    hint: "write the project in the list, or -d HOST/PROJECT puts every name below that project",
  });
});

test("what checked the work of a command is no argument of it", () => {
  expect(refusal(["validate"], "mirror")).toMatchObject({
    message: 'Cannot understand "validate": dray mirror has no such argument',
    hint: expect.stringContaining("dray mirror again"),
  });
});

test.each(["toString", "constructor"])("%s never was anything", (name) => {
  expect([formerFlag(name, "load"), formerCommand(name), formerArgument(name, "load")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("nothing is former that a command has", async () => {
  const commands = (await readdir(join(ROOT, "src/cli/commands"))).map((name) => name.replace(/\.ts$/, ""));
  expect(Object.keys(FORMER_COMMANDS).filter((name) => commands.includes(name))).toEqual([]);
  for (const command of commands) {
    const { default: known } = (await import(`../../src/cli/commands/${command}.ts`)) as { default: CommandDef };
    const names = Object.keys(known.args as ArgsDef);
    expect(names.filter((name) => formerFlag(name, command) !== undefined)).toEqual([]);
  }
  for (const { commands: its } of Object.values(FORMER_FLAGS)) expect(commands).toEqual(expect.arrayContaining(its));
});

describe("docs/former.md", () => {
  test("has the flags, what they are of, and what becomes of them", () => {
    const rows = rowsOf("Flags").flatMap(([flags, of, here]) =>
      namesIn(flags!).map((flag) => [flag.replace(/^-+/, ""), of!.split(", ").sort(), here] as const),
    );
    const known = Object.entries(FORMER_FLAGS).map(
      ([flag, { commands, isIgnored }]) => [flag, commands.toSorted(), isIgnored ? "does nothing" : "refused"] as const,
    );
    const byName = (a: readonly unknown[], b: readonly unknown[]): number => String(a[0]).localeCompare(String(b[0]));
    expect(rows.toSorted(byName)).toEqual(known.toSorted(byName));
  });

  test("has the commands", () => {
    const names = rowsOf("Commands").flatMap(([commands]) => namesIn(commands!));
    const own = names.filter((name) => name.includes(" "));
    expect(names.filter((name) => !own.includes(name)).sort()).toEqual(Object.keys(FORMER_COMMANDS).sort());
    for (const [command, word] of own.map((name) => name.split(" ")))
      expect(formerArgument(word!, command!)).toBeDefined();
    expect(own).toHaveLength(4);
  });
});

/** The cells of the table below a heading. */
function rowsOf(heading: string): string[][] {
  const section = TEXT.split(/^## /m).find((one) => one.startsWith(`${heading}\n`)) ?? "";
  return [...section.matchAll(/^\| (`.*) \|$/gm)].map(([, cells]) => cells!.split(" | "));
}

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}
