/** Log lines. */
import { expect, test } from "bun:test";
import { createLog } from "../../src/cli/log.ts";
import { createTerminal } from "../../src/cli/terminal.ts";

function logged(options: { debug: boolean; color: boolean }) {
  const lines: string[] = [];
  const log = createLog(createTerminal({ write: (text: string) => lines.push(text) }), options);
  return { log, lines };
}

test("have the time, the level, and where in the list they belong", () => {
  const { log, lines } = logged({ debug: false, color: false });
  log.info("one");
  log.warn("two", { image: 3 });
  log.error("three", { image: 3, platform: 2 });
  for (const line of lines) expect(line).toMatch(/^\d\d:\d\d:\d\d /);
  expect(lines.map((line) => line.slice(9))).toEqual([
    "[INFO] one\n",
    "[WARN] [M_ID:3] two\n",
    "[ERRO] [M_ID:3] [IMG_ID:2] three\n",
  ]);
});

test("of requests are told only when they are asked for", () => {
  const [quiet, loud] = [logged({ debug: false, color: false }), logged({ debug: true, color: false })];
  for (const { log } of [quiet, loud]) log.debug("GET /v2/");
  expect(quiet.lines).toEqual([]);
  expect(loud.lines[0]).toEndWith("[DEBU] GET /v2/\n");
});

test("that say the same are all told", () => {
  const { log, lines } = logged({ debug: false, color: false });
  for (let at = 0; at < 20; at++) log.warn("again");
  expect(lines.length).toBe(20);
});

test("stay one line each, whatever a registry says", () => {
  const { log, lines } = logged({ debug: false, color: true });
  log.error("a\n[INFO] SAVED\u001b[2J");
  expect(lines).toEqual([expect.stringMatching(/^\d\d:\d\d:\d\d \u001b\[31m\[ERRO\]\u001b\[0m a \[INFO\] SAVED\n$/)]);
});
