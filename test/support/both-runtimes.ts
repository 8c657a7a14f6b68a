/** The same cases on Bun and on Deno: here, and once more in a process of Deno's. */
import { describe, test } from "bun:test";
import { dirname, join } from "node:path";
import { run } from "./run.ts";
import type { Cases } from "./run-cases.ts";

const DENO = join(dirname(dirname(import.meta.dirname)), "node_modules", ".bin", "deno");

/** Makes two tests of each case. `file` runs them when it is the program: `if (import.meta.main) await runCases(cases)`. */
export function testOnBoth(cases: Cases, file: string): void {
  describe("on Bun", () => {
    for (const [name, work] of Object.entries(cases)) test(name, work);
  });
  describe("on Deno", () => {
    let results: Promise<ReadonlyMap<string, string | null>> | undefined;
    for (const name of Object.keys(cases))
      test(name, async () => {
        const result = (await (results ??= onDeno(file))).get(name);
        if (result !== null) throw new Error(result ?? "it was not run");
      }, 60_000);
  });
}

async function onDeno(file: string): Promise<ReadonlyMap<string, string | null>> {
  const { code, stdout, stderr } = await run(DENO, ["run", "-A", file]);
  if (code !== 0) throw new Error(`deno ended with ${code}: ${stderr}`);
  return new Map(
    stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as [string, string | null]),
  );
}
