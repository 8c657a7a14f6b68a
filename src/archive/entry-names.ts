/** The names of a foreign archive's entries, checked one by one before anything is done with them. */
import { posix } from "node:path";
import { AppError, type ErrorCode } from "../errors.ts";
import { isEntryPath } from "./entry-path.ts";

/** More entries than archives have: of those that are read, whoever wrote them. Each costs memory. */
export const MOST_ENTRIES = 120_000;

/** Characters of all their names and targets together. */
export const MOST_CHARACTERS: number = 24 << 20;

/** What Dray says once more at the end of an archive, where an image failed after its place in the first was written. */
const AMENDED = ["saved-image-cache/saved-images-list.json", "saved-image-cache/index.json"];

/** A name as it stands in the archive, unchecked. */
export interface NamedEntry {
  readonly name: string;
  readonly type: "file" | "directory" | "symlink" | "hardlink";
  /** Where a link points. */
  readonly target?: string | undefined;
}

export interface EntryNames {
  /**
   * The path that the next entry has: without `./` in front and `/` at its end. Empty for the root itself. Throws INTEGRITY
   * for names that lead out of the archive, that came before, or that another file system takes for one that did, and for
   * links that lead out; UNSUPPORTED for too many entries, or too long names.
   */
  take(entry: NamedEntry): string;
}

/** `typeOf` says what a path that came before is, so that not all of them are remembered twice. */
export function entryNames(archive: string, typeOf: (path: string) => NamedEntry["type"] | undefined): EntryNames {
  /** Only names that have another spelling, by the one they are folded to. */
  const folded = new Map<string, string>();
  let count = 0;
  let characters = 0;
  return {
    take(entry) {
      const { name, type, target = "" } = entry;
      characters += name.length + target.length;
      if (characters > MOST_CHARACTERS)
        throw refusedEntry(archive, name, "all names take too much memory", "UNSUPPORTED");
      if (++count > MOST_ENTRIES)
        throw refusedEntry(archive, name, `it is one of more than ${MOST_ENTRIES} entries`, "UNSUPPORTED");
      if (name === "") throw refusedEntry(archive, name, "it has no name, or one that is not UTF-8");
      const path = plainPath(name);
      if (path === "") return path;
      if (!isEntryPath(path)) throw refusedEntry(archive, name, "its name is not a plain relative path");
      if (!mayStand(path, type, typeOf(path))) throw refusedEntry(archive, name, "it is there twice");
      if (linkTarget(entry, path) === undefined) throw refusedEntry(archive, name, "it is a link out of the archive");
      const fold = path.normalize("NFC").toLowerCase();
      const other = folded.get(fold) ?? (fold !== path && typeOf(fold) !== undefined ? fold : path);
      if (other !== path) throw refusedEntry(archive, name, `it is "${other}" but for capitals or accents`);
      if (fold !== path) folded.set(fold, path);
      return path;
    },
  };
}

/** Whether an archive may have another entry of a path: readers do not agree which of two counts. */
export function mayStand(path: string, type: string, before: string | undefined): boolean {
  return before === undefined || (type === before && (type === "directory" || AMENDED.includes(path)));
}

/** Where a link points, as a path of the archive; its own path for what is no link. Undefined where that is outside of it. */
export function linkTarget({ type, target = "" }: NamedEntry, path: string): string | undefined {
  if (type === "file" || type === "directory") return path;
  const found = posix.normalize(type === "hardlink" ? plainPath(target) : posix.join(posix.dirname(path), target));
  return target.startsWith("/") || found === ".." || found.startsWith("../") ? undefined : found;
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
