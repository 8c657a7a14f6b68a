/** The list of what failed: lines of the list that was given, written as they fail. */
import { access, appendFile, lstat, realpath, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { onDisk } from "../bytes/disk.ts";
import { AppError } from "../errors.ts";

export interface FailedList {
  /** Adds a line. */
  add(line: string): void;
  /**
   * Resolves when all that was added is written: true where there is such a file now. A file of an earlier run is gone. Throws
   * STORAGE where something could not be written; then there is no list.
   */
  close(): Promise<boolean>;
}

/** The names that commands give to such lists: only those are removed when they were the input, and all went well. */
const GENERATED = /-failed\.txt$/;

/**
 * Writes to `path`, from the first failure on. Where that is the list that was read (`input`), the new one is kept beside it
 * until close(), so that a run which is killed has not lost it. Throws STORAGE where that is a folder or has none; close() does
 * where something could not be written.
 */
export async function openFailedList(path: string, input: string | undefined): Promise<FailedList> {
  const isFile = await canWrite(path);
  const isInput =
    input !== undefined && (await realpath(path).catch(() => path)) === (await realpath(input).catch(() => input));
  const target = isInput ? `${path}.new` : path;
  let writing: Promise<void> = Promise.resolve();
  let count = 0;
  let failure: unknown;
  function then(work: () => Promise<void>): void {
    writing = writing.then(work).catch((error: unknown) => {
      failure ??= error;
    });
  }
  return {
    add(line) {
      const first = count++ === 0;
      then(() => (first ? writeFile(target, `${line}\n`) : appendFile(target, `${line}\n`)));
    },
    async close() {
      const isStale = count === 0 && isFile && (!isInput || GENERATED.test(path));
      if (isStale) then(() => rm(path, { force: true }));
      if (count > 0 && isInput) then(() => rename(target, path));
      await writing;
      if (failure === undefined) return count > 0;
      // Half a list, with half a name at its end, would be taken for the whole.
      if (isFile) await rm(target, { force: true }).catch(() => {});
      return onDisk(path, () => Promise.reject(failure));
    },
  };
}

/**
 * Whether a file is or can be there; false for a device, which is written to and never removed. Throws STORAGE. A folder that
 * is read-only passes: a load from such a disk may well need no list.
 */
async function canWrite(path: string): Promise<boolean> {
  const there = await lstat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new AppError("STORAGE", `Cannot write "${path}": it is a folder`);
  if (!there) await onDisk(path, () => access(dirname(path)));
  return !there || there.isFile() || there.isSymbolicLink();
}
