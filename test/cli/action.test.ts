/** Exit codes, and what is said of errors. */
import { expect, test } from "bun:test";
import { action, explain } from "../../src/cli/action.ts";
import { AppError, IntegrityError } from "../../src/errors.ts";
import { recordedSession } from "../support/session.ts";

/** The exit code of a command that ends so; what it says goes to the test's own standard error, and is not looked at. */
async function exitCodeOf(work: () => Promise<number>): Promise<number | string | null | undefined> {
  const before = process.exitCode;
  const write = process.stderr.write;
  process.stderr.write = () => true;
  try {
    await action("test", {}, work)({ rawArgs: [] });
    return process.exitCode;
  } finally {
    process.stderr.write = write;
    process.exitCode = before ?? 0;
  }
}

function throwing(error: unknown): () => Promise<number> {
  return () => Promise.reject(error);
}

test.each([
  [0, () => Promise.resolve(0)],
  [3, () => Promise.resolve(3)],
  [1, throwing(new Error("a bug"))],
  [1, throwing(new AppError("STORAGE", "Cannot write"))],
  [1, throwing(new AppError("NETWORK", "Cannot reach"))],
  [1, throwing("text")],
  [2, throwing(new AppError("USAGE", "Cannot understand"))],
  [4, throwing(new IntegrityError("Cannot read", { expected: "a", actual: "b" }))],
])("exit code %p", async (code, work) => {
  expect(await exitCodeOf(work)).toBe(code);
});

test("leaves no listener for signals behind", async () => {
  const count = (): number => process.listenerCount("SIGINT") + process.listenerCount("SIGTERM");
  const before = count();
  let during = 0;
  await exitCodeOf(async () => {
    during = count();
    return 0;
  });
  expect(during).toBe(before + 2);
  expect(count()).toBe(before);
});

test("an error is one line, its hint another", () => {
  const session = recordedSession();
  explain(new AppError("DENIED", "Cannot push\nit", { hint: "log in", cause: new Error("secret stack") }), session);
  expect(session.lines).toEqual(["dray: Cannot push it", "  log in"]);
});

test("a bug is said as well as it can be", () => {
  const session = recordedSession();
  explain(new TypeError("undefined is not a function"), session);
  expect(session.lines).toEqual(["dray: Cannot go on: undefined is not a function"]);
});

test("after Ctrl-C nobody is told that it was interrupted", () => {
  const session = { ...recordedSession(), interrupted: () => 130 };
  explain(new AppError("CANCELLED", "Cannot go on: interrupted by SIGINT"), session);
  expect(session.lines).toEqual([]);
  explain(new AppError("STORAGE", "Cannot write"), session);
  expect(session.lines).toEqual(["dray: Cannot write"]);
});

test("with --debug the causes are told, with where they come from", () => {
  const session = { ...recordedSession(), debug: true };
  explain(new AppError("NETWORK", "Cannot reach it", { cause: new Error("the reason") }), session);
  expect(session.lines[0]).toBe("dray: Cannot reach it");
  expect(session.lines.join("\n")).toContain("Error: the reason");
});
