/** Cases that hold on every runtime. They assert with node:assert, since Deno has no bun:test. */

/** By what each shows. */
export type Cases = Readonly<Record<string, () => Promise<void>>>;

/** Runs them one after the other, and prints a line of JSON for each: its name, and what it failed with or null. */
export async function runCases(cases: Cases): Promise<void> {
  for (const [name, work] of Object.entries(cases)) {
    const error = await work().then(
      () => null,
      (thrown: unknown) => (thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)),
    );
    process.stdout.write(`${JSON.stringify([name, error])}\n`);
  }
}
