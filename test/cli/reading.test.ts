/** What is told while an archive is opened. */
import { expect, test } from "bun:test";
import { createLog } from "../../src/cli/log.ts";
import { readingOf } from "../../src/cli/reading.ts";
import { createTerminal } from "../../src/cli/terminal.ts";

test("that an archive is unpacked, and where, is in the log", () => {
  const lines: string[] = [];
  const log = createLog(createTerminal({ write: (text) => lines.push(text) }), { debug: false, color: false });
  const { signal } = new AbortController();
  const reading = readingOf({ "spool-dir": "spool" }, { log, signal });
  expect(reading).toMatchObject({ spoolFolder: "spool", signal });
  reading.onSpool?.("a.tar.gz", "spool");
  reading.onWarning("odd");
  expect(lines.map((line) => line.slice("15:04:05 ".length))).toEqual([
    "[INFO] unpacks a.tar.gz in spool\n",
    "[WARN] odd\n",
  ]);
});
