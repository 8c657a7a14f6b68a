/** Every rule of scripts/check.ts against a file that breaks it and nothing else. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { check } from "../../scripts/check.ts";

const HEADER = "/** A file. */\n";

async function findingsOf(files: Record<string, string>): Promise<string[]> {
  const root = await mkdtemp(join(tmpdir(), "dray-check-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    return (await check(root)).map(({ path, line, message }) => `${path}:${line}: ${message}`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Parts from left to right; each may be imported by those after it, and not the other way round. */
const ORDER = ["errors", "oci", "events", "store", "registry", "operations", "cli", "main"];
const FILES = ["errors", "version", "events", "main"];
const PLACES = ["registry", "archive", "layout", "serve"];
const LISTS = [
  ["lists", "bytes"],
  ["lists", "store"],
  ["store", "lists"],
  ["registry", "lists"],
] as const;

function fileOf(part: string): string {
  return FILES.includes(part) ? `src/${part}.ts` : `src/${part}/thing.ts`;
}

function importing(from: string, to: string): string {
  const up = FILES.includes(from) ? "./" : "../";
  return `${HEADER}import type { X } from "${up}${fileOf(to).slice("src/".length)}";\nexport type Y = X;\n`;
}

const backwards = ORDER.flatMap((from, index) => ORDER.slice(index + 1).map((to) => [from, to] as const));
const siblings = PLACES.flatMap((from) => PLACES.filter((to) => to !== from).map((to) => [from, to] as const));
const strangers = [["oci", "bytes"], ["bytes", "oci"], ["bytes", "store"], ["main", "operations"], ...LISTS] as const;

test.each([...backwards, ...siblings, ...strangers])("%s may not import %s", async (from, to) => {
  const found = await findingsOf({ [fileOf(from)]: importing(from, to) });
  expect(found).toEqual([expect.stringContaining(`${fileOf(from)}:2: ${from} imports ${to}; it may import`)]);
});

test("what the design draws is allowed", async () => {
  const forwards = [...ORDER.slice(0, -1).map((to, index) => [ORDER[index + 1]!, to] as const)];
  const places = PLACES.flatMap(
    (place) =>
      [
        [place, "store"],
        ["operations", place],
      ] as const,
  );
  const others = [
    ["lists", "oci"],
    ["operations", "lists"],
    ["events", "bytes"],
  ] as const;
  for (const [from, to] of [...forwards, ...places, ...others])
    expect(await findingsOf({ [fileOf(from)]: importing(from, to) })).toEqual([]);
});

test.each([
  ["citty", "src/operations/a.ts", "src/cli/a.ts"],
  ["consola", "src/main.ts", "src/cli/a.ts"],
  ["node:process", "src/store/a.ts", "src/cli/a.ts"],
  ["ofetch", "src/operations/a.ts", "src/registry/a.ts"],
  ["nanotar", "src/layout/a.ts", "src/archive/a.ts"],
  ["fzstd", "src/registry/a.ts", "src/archive/a.ts"],
  ["node:zlib", "src/layout/a.ts", "src/archive/a.ts"],
  ["p-map", "src/operations/a.ts", "src/bytes/a.ts"],
])("%s has one home", async (name, elsewhere, home) => {
  const text = `${HEADER}import x from "${name}";\nexport const y = x;\n`;
  expect(await findingsOf({ [elsewhere]: text })).toEqual([
    expect.stringContaining(`${elsewhere}:2: imports ${name}; only`),
  ]);
  expect(await findingsOf({ [home]: text })).toEqual([]);
});

const BROKEN: [why: string, path: string, text: string, finding: string][] = [
  ["an unknown package", "src/cli/a.ts", 'import "left-pad";', "2: imports left-pad; only"],
  [
    "an import of a test",
    "src/cli/a.ts",
    'import "../../test/support/x.ts";',
    "2: imports test/support/x.ts; src/ stands alone",
  ],
  ["an import without an ending", "src/cli/a.ts", 'import "./b";', '2: imports "./b"; write the .ts ending'],
  ["a part that has no place", "src/core/a.ts", 'import "../errors.ts";', "2: src/core has no place in LAYERS"],
  ["a re-export", "src/oci/a.ts", 'export * from "../store/b.ts";', "2: oci imports store"],
  ["a lazy import", "src/oci/a.ts", 'export const b = () => import("../store/b.ts");', "2: oci imports store"],
  ["a type import in a type", "src/oci/a.ts", 'export type B = import("../store/b.ts").B;', "2: oci imports store"],
  [
    "an import over lines",
    "src/oci/a.ts",
    'import {\n  x,\n} from "../store/b.ts";\nexport { x };',
    "4: oci imports store",
  ],
  ["Bun", "src/store/a.ts", "export const b = Bun.version;", "2: a runtime's own API"],
  ["Deno", "src/cli/a.ts", "export const b = Deno.version;", "2: a runtime's own API"],
  ["Bun in a template", "src/store/a.ts", "export const b = `v${" + "Bun.version}`;", "2: a runtime's own API"],
  ["a test for Bun", "src/store/a.ts", 'export const b = typeof Bun === "object";', "2: a runtime's own API"],
  ["a test for Bun by version", "src/cli/a.ts", "export const b = process.versions.bun;", "2: a runtime's own API"],
  ["process.exit", "src/cli/a.ts", "process.exit(1);", "2: process.exit in"],
  ["process.env", "src/store/a.ts", "export const b = process.env.HOME;", "2: the process ("],
  ["process.exitCode", "src/store/a.ts", "process.exitCode = 1;", "2: the process ("],
  ["console", "src/cli/a.ts", 'console.log("a");', "2: console in"],
  ["a default export", "src/cli/a.ts", "export default 1;", "2: a default export in"],
  ["a default export by name", "src/cli/a.ts", "const b = 1;\nexport { b as default };", "3: a default export in"],
  ["a machine's path", "src/cli/a.ts", 'export const b = "/home/me/x";', "2: a path of somebody's machine"],
  ["a machine's path in a script", "scripts/a.ts", "// see /home/x", "2: a path of somebody's machine"],
];

test.each(BROKEN)("%s is found", async (_why, path, text, finding) => {
  expect(await findingsOf({ [path]: `${HEADER}${text}\n` })).toEqual([expect.stringContaining(`${path}:${finding}`)]);
});

test.each(["utils", "url-helpers", "common", "misc", "cache-manager", "util"])(
  "a file named %s is found",
  async (name) => {
    const [finding, ...rest] = await findingsOf({ [`src/oci/${name}.ts`]: HEADER });
    expect(finding).toContain("a name that says nothing");
    expect(rest).toEqual([]);
  },
);

test("a folder with an empty name is found, a word that contains one is not", async () => {
  expect(await findingsOf({ "scripts/utils/a.ts": HEADER })).toHaveLength(1);
  expect(await findingsOf({ "src/oci/uncommon.ts": HEADER })).toEqual([]);
});

test("a header comes first", async () => {
  const finding = expect.stringContaining("no header");
  expect(await findingsOf({ "src/oci/a.ts": "export const a = 1;\n" })).toEqual([finding]);
  expect(await findingsOf({ "scripts/a.ts": "// a\n" })).toEqual([finding]);
  expect(await findingsOf({ "scripts/a.ts": `#!/usr/bin/env bun\n${HEADER}` })).toEqual([]);
});

test("a file ends at 300 lines", async () => {
  const lines = (count: number) => HEADER + "export {};\n".repeat(count - 1);
  expect(await findingsOf({ "src/oci/a.ts": lines(300) })).toEqual([]);
  expect(await findingsOf({ "src/oci/a.ts": lines(301) })).toEqual([
    "src/oci/a.ts:301: 301 lines; split the file by purpose (300 at most)",
  ]);
});

test("words are not code, and homes are homes", async () => {
  const words = [
    '// console.log, Bun.file, process.exit; import x from "../cli/x.ts"',
    "export const a = \"console.log process.exit Bun.x 'export default'\";",
    'export const b = /console.|Bun.x|"/;',
    'export const c = "import \\"../cli/x.ts\\"";',
    "export const d = process.pid;",
  ].join("\n");
  expect(await findingsOf({ "src/oci/a.ts": `${HEADER}${words}\n` })).toEqual([]);
  const homes = {
    "src/registry/network/transport.ts": `${HEADER}export const a = process.versions.bun ? Bun.version : Deno.version;\n`,
    "src/cli/a.ts": `${HEADER}export const b = process.env;\n`,
    "src/cli/session.ts": `${HEADER}process.exit(1);\n`,
    "src/main.ts": `${HEADER}process.exitCode = 1;\n`,
    "src/cli/commands/save.ts": `${HEADER}export default 1;\n`,
    "src/version.ts": `${HEADER}import file from "../package.json" with { type: "json" };\nexport const c = file;\n`,
    "scripts/a.ts": `${HEADER}process.exit(Bun.env.A ? 1 : 0);\n`,
  };
  expect(await findingsOf(homes)).toEqual([]);
});
