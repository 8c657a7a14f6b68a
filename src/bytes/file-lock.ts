/** A lock beside a small file that several processes change: `<file>.dray-lock`. */
import { randomUUID } from "node:crypto";
import { open, readFile, rm, stat } from "node:fs/promises";
import { pause } from "./retry.ts";

/** Milliseconds after which a lock has been left behind: changes take a few. */
const STALE = 10_000;
const PAUSE = 20;

/** Gives a lock back, as long as nobody has taken it over. */
export type Unlock = () => Promise<void>;

/** Where the lock of a file is. */
export function lockOf(file: string): string {
  return `${file}.dray-lock`;
}

/**
 * Waits until nobody else has the lock; the result gives it back. One that was left behind is taken over after ten seconds.
 * Rejects with the signal's reason, and with what the system says where no lock can be made or looked at.
 */
export async function lockFile(file: string, signal?: AbortSignal): Promise<Unlock> {
  const path = lockOf(file);
  // Only who has this one removes the lock of another, so that nobody removes that of whoever came first.
  const second = `${path}.old`;
  const isLeft = watch(path);
  const isSecondLeft = watch(second);
  for (;;) {
    signal?.throwIfAborted();
    const unlock = await lockIfFree(file);
    if (unlock) return unlock;
    const end = (await isLeft()) ? await make(second) : undefined;
    if (end)
      try {
        if (await isLeft()) await rm(path, { force: true });
        continue;
      } finally {
        await end();
      }
    // Its holder was killed. Others may be about to remove it too: nobody makes another at once.
    if (await isSecondLeft()) await rm(second, { force: true });
    await pause(PAUSE, signal);
  }
}

/** The same without waiting: undefined where somebody has the lock, or has left it behind. */
export function lockIfFree(file: string): Promise<Unlock | undefined> {
  return make(lockOf(file));
}

/** Makes a file that is not there; undefined where it is. */
async function make(path: string): Promise<Unlock | undefined> {
  const id = randomUUID();
  const file = await open(path, "wx", 0o600).catch(unless("EEXIST"));
  if (!file) return undefined;
  try {
    await file.writeFile(id);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return async () => {
    if ((await readFile(path, "utf8").catch(unless("ENOENT"))) === id) await rm(path, { force: true });
  };
}

/** Tells whether a file has been the same for long. By our own clock: that of a file server may be ahead or behind. */
function watch(path: string): () => Promise<boolean> {
  let seen: string | undefined;
  let since = 0;
  return async () => {
    const stats = await stat(path, { bigint: true }).catch(unless("ENOENT"));
    const now = performance.now();
    const mark = stats && `${stats.ino} ${stats.mtimeNs}`;
    if (mark !== seen) since = now;
    seen = mark;
    return mark !== undefined && now - since > STALE;
  };
}

function unless(expected: string): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code !== expected) throw error;
    return undefined;
  };
}
