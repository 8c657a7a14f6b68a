/** How commands read what lies in archives and folders: the flags of `readArgs`, and what is told in the log. */
import { AppError } from "../errors.ts";
import type { LoadableOptions } from "../operations/loadable.ts";
import type { Session } from "./session.ts";

/** The flags as they were given. */
export interface ReadFlags {
  readonly "spool-dir"?: string | undefined;
}

export function readingOf(flags: ReadFlags, { log, signal }: Pick<Session, "log" | "signal">): LoadableOptions {
  return {
    spoolFolder: flags["spool-dir"],
    onWarning: log.warn,
    onSpool: (name, folder) => log.info(`unpacks ${name} in ${folder}`),
    signal,
  };
}

/** Throws USAGE for `-`: archives are read in any order, and only load can do without. */
export function requireFiles(paths: readonly string[]): void {
  if (!paths.includes("-")) return;
  throw new AppError("USAGE", 'Cannot open "-": only load reads an archive from standard input', {
    hint: "write it to a file and name that; a file that is called so is ./-",
  });
}
