/** The root command: which subcommands there are, and what is said when none is meant. */
import { type CommandDef, defineCommand, runCommand } from "citty";
import { AppError, reasonOf } from "../errors.ts";
import { VERSION } from "../version.ts";
import { EXIT, explain } from "./action.ts";
import { closest } from "./closest.ts";
import { formerCommand } from "./former.ts";
import { type Examples, renderHelp } from "./help.ts";
import { createTerminal } from "./terminal.ts";

interface CommandModule {
  readonly default: CommandDef;
  readonly examples: Examples;
}

/** Loaded when they are run: starting is fast. */
const COMMANDS: Readonly<Record<string, () => Promise<unknown>>> = {
  save: () => import("./commands/save.ts"),
  load: () => import("./commands/load.ts"),
  mirror: () => import("./commands/mirror.ts"),
  sync: () => import("./commands/sync.ts"),
  compress: () => import("./commands/compress.ts"),
  decompress: () => import("./commands/decompress.ts"),
  ls: () => import("./commands/ls.ts"),
  verify: () => import("./commands/verify.ts"),
  repair: () => import("./commands/repair.ts"),
  serve: () => import("./commands/serve.ts"),
  doctor: () => import("./commands/doctor.ts"),
  login: () => import("./commands/login.ts"),
  logout: () => import("./commands/logout.ts"),
  auth: () => import("./commands/auth.ts"),
};

const root = defineCommand({
  meta: {
    name: "dray",
    version: VERSION,
    description: "Carries container images and OCI artifacts between registries and the places that cannot reach them",
  },
  subCommands: Object.fromEntries(
    Object.entries(COMMANDS).map(([name, load]) => [name, async () => ((await load()) as CommandModule).default]),
  ),
});

const EXAMPLES: Examples = [
  ["Save a list of images on this side", "cat images.txt | dray save -d bundle.tar.zst"],
  ["Load them on the far side", "dray load -s bundle.tar.zst -d registry.internal:5000"],
];

/** How to load a command; undefined where there is none of that name, and that has been said then. */
function find(name: string, verb: string): (() => Promise<CommandModule>) | undefined {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load) return async () => (await load()) as CommandModule;
  const meant = closest(name, Object.keys(COMMANDS));
  const hint = formerCommand(name) ?? (meant ? `did you mean dray ${meant}?` : "dray --help lists them");
  fail(new AppError("USAGE", `Cannot ${verb} "${name}": dray has no such command`, { hint }));
  return undefined;
}

/** Runs a command line. The exit code is in `process.exitCode` afterwards. */
export async function runRoot(argv: readonly string[]): Promise<void> {
  guardStreams();
  const at = argv.findIndex((token) => !token.startsWith("-"));
  const before = at < 0 ? argv : argv.slice(0, at);
  const name = at < 0 ? undefined : argv[at]!;
  const rest = at < 0 ? [] : argv.slice(at + 1);
  const isHelp = (token: string): boolean => token === "-h" || token === "--help" || token === "-help";
  if (name === "version" || before.some((token) => /^(?:-v|--?version)$/.test(token))) return print(`${VERSION}\n`);
  if (name === undefined || name === "help") return help(rest.find((token) => !token.startsWith("-")));
  const load = find(name, "run");
  if (!load) return;
  if ([...before, ...rest].some(isHelp)) return help(name);
  // Without its flags: citty would judge them before flags.ts does.
  await runCommand({ ...(await load()).default, args: {} }, { rawArgs: [...before, ...rest] });
}

async function help(name: string | undefined): Promise<void> {
  const color = process.stdout.isTTY === true;
  if (name === undefined) return print(await renderHelp(root, undefined, EXAMPLES, color));
  const load = find(name, "explain");
  if (!load) return;
  const { default: command, examples } = await load();
  print(await renderHelp(command, root, examples, color));
}

/** A log that nobody takes must not end a run. A result that cannot be written is a failure, unless the reader has left. */
function guardStreams(): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // Where an archive is written to it, that tells what went wrong.
    if (error.code === "EPIPE" || process.stdout.listenerCount("error") > 1) return;
    fail(new AppError("STORAGE", `Cannot write the result: ${reasonOf(error)}`), EXIT.failed);
    // The run may set its own after this.
    process.on("exit", () => {
      process.exitCode ||= EXIT.failed;
    });
  });
}

function print(text: string): void {
  process.stdout.write(text);
}

function fail(error: AppError, code: number = EXIT.usage): void {
  explain(error, { terminal: createTerminal(process.stderr), debug: false, interrupted: () => undefined });
  process.exitCode = code;
}
