/** The result of a command on standard output, where it may be long. */
import { setImmediate } from "node:timers/promises";
import { within } from "../bytes/signal.ts";
import type { Call } from "../store/store.ts";

/** Characters that are gathered before they are written. */
const CHUNK: number = 64 << 10;

/**
 * Writes the pieces one after the other, as fast as they are taken. Ends early where nobody takes them any more, or standard
 * output fails, which is told where that is watched. Rejects with the signal's reason, also where nobody takes them.
 */
export async function writeResult(pieces: Iterable<string>, { signal }: Call): Promise<void> {
  let text = "";
  for (const piece of pieces) {
    text += piece;
    if (text.length < CHUNK) continue;
    if (!(await within(isWritten(text), signal))) return;
    // Whoever looks after the memory of the process has a turn.
    await setImmediate();
    text = "";
  }
  await within(isWritten(text), signal);
}

function isWritten(text: string): Promise<boolean> {
  return new Promise((resolve) => process.stdout.write(text, (error) => resolve(!error)));
}
