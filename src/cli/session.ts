/** What every command has: a log, a terminal, and a signal that the user's Ctrl-C aborts. */
import { readFileSync } from "node:fs";
import { AppError } from "../errors.ts";
import { createLog, type Log } from "./log.ts";
import { watchMemory } from "./memory.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

export interface Session {
  readonly terminal: Terminal;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly debug: boolean;
  /** 128 plus the number of the signal that ended the run. */
  interrupted(): number | undefined;
  /** To be called last, with the exit code set: a run that was interrupted ends the process. */
  end(): void;
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Milliseconds in which one wish to stop may come twice: to the process itself and to its group, as `timeout` sends it. */
const SAME = 500;

/**
 * The first signal aborts and lets the run clean up; the second ends the process at once. Under nohup, a terminal that goes away
 * ends nothing.
 */
export function startSession(debug: boolean): Session {
  const terminal = createTerminal(process.stderr);
  const color = terminal.isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb";
  const log = createLog(terminal, { debug, color });
  const control = new AbortController();
  let code: number | undefined;
  let since = 0;
  function onSignal(name: keyof typeof SIGNALS): void {
    if (code !== undefined) {
      if (performance.now() - since > SAME) process.exit(code);
      return;
    }
    code = SIGNALS[name];
    since = performance.now();
    log.warn("stopping; once more ends it at once");
    control.abort(new AppError("CANCELLED", `Cannot go on: interrupted by ${name}`));
  }
  const names = Object.keys(SIGNALS).filter((name) => name !== "SIGHUP" || !isHangupIgnored());
  for (const name of names) process.on(name, onSignal);
  const unwatch = watchMemory();
  return {
    terminal,
    log,
    signal: control.signal,
    debug,
    interrupted: () => code,
    end() {
      unwatch();
      for (const name of names) process.off(name, onSignal);
      // What was written, and waits for its reader, would keep it.
      if (code !== undefined) process.exit();
    },
  };
}

/** Whether whoever started this process wants it to outlive the terminal. Linux tells; elsewhere nobody is known to have said so. */
function isHangupIgnored(): boolean {
  try {
    const [, ignored] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return Number.parseInt(ignored?.at(-1) ?? "0", 16) % 2 === 1;
  } catch {
    return false;
  }
}
