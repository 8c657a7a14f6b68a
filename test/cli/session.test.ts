/** What signals do to a run. */
import { afterEach, beforeEach, expect, jest, spyOn, test } from "bun:test";
import { type Session, startSession } from "../../src/cli/session.ts";

let session: Session;
const exit = spyOn(process, "exit");
const write = spyOn(process.stderr, "write");
let now = 0;
const clock = spyOn(performance, "now");

beforeEach(() => {
  for (const spy of [exit, write, clock]) spy.mockReset();
  exit.mockImplementation(() => undefined as never);
  write.mockImplementation(() => true);
  clock.mockImplementation(() => now);
  session = startSession(false);
});
afterEach(() => {
  session.end();
  jest.restoreAllMocks();
});

test("a signal that comes twice at once, to the process and to its group, lets the run clean up", () => {
  process.emit("SIGTERM", "SIGTERM");
  now += 5;
  process.emit("SIGTERM", "SIGTERM");
  expect(exit).not.toHaveBeenCalled();
  expect(session.signal.aborted).toBe(true);
  expect(session.interrupted()).toBe(143);
  now += 1000;
  process.emit("SIGINT", "SIGINT");
  expect(exit.mock.calls).toEqual([[143]]);
});
