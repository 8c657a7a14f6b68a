/** A session that writes down what the user would read. */
import { createLog } from "../../src/cli/log.ts";
import type { Session } from "../../src/cli/session.ts";
import { createTerminal } from "../../src/cli/terminal.ts";

/** `lines` without the time of day in front. */
export function recordedSession(): Session & { readonly lines: string[] } {
  const lines: string[] = [];
  const terminal = createTerminal({
    write(text: string) {
      lines.push(
        ...text
          .replace(/\n$/, "")
          .split("\n")
          .map((line) => line.replace(/^\d\d:\d\d:\d\d /, "")),
      );
    },
  });
  return {
    lines,
    terminal,
    log: createLog(terminal, { debug: false, color: false }),
    signal: new AbortController().signal,
    debug: false,
    interrupted: () => undefined,
    end() {},
  };
}
