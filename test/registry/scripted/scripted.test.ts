/** Every case against the scripted registry, on Bun and on Deno: the requests that the client makes, one by one. */
import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CASES, type Outcome, runCases } from "./run.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const DENO = join(ROOT, "node_modules", ".bin", "deno");
/** Milliseconds that a process may linger after its last case: timers and connections that were left behind. */
const LINGERS = 3000;

interface Run {
  /** How the case of that name ended. */
  outcome(name: string): Promise<Outcome>;
  /** Milliseconds from the end of the last case to that of the process. */
  readonly lingered: Promise<number>;
}

function collectOutcomes(start: (onEnd: (outcome: Outcome) => void) => Promise<unknown>): Run {
  const outcomes = new Map(CASES.map(({ name }) => [name, Promise.withResolvers<Outcome>()]));
  let last = performance.now();
  const ended = start((outcome) => {
    last = performance.now();
    outcomes.get(outcome.name)?.resolve(outcome);
  });
  const missing = (error: unknown): void => {
    for (const { reject } of outcomes.values()) reject(error);
  };
  for (const { promise } of outcomes.values()) promise.catch(() => {});
  ended.then(() => missing(new Error("it was not run")), missing);
  return { outcome: (name) => outcomes.get(name)!.promise, lingered: ended.then(() => performance.now() - last) };
}

/** One process for all cases. */
function startDeno(onEnd: (outcome: Outcome) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(DENO, ["run", "-A", join(import.meta.dirname, "run.ts")], { cwd: ROOT });
    let told = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (told += text));
    createInterface(child.stdout).on("line", (line) => onEnd(JSON.parse(line) as Outcome));
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve() : reject(new Error(`deno ended with ${code}: ${told}`))));
  });
}

const RUNTIMES = { bun: (onEnd: (outcome: Outcome) => void) => runCases(CASES, onEnd), deno: startDeno };

describe.each(Object.entries(RUNTIMES))("on %s", (_, start) => {
  let run: Run | undefined;
  const started = (): Run => (run ??= collectOutcomes(start));
  for (const { name } of CASES)
    test(name, async () => {
      const { error } = await started().outcome(name);
      if (error !== undefined) throw new Error(error);
    }, 60_000);
  test("nothing is left running", async () => {
    expect(await started().lingered).toBeLessThan(LINGERS);
  });
});
