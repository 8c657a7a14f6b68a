/** Runs the product as its users do: a process with a command line, in a folder of its own, with nothing of this machine's settings. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Ended } from "./run.ts";
import { temporaryFolder } from "./temporary.ts";

const ROOT = dirname(dirname(import.meta.dirname));
const MAIN = join(ROOT, "src", "main.ts");

/** What runs the source, or the command of an executable made of it. */
export type Runtime = "bun" | "deno" | readonly string[];

export interface DrayOptions {
  /** Default `bun`. */
  readonly runtime?: Runtime | undefined;
  /** Standard input. Default: an empty one. */
  readonly input?: string | Uint8Array;
  /** The whole environment but for `HOME`. Default: nothing more, `PATH` neither. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A run that is under way. */
export interface Dray {
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
  /** The match, once standard output or standard error has one; rejects when the run ends without. */
  saying(pattern: RegExp): Promise<RegExpExecArray>;
}

/** A folder to run it in, gone after the test. */
export interface Workplace extends AsyncDisposable {
  readonly path: string;
  /** The path of a file in it. */
  file(name: string): string;
  /** Writes a list, a line each, and returns its path. */
  list(name: string, lines: readonly string[]): Promise<string>;
  start(args: readonly string[], options?: DrayOptions): Dray;
  dray(args: readonly string[], options?: DrayOptions): Promise<Ended>;
}

export async function openWorkplace(): Promise<Workplace> {
  const folder = await temporaryFolder();
  const path = join(folder.path, "work");
  await mkdir(path);
  const file = (name: string): string => join(path, name);
  const start = (args: readonly string[], options: DrayOptions = {}): Dray => startDray(args, path, options);
  return {
    path,
    file,
    async list(name, lines) {
      await writeFile(file(name), lines.map((line) => `${line}\n`).join(""));
      return file(name);
    },
    start,
    dray: (args, options) => start(args, options).ended,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

function startDray(args: readonly string[], cwd: string, { runtime = "bun", input = "", env = {} }: DrayOptions): Dray {
  const [program, ...before] = commandOf(runtime);
  const child = spawn(program!, [...before, ...args], {
    cwd,
    // Deno asks its makers for a newer one when a run takes some seconds.
    env: { HOME: join(dirname(cwd), "home"), ...(runtime === "deno" ? { DENO_NO_UPDATE_CHECK: "1" } : {}), ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const told = { stdout: "", stderr: "" };
  const onText = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => {
      told[name] += text;
      for (const look of onText) look();
    });
  const ended = end(child, told);
  return {
    ended,
    kill: (signal) => void child.kill(signal),
    saying(pattern) {
      const said = Promise.withResolvers<RegExpExecArray>();
      const look = (): void => {
        const match = pattern.exec(told.stdout) ?? pattern.exec(told.stderr);
        if (match) said.resolve(match);
      };
      onText.add(look);
      look();
      const miss = (): void => said.reject(new Error(`it never said ${pattern}: ${told.stdout}${told.stderr}`));
      void ended.then(miss, miss);
      return said.promise;
    },
  };
}

/** The command that runs the source. */
export function commandOf(runtime: Runtime): readonly string[] {
  if (runtime === "bun") return [process.execPath, MAIN];
  if (runtime === "deno") return [join(ROOT, "node_modules", ".bin", "deno"), "run", "-A", MAIN];
  return runtime;
}

function end(child: ChildProcess, told: { stdout: string; stderr: string }): Promise<Ended> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? (signal === null ? 1 : -1), ...told }));
  });
}
