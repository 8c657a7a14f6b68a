/** One writer for a folder. */
import { randomUUID } from "node:crypto";
import { constants, copyFile, link, lstat, readdir, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { readFile } from "../bytes/file.ts";
import { collect, decode } from "../bytes/stream.ts";
import { AppError, asAppError } from "../errors.ts";

/** Bytes of the longest lock that is read: many times what one of ours has. */
const LIMIT = 4 << 10;

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly started: string;
}

/**
 * Takes the lock `.lock` of a folder; the result gives it back. A lock whose process is gone from this machine is taken over.
 * `onStale` hears of it. Throws STORAGE where another process holds it, or may hold it on another machine.
 */
export async function lockFolder(folder: string, onStale?: (message: string) => void): Promise<() => Promise<void>> {
  const path = join(folder, ".lock");
  const own: Holder = { pid: process.pid, host: hostname(), started: new Date().toISOString() };
  // Whole before it has its name: an empty lock would be taken for one that nobody holds.
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeFile(draft, JSON.stringify(own));
    for (let attempt = 1; ; attempt++) {
      if (await claim(draft, path)) {
        await removeDrafts(folder, own.host);
        return () => rm(path, { force: true });
      }
      const holder = await readHolder(path);
      if (attempt > 3 || (holder && isAlive(holder, own.host))) throw held(folder, path, holder);
      if (holder)
        onStale?.(`takes over "${folder}": process ${holder.pid}, which used it since ${holder.started}, is gone`);
      await rm(path, { force: true });
    }
  } catch (error) {
    throw asAppError(error, "STORAGE", `Cannot lock "${folder}"`);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Those of processes that were killed before they could remove them. */
async function removeDrafts(folder: string, here: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/^\.lock\.[0-9a-f-]{36}$/.test(name)) continue;
    const holder = await readHolder(join(folder, name));
    if (holder && !isAlive(holder, here)) await rm(join(folder, name), { force: true });
  }
}

/** Gives the draft its name; false where there is such a file. File systems without hard links get a copy. */
async function claim(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") throw error;
      return copyFile(draft, path, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Undefined where it does not say who, as where it is no regular file: none is opened but those. */
async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const stats = await lstat(path);
    const bytes = stats.isFile() ? await collect(readFile(path, Math.min(stats.size, LIMIT + 1)), LIMIT) : undefined;
    if (!bytes) return undefined;
    const { pid, host, started } = JSON.parse(decode(bytes)) as Record<string, unknown>;
    if (!Number.isSafeInteger(pid) || typeof host !== "string" || typeof started !== "string") return undefined;
    return { pid: pid as number, host, started };
  } catch {
    return undefined;
  }
}

/** A process of another machine cannot be asked: it counts as alive. */
function isAlive({ pid, host }: Holder, here: string): boolean {
  if (host !== here) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function held(folder: string, path: string, holder: Holder | undefined): AppError {
  const who = holder ? `process ${holder.pid} on ${holder.host} has used it since ${holder.started}` : "it is locked";
  return new AppError("STORAGE", `Cannot use "${folder}": ${who}`, {
    hint: `wait for it, use another folder, or remove "${path}" if that process is gone`,
  });
}
