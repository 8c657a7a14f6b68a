/** Standard input as a pipe, read by a process of its own. */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const MODULE = join(import.meta.dirname, "../../src/cli/pipe.ts");

/** What readPipeText() of at most 10 bytes makes of an input, or of a pipe that nobody closes. */
async function read(input: string | undefined): Promise<unknown> {
  const script = `
    import { readPipeText } from ${JSON.stringify(MODULE)};
    const control = new AbortController();
    const reading = readPipeText("Cannot read it", 10, { signal: control.signal });
    if (${input === undefined}) control.abort(new Error("stopped"));
    const result = await reading.catch(({ code, message }) => ({ code, message }));
    process.stdout.write(JSON.stringify(result));`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.on("error", () => {});
  if (input !== undefined) child.stdin.end(input);
  const [said] = await Promise.all([text(child.stdout), once(child, "close")]);
  child.stdin.destroy();
  return JSON.parse(said);
}

test.each(["", "a", "two\nlines"])("all of %p", async (input) => {
  expect(await read(input)).toBe(input);
});

test("more than may be is refused", async () => {
  expect(await read("x".repeat(1 << 20))).toEqual({
    code: "USAGE",
    message: "Cannot read it: standard input has more than 10 bytes",
  });
});

test("a pipe that nobody closes keeps nobody who was told to stop", async () => {
  expect(await read(undefined)).toEqual({ message: "stopped" });
});
