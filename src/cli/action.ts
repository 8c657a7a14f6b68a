/** Wraps a command's work: flags in, session around it, errors as one line with a hint, exit code out. */
import type { ArgsDef } from "citty";
import { clean } from "../bytes/text.ts";
import { AppError, type ErrorCode, reasonOf } from "../errors.ts";
import { type Flags, parseFlags } from "./flags.ts";
import { type Session, startSession } from "./session.ts";

/** What the exit codes of all commands mean. */
export const EXIT = { done: 0, failed: 1, usage: 2, partial: 3, integrity: 4 } as const;

/** The `run` of a command. `work` returns the exit code; what it throws becomes one. */
export function action<T extends ArgsDef>(
  command: string,
  definitions: T,
  work: (flags: Flags<T>, session: Session) => Promise<number>,
): (context: { rawArgs: string[] }) => Promise<void> {
  return async ({ rawArgs }) => {
    const debug = rawArgs.some((token) => /^--?debug(?:=(?:true|1|t))?$/.test(token));
    const session = startSession(debug);
    try {
      process.exitCode = await work(parseFlags(definitions, rawArgs, command, session.log.warn), session);
    } catch (error) {
      explain(error, session);
      process.exitCode = session.interrupted() ?? exitCodeOf(error);
    } finally {
      session.end();
    }
  };
}

/** Says what went wrong, in one line; the hint in another; causes and stacks only where they were asked for. */
export function explain(
  error: unknown,
  { terminal, debug, interrupted }: Pick<Session, "terminal" | "debug" | "interrupted">,
): void {
  if (interrupted() === undefined || !isCancelled(error)) {
    const message = error instanceof AppError ? error.message : `Cannot go on: ${reasonOf(error)}`;
    terminal.line(`dray: ${clean(message, 2000)}`);
    if (error instanceof AppError && error.hint) terminal.line(`  ${clean(error.hint, 2000)}`);
  }
  if (!debug) return;
  for (let cause: unknown = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth++)
    terminal.line(cause.stack ?? cause.message);
}

function isCancelled(error: unknown): boolean {
  return (
    (error instanceof AppError && error.code === "CANCELLED") || (error instanceof Error && error.name === "AbortError")
  );
}

const CODES: Partial<Record<ErrorCode, number>> = { USAGE: EXIT.usage, INTEGRITY: EXIT.integrity };

function exitCodeOf(error: unknown): number {
  return (error instanceof AppError && CODES[error.code]) || EXIT.failed;
}
