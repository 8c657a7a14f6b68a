/** The names of a foreign archive's entries, checked one by one before anything is done with them. */
import { AppError, type ErrorCode } from "../errors.ts";
import { isEntryPath } from "./entry-path.ts";

/** More entries than an archive of the largest registry has. Each costs memory: so many of them take 200 MB. */
const MOST_ENTRIES: number = 500_000;

export interface EntryNames {
  /**
   * The path that the next entry has: without `./` in front and `/` at its end. Empty for the root itself. Throws INTEGRITY
   * for names that lead out of the archive, or that another file system takes for one that came before; UNSUPPORTED for more
   * than half a million entries.
   */
  take(name: string): string;
}

/** `isTaken` says whether a path came before, so that not all of them are remembered twice. */
export function entryNames(archive: string, isTaken: (path: string) => boolean): EntryNames {
  /** Only names that have another spelling, by the one they are folded to. */
  const folded = new Map<string, string>();
  let count = 0;
  return {
    take(name) {
      if (++count > MOST_ENTRIES)
        throw refusedEntry(archive, name, `it is one of more than ${MOST_ENTRIES} entries`, "UNSUPPORTED");
      if (name === "") throw refusedEntry(archive, name, "it has no name, or one that is not UTF-8");
      const path = plainPath(name);
      if (path === "") return path;
      if (!isEntryPath(path)) throw refusedEntry(archive, name, "its name is not a plain relative path");
      const fold = path.normalize("NFC").toLowerCase();
      const other = folded.get(fold) ?? (fold !== path && isTaken(fold) ? fold : path);
      if (other !== path) throw refusedEntry(archive, name, `it is "${other}" but for capitals or accents`);
      if (fold !== path) folded.set(fold, path);
      return path;
    },
  };
}

/** A name without what means nothing. */
export function plainPath(name: string): string {
  const path = name.replace(/^(?:\.\/+)+/, "").replace(/\/+$/, "");
  // "/" alone must stay what it is: an absolute name.
  return path === "." ? "" : path === "" && name.startsWith("/") ? "/" : path;
}

/** An entry that is not read, nor the archive around it. */
export function refusedEntry(archive: string, entry: string, reason: string, code: ErrorCode = "INTEGRITY"): AppError {
  return new AppError(
    code,
    `Cannot read "${archive}": its entry ${JSON.stringify(shortened(entry))} is refused: ${reason}`,
  );
}

function shortened(name: string): string {
  return name.length > 200 ? `${name.slice(0, 200)}...` : name;
}
