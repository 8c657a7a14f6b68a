/** The list of what failed: lines of the list that was given, written as they fail. */
import { randomUUID } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { appendFile, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { onDisk } from "../bytes/disk.ts";
import { lockFile, lockIfFree } from "../bytes/file-lock.ts";
import { AppError } from "../errors.ts";
import type { FailedPath } from "./failed-path.ts";

export interface FailedList {
  /** Adds a line. */
  add(line: string): void;
  /**
   * Resolves when all that was added is written: true where there is such a file now. One of an earlier run is gone; what
   * another run has put there meanwhile stays, before ours. Throws STORAGE where something could not be written; then there
   * is no list of ours.
   */
  close(): Promise<boolean>;
}

/** Bytes of another run's list. */
const LIMIT = 64n << 20n;
/** Said of a folder where no file can be made or removed, and of a file that another system has mounted. */
const FIXED: readonly unknown[] = ["EACCES", "EPERM", "EBUSY", "EROFS", "EXDEV"];

/**
 * Writes from the first failure on. Where that is the list that was read, it stays as it is until close(): a run that is
 * killed has not lost it. What killed runs left beside it is removed, unless another run is at work.
 */
export async function openFailedList({
  path,
  file,
  isStream,
  isInput,
  isOther,
  seen,
}: FailedPath): Promise<FailedList> {
  const lines: string[] = [];
  let own: BigIntStats | undefined;
  let written = 0;
  let isDue = false;
  let writing: Promise<void> = Promise.resolve();
  let failure: unknown;
  if (!isStream) await removeLeftovers(file);

  /** What does not look like a list of ours is kept beside it: who named it may have meant something else. */
  async function setAside(): Promise<void> {
    if (isOther && isSame(await statOf(file), seen)) await rename(file, `${file}~`);
  }
  async function write(): Promise<void> {
    isDue = false;
    if (lines.length === 0) return;
    await (isStream ? writeAlone() : alone(file, writeAlone));
  }
  async function writeAlone(): Promise<void> {
    const there = isStream ? undefined : await statOf(file);
    const isOwn = isStream || isSame(there, own);
    const count = lines.length;
    const news = lines.slice(isOwn ? written : 0, count);
    if (news.length === 0) return;
    const others = there && !isOwn && !isSame(there, seen) ? await linesOf(path, file, there) : [];
    written = count;
    try {
      await setAside();
      if (isOwn) await appendFile(file, textOf(news));
      else await replace(file, textOf([...others, ...news]));
      own = await statOf(file);
    } catch (error) {
      if (isOwn) own = await statOf(file);
      throw error;
    }
  }
  function writeSoon(): void {
    if (isDue) return;
    isDue = true;
    writing = writing.then(write).catch((error: unknown) => {
      failure ??= error;
    });
  }
  return {
    add(line) {
      lines.push(line);
      if (!isInput) writeSoon();
    },
    async close() {
      writeSoon(); // another run may have removed it
      await writing;
      if (failure !== undefined) {
        // Half a list, with half a name at its end, would be taken for the whole.
        if (!isStream && !isInput) await alone(file, () => removeIf(file, own ?? seen)).catch(() => {});
        await onDisk(path, () => Promise.reject(failure));
      }
      if (lines.length === 0 && seen)
        await onDisk(path, () => alone(file, () => (isOther ? setAside() : removeIf(file, seen))));
      return lines.length > 0;
    },
  };
}

/** Runs `work` while no other run changes the file; where no lock can be made, all the same. */
async function alone(file: string, work: () => Promise<void>): Promise<void> {
  const unlock = await lockFile(file).catch(() => undefined);
  try {
    await work();
  } finally {
    await unlock?.();
  }
}

/** Removes a file that is still the one which it was; an empty one is no list. */
async function removeIf(file: string, was: BigIntStats | undefined): Promise<void> {
  if (was === undefined || was.size === 0n || !isSame(await statOf(file), was)) return;
  await rm(file, { force: true }).catch((error: unknown) => {
    if (isFixed(error)) return truncate(file);
    throw error;
  });
}

/** Under another name until it is whole, where the folder lets us. */
async function replace(file: string, text: string): Promise<void> {
  const fresh = `${file}.${randomUUID().slice(0, 8)}.new`;
  try {
    await writeFile(fresh, text);
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => {});
    if (!isFixed(error)) throw error;
    await writeFile(file, text).catch(async (failure: unknown) => {
      await truncate(file).catch(() => {});
      throw failure;
    });
  }
}

/** Without waiting: where a run holds the lock, or was killed with it, whoever writes next sees to that. */
async function removeLeftovers(file: string): Promise<void> {
  const names: readonly string[] = await readdir(dirname(file)).catch(() => []);
  const begin = `${basename(file)}.`;
  const left = names.filter((name) => name.startsWith(begin) && /^[0-9a-f]{8}\.new$/.test(name.slice(begin.length)));
  if (left.length === 0) return;
  const unlock = await lockIfFree(file).catch(() => undefined);
  if (!unlock) return;
  for (const name of left) await rm(join(dirname(file), name), { force: true }).catch(() => {});
  await unlock();
}

async function linesOf(path: string, file: string, { size }: BigIntStats): Promise<readonly string[]> {
  const text = size > LIMIT ? "\0" : await readFile(file, "utf8");
  if (text.includes("\0"))
    throw new AppError("STORAGE", `Cannot write "${path}": another program has put something else there`);
  return text.split("\n").filter((line) => line !== "");
}

function textOf(lines: readonly string[]): string {
  return [...new Set(lines)].map((line) => `${line}\n`).join("");
}

function statOf(file: string): Promise<BigIntStats | undefined> {
  return stat(file, { bigint: true }).catch(() => undefined);
}

function isSame(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return one.ino === other.ino && one.size === other.size && one.mtimeNs === other.mtimeNs;
}

function isFixed(error: unknown): boolean {
  return FIXED.includes((error as NodeJS.ErrnoException).code);
}
