/**
 * The rules of the house, checked from the text of the source: which folder may import which, which package belongs
 * where, what a file looks like. `npm run check` runs it; each finding says what to do. The tables come first.
 */
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, posix, relative } from "node:path";

const GROUND = ["errors", "version", "oci", "bytes", "events", "store"];
const PLACES = ["registry", "archive", "layout", "serve"];

/** What each part of src/ may import. Parts that do not name each other stay strangers. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  version: [],
  oci: ["errors"],
  bytes: ["errors"],
  events: ["errors", "oci", "bytes"],
  lists: ["errors", "oci"],
  store: ["errors", "oci", "bytes", "events"],
  registry: GROUND,
  archive: GROUND,
  layout: GROUND,
  serve: GROUND,
  operations: [...GROUND, "lists", ...PLACES],
  cli: [...GROUND, "lists", ...PLACES, "operations"],
  main: ["errors", "version", "cli"],
};

/** Packages, and the modules of the runtime that have one home. Every other package is refused, every other `node:` is free. */
const EXTERNALS: Readonly<Record<string, readonly string[]>> = {
  citty: ["src/cli/"],
  consola: ["src/cli/"],
  "node:process": ["src/cli/"],
  ofetch: ["src/registry/"],
  nanotar: ["src/archive/"],
  fzstd: ["src/archive/"],
  "node:zlib": ["src/archive/"],
  "p-map": ["src/bytes/"],
};

/** Code that has one home, or none. Comments, strings and regular expressions do not count. */
const CODE: readonly { what: string; pattern: RegExp; homes: readonly string[]; instead: string }[] = [
  {
    what: "a runtime's own API",
    pattern: /\b(?:Bun|Deno)\s*\.|\btypeof\s+(?:Bun|Deno)\b|\bprocess\s*\.\s*versions\b/,
    homes: ["src/registry/network/transport.ts"],
    instead: "use Web or node: APIs, or move it into src/registry/network/transport.ts",
  },
  {
    what: "process.exit",
    pattern: /\bprocess\s*\.\s*(?:exit|abort)\b(?!Code)/,
    homes: ["src/cli/session.ts"],
    instead: "throw an AppError; main sets process.exitCode",
  },
  {
    what: "the process (environment, arguments, streams)",
    pattern: /\bprocess\s*\.\s*(?!(?:exit|abort|pid|kill|platform|versions)\b(?!Code))/,
    homes: ["src/cli/", "src/main.ts"],
    instead: "take it as a parameter; src/cli reads it",
  },
  { what: "console", pattern: /\bconsole\s*\./, homes: [], instead: "emit an event; src/cli renders it" },
  {
    what: "a default export",
    pattern: /\bexport\s+default\b|\bas\s+default\b/,
    homes: ["src/cli/commands/"],
    instead: "export it by name",
  },
];

/** Names that say nothing, and paths of somebody's machine. */
const EMPTY_NAME = /(?:^|[-./])(?:utils?|helpers?|common|misc|managers?)(?:[-./]|$)/i;
const MACHINE_PATH = /(?<![\w.~:-])\/(?:work|home|root|Users)\/[\w.]/;
const LONGEST_FILE = 300;

interface Finding {
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly line: number;
  /** What is wrong, and what to do. */
  readonly message: string;
}

/** Every finding in `src/` (all rules) and `scripts/` (the look of a file) under `root`, by path and line. */
export async function check(root: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const folder of ["src", "scripts"]) {
    const names = await readdir(join(root, folder), { recursive: true }).catch(() => []);
    for (const name of names.filter((each) => each.endsWith(".ts")).sort()) {
      const path = posix.join(folder, name.replaceAll("\\", "/"));
      const text = await readFile(join(root, path), "utf8");
      const messages = [
        ...looks(path, text),
        ...(folder === "src" ? [...imports(path, text), ...code(path, text)] : []),
      ];
      findings.push(...messages.map(([line, message]) => ({ path, line, message })));
    }
  }
  return findings;
}

type Message = readonly [line: number, message: string];

function* looks(path: string, text: string): Iterable<Message> {
  const lines = text.split("\n");
  const count = lines.at(-1) === "" ? lines.length - 1 : lines.length;
  if (count > LONGEST_FILE)
    yield [LONGEST_FILE + 1, `${count} lines; split the file by purpose (${LONGEST_FILE} at most)`];
  if (!/^(?:#![^\n]*\n)?\/\*\*/.test(text)) yield [1, "no header; begin with /** what this file is for */"];
  if (EMPTY_NAME.test(path)) yield [1, "a name that says nothing; name the file for its main export"];
  for (const [index, line] of lines.entries())
    if (MACHINE_PATH.test(line)) yield [index + 1, "a path of somebody's machine; leave it out"];
}

function* code(path: string, text: string): Iterable<Message> {
  const bare = withoutWords(text);
  for (const rule of CODE) {
    if (isAt(path, rule.homes)) continue;
    for (const match of bare.matchAll(new RegExp(rule.pattern, "g")))
      yield [lineAt(bare, match.index), `${rule.what} in ${path}; ${rule.instead}`];
  }
}

function* imports(path: string, text: string): Iterable<Message> {
  for (const { specifier, index } of specifiersOf(text)) {
    const message = specifier.startsWith(".") ? judgeRelative(path, specifier) : judgeExternal(path, specifier);
    if (message !== undefined) yield [lineAt(text, index), message];
  }
}

function judgeRelative(path: string, specifier: string): string | undefined {
  const target = posix.normalize(posix.join(posix.dirname(path), specifier));
  if (path === "src/version.ts" && target === "package.json") return undefined;
  if (!target.startsWith("src/")) return `imports ${target}; src/ stands alone, move what it needs into src/`;
  if (!target.endsWith(".ts")) return `imports "${specifier}"; write the .ts ending`;
  const [from, to] = [partOf(path), partOf(target)];
  if (from === to) return undefined;
  if (LAYERS[from] === undefined) return `src/${from} has no place in LAYERS; give it one in scripts/check.ts`;
  if (LAYERS[from].includes(to)) return undefined;
  return `${from} imports ${to}; it may import ${LAYERS[from].join(", ") || "nothing"}: move the code, or pass it in`;
}

function judgeExternal(path: string, specifier: string): string | undefined {
  const name = Object.keys(EXTERNALS).find((each) => specifier === each || specifier.startsWith(`${each}/`));
  if (name === undefined)
    return specifier.startsWith("node:") ? undefined : `imports ${specifier}; only ${packages()} are allowed`;
  const homes = EXTERNALS[name]!;
  return isAt(path, homes) ? undefined : `imports ${specifier}; only ${homes.join(", ")} may: ask for it there`;
}

function packages(): string {
  const names = Object.keys(EXTERNALS).filter((name) => !name.startsWith("node:"));
  return names.join(", ");
}

/** The part of src/ that a path belongs to: its folder, or its name for the files at the top. */
function partOf(path: string): string {
  return path.split("/")[1]!.replace(/\.ts$/, "");
}

function isAt(path: string, homes: readonly string[]): boolean {
  return homes.some((home) => (home.endsWith("/") ? path.startsWith(home) : path === home));
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

const WORDS = [
  String.raw`\/\*[\s\S]*?\*\/`,
  String.raw`\/\/[^\n]*`,
  String.raw`"(?:\\.|[^"\\\n])*"`,
  String.raw`'(?:\\.|[^'\\\n])*'`,
  String.raw`(?<=(?:[=(,:;!&|?{}[\]]|return|=>)\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*`,
];

/** The text with comments, strings and regular expressions blanked, every character at its place. Templates stay. */
function withoutWords(text: string): string {
  return text.replace(new RegExp(`(${String.raw`\`(?:\\.|[^\`\\])*\``})|${WORDS.join("|")}`, "g"), (all, template) =>
    template === undefined ? all.replace(/[^\n]/g, " ") : all,
  );
}

/** What a file imports, types included: `import … from`, `export … from`, `import "x"` and `import("x")`. */
function* specifiersOf(text: string): Iterable<{ specifier: string; index: number }> {
  const statement = /\b(?:from|import)\s*\(?\s*"/g;
  const bare = text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g, (all) => all.replace(/[^\n]/g, " "));
  const outside = withoutWords(text);
  for (const match of bare.matchAll(statement)) {
    if (outside[match.index] === " ") continue;
    const start = match.index + match[0].length;
    yield { specifier: bare.slice(start, bare.indexOf('"', start)), index: match.index };
  }
}

if (import.meta.main) {
  const root = dirname(import.meta.dirname);
  const findings = await check(root);
  for (const { path, line, message } of findings)
    process.stdout.write(`${relative(".", join(root, path))}:${line}: ${message}\n`);
  if (findings.length > 0) process.exitCode = 1;
}
