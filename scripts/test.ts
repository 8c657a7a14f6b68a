/**
 * What `npm test` runs: types, lint, dead code, the rules of the house, the executable of this machine, the tests, and
 * the same source on Deno. Every step runs, however the others end; the last line counts them and the tests together.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

const ROOT = dirname(import.meta.dirname);

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** Left out where this file is not there. */
  readonly needs?: string;
}

const STEPS: readonly Step[] = [
  { name: "types", command: ["tsc", "-p", "."] },
  { name: "lint", command: ["biome", "check", "."] },
  { name: "dead code", command: ["knip"] },
  { name: "rules", command: ["bun", "scripts/check.ts"] },
  { name: "build", command: ["bun", "scripts/build.ts", "--host"], needs: "src/main.ts" },
  { name: "tests", command: ["bun", "test"] },
  { name: "deno", command: ["deno", "run", "-A", "scripts/deno-smoke.ts"], needs: "scripts/deno-smoke.ts" },
];

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

async function run({ name, command: [program, ...args] }: Step): Promise<Count> {
  const started = performance.now();
  const child = Bun.spawn([join(ROOT, "node_modules", ".bin", program!), ...args], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await Promise.all([passOn(child.stdout, process.stdout), passOn(child.stderr, process.stderr)]);
  const code = await child.exited;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${code === 0 ? "ok" : "FAILED"} ${name} (${seconds} s)\n`);
  const step = { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  return args[0] === "test" ? countTests(output.join("\n"), step) : step;
}

/** Shows what a step prints, and keeps it. */
async function passOn(from: ReadableStream<Uint8Array>, to: NodeJS.WriteStream): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of from) {
    to.write(chunk);
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** The closing lines of `bun test`: ` 12 pass`, ` 1 skip`, ` 0 fail`. A run that ended badly without a failed test is one. */
function countTests(output: string, step: Count): Count {
  const count = (word: string): number =>
    Number([...output.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))].at(-1)?.[1] ?? 0);
  const [passed, failed] = [count("pass"), count("fail")];
  const ranNone = passed + failed === 0 ? 1 : 0;
  return { passed, failed: Math.max(failed, step.failed, ranNone), skipped: count("skip") + count("todo") };
}

const total: Count = { passed: 0, failed: 0, skipped: 0 };
for (const step of STEPS) {
  if (step.needs !== undefined && !existsSync(join(ROOT, step.needs))) continue;
  const count = await run(step);
  total.passed += count.passed;
  total.failed += count.failed;
  total.skipped += count.skipped;
}
if (total.failed > 0) process.exitCode = 1;
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
