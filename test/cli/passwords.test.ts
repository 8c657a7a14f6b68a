/** Passwords on standard input, read by a process of its own. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const MODULE = join(import.meta.dirname, "../../src/cli/passwords.ts");

/** What readPasswords(count) makes of an input: the passwords, or its message. */
function read(count: number, input: string): unknown {
  const script = `
    import { readPasswords } from ${JSON.stringify(MODULE)};
    const result = await readPasswords(${count}, {}).catch(({ code, message }) => code + ": " + message);
    process.stdout.write(JSON.stringify(result));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { input, encoding: "utf8" });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

const WHAT = "USAGE: Cannot read the password";

test.each<[number, string, unknown]>([
  [0, "never read", []],
  [1, "pass word", ["pass word"]],
  [1, "password\n", ["password"]],
  [1, "password\r\n", ["password"]],
  [1, ' {\n  "key": 1\n}\n', [' {\n  "key": 1\n}']],
  [1, "pässwörd\n", ["pässwörd"]],
  [2, "one\ntwo\n", ["one", "two"]],
  [2, "one\r\ntwo", ["one", "two"]],
  [1, "", `${WHAT} from standard input: it is empty`],
  [1, "\n", `${WHAT} from standard input: it is empty`],
  ...["one\n", "one\n\n", "one\ntwo\nthree\n"].map((input): [number, string, unknown] => [
    2,
    input,
    `${WHAT} from standard input: expected two lines, the source's password and the destination's`,
  ]),
  [1, "x".repeat(70_000), `${WHAT}: standard input has more than 65536 bytes`],
])("%d of %p", (count, input, expected) => {
  expect(read(count, input)).toEqual(expected);
});
