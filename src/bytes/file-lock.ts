/** A lock beside a small file that several processes change: `<file>.dray-lock`. */
import { open, rm, stat } from "node:fs/promises";
import { pause } from "./retry.ts";

/** Milliseconds after which a lock has been left behind: changes take a few. */
const STALE = 10_000;
const PAUSE = 20;

/** Where the lock of a file is. */
export function lockOf(file: string): string {
  return `${file}.dray-lock`;
}

/**
 * Waits until nobody else has the lock; the result gives it back. One that was left behind is taken over. Rejects with the
 * signal's reason, and with what the system says where no lock can be made or looked at.
 */
export async function lockFile(file: string, signal?: AbortSignal): Promise<() => Promise<void>> {
  const path = lockOf(file);
  for (;;) {
    signal?.throwIfAborted();
    try {
      await (await open(path, "wx", 0o600)).close();
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const held = await stat(path).catch(orAbsent);
    // The clock of another machine may be ahead of ours.
    if (held && Math.abs(Date.now() - held.mtimeMs) > STALE) await rm(path, { force: true });
    else await pause(PAUSE, signal);
  }
}

function orAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
