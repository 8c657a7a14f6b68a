/** Long results, written piece by piece. */
import { expect, test } from "bun:test";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../support/run.ts";
import { temporaryFolder } from "../support/temporary.ts";

const CLI = join(import.meta.dirname, "..", "..", "src", "cli");
const RESULT = join(CLI, "result.ts");

/** A program that writes these pieces to standard output. */
function program(pieces: string) {
  const text = `
    import { writeResult } from ${JSON.stringify(RESULT)};
    process.stdout.on("error", () => {});
    function* pieces() { ${pieces} }
    await writeResult(pieces(), {});
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

test.each([1, 1 << 20])("a run that waits for its reader ends when it is told to: pieces of %p", async (size) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "pipe");
  expect((await run("mkfifo", [path])).code).toBe(0);
  const text = `
    import { action } from ${JSON.stringify(join(CLI, "action.ts"))};
    import { writeResult } from ${JSON.stringify(RESULT)};
    function* pieces() {
      for (let at = 0; ; at++) {
        if (at === ${Math.ceil((64 << 10) / size)} - 1) console.error("begins");
        yield "x".repeat(${size});
      }
    }
    await action("test", {}, async (_, session) => {
      await writeResult(pieces(), session);
      return 0;
    })({ rawArgs: [] });
  `;
  // Both ends: it can be written to, and nobody reads.
  const pipe = await open(path, constants.O_RDWR);
  const child = Bun.spawn([process.execPath, "-e", text], { stdout: pipe.fd, stderr: "pipe" });
  try {
    const said = child.stderr.getReader();
    expect(new TextDecoder().decode((await said.read()).value)).toContain("begins");
    said.releaseLock();
    child.kill("SIGTERM");
    expect(await child.exited).toBe(143);
  } finally {
    child.kill("SIGKILL");
    await pipe.close();
  }
});
