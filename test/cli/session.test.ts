/** What signals do to a run. */
import { afterEach, beforeEach, expect, jest, spyOn, test } from "bun:test";
import { existsSync } from "node:fs";
import { type Session, startSession } from "../../src/cli/session.ts";
import { commandOf, openWorkplace } from "../support/dray.ts";

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

test.skipIf(!existsSync("/proc/self/status")).each([
  ["goes on under nohup", "trap '' HUP; ", "SIGTERM", 143],
  ["ends without it", "", "SIGHUP", 129],
] as const)("when its terminal goes away a run %s", async (_, before, last, code) => {
  jest.restoreAllMocks();
  await using work = await openWorkplace();
  const runtime = ["/bin/sh", "-c", `${before}exec "$@"`, "sh", ...commandOf("bun")];
  const server = work.start(["serve", "--listen", "127.0.0.1:0"], { runtime });
  const [url] = await server.saying(/^http:\S+/m);
  if (last === "SIGTERM") {
    server.kill("SIGHUP");
    for (let asked = 0; asked < 20; asked++) expect((await fetch(`${url}/v2/`)).status).toBe(200);
  }
  server.kill(last);
  expect((await server.ended).code).toBe(code);
});
