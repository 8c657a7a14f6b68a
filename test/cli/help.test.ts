/** Help texts, word for word, and that the docs list the flags that there are. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ArgsDef, CommandDef } from "citty";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { expectGolden } from "../support/golden.ts";

const ROOT = dirname(dirname(import.meta.dirname));
const COMMANDS = (await readdir(join(ROOT, "src/cli/commands"))).map((name) => name.replace(/\.ts$/, "")).sort();

let work: Workplace;
beforeAll(async () => {
  work = await openWorkplace();
});
afterAll(() => work[Symbol.asyncDispose]());

test.each(["root", ...COMMANDS])("help of %s", async (name) => {
  const { code, stdout, stderr } = await work.dray(name === "root" ? ["--help"] : [name, "--help"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  await expectGolden(`help-${name}`, stdout);
});

test("help is found by every way of asking", async () => {
  const asked = [
    ["help", "save"],
    ["save", "-h"],
    ["--help", "save"],
    ["save", "-help", "-x"],
  ];
  const texts = await Promise.all(asked.map(async (args) => (await work.dray(args)).stdout));
  const { stdout } = await work.dray(["save", "--help"]);
  expect(texts).toEqual(asked.map(() => stdout));
  expect((await work.dray([])).stdout).toBe((await work.dray(["help"])).stdout);
});

test("the version is told by every way of asking", async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { version: string };
  const asked = [["version"], ["--version"], ["-v"], ["-version"]];
  const texts = await Promise.all(asked.map(async (args) => (await work.dray(args)).stdout));
  expect(texts).toEqual(asked.map(() => `${version}\n`));
});

describe("docs/commands.md", () => {
  test.each(COMMANDS)("has the flags of %s, and no others", async (name) => {
    const { default: command } = (await import(`../../src/cli/commands/${name}.ts`)) as { default: CommandDef };
    const flags = Object.entries(command.args as ArgsDef)
      .filter(([, { type }]) => type !== "positional")
      .map(([flag]) => `--${flag}`);
    expect((await documented(name)).toSorted()).toEqual(flags.toSorted());
  });
});

/**
 * The flags of the tables below `## dray <command>`, and below the sections that it links to: lines of
 * "| `-f, --flag VALUE` | ...".
 */
async function documented(command: string): Promise<string[]> {
  const text = await readFile(join(ROOT, "docs/commands.md"), "utf8");
  const sections = new Map(text.split(/^## /m).map((section) => [section.split("\n", 1)[0]!, section]));
  const own = sections.get(`dray ${command}`) ?? "";
  const linked = [...own.matchAll(/\]\(#(flags-[a-z-]+)\)/g)].map(([, name]) => sectionOf(sections, name!));
  return [own, ...linked].flatMap((section) =>
    [...section.matchAll(/^\|[^|]*?(--[a-z][a-z-]*)/gm)].map((match) => match[1]!),
  );
}

function sectionOf(sections: ReadonlyMap<string, string>, anchor: string): string {
  const title = [...sections.keys()].find((one) => one.toLowerCase().replaceAll(" ", "-") === anchor);
  if (title === undefined) throw new Error(`docs/commands.md has no section #${anchor}`);
  return sections.get(title)!;
}
