/** Long results, written piece by piece. */
import { expect, test } from "bun:test";
import { join } from "node:path";

const RESULT = join(import.meta.dirname, "..", "..", "src", "cli", "result.ts");

/** A program that writes these pieces to standard output. */
function program(pieces: string) {
  const text = `
    import { writeResult } from ${JSON.stringify(RESULT)};
    process.stdout.on("error", () => {});
    function* pieces() { ${pieces} }
    await writeResult(pieces());
  `;
  return Bun.spawn([process.execPath, "-e", text], { stdout: "pipe", stderr: "inherit" });
}

test("every piece is written, in order", async () => {
  await using child = program('for (let at = 0; at < 30_000; at++) yield at + "\\n";');
  const lines = Array.from({ length: 30_000 }, (_, at) => `${at}\n`);
  expect(await new Response(child.stdout).text()).toBe(lines.join(""));
  expect(await child.exited).toBe(0);
});

test("pieces without end stop where nobody takes them any more", async () => {
  await using child = program('for (;;) yield "x".repeat(70_000);');
  const reader = child.stdout.getReader();
  expect((await reader.read()).value?.length).toBePositive();
  await reader.cancel();
  expect(await child.exited).toBe(0);
});
