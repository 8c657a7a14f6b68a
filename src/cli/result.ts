/** The result of a command on standard output, where it may be long. */
import { setImmediate } from "node:timers/promises";

/** Characters that are gathered before they are written. */
const CHUNK: number = 64 << 10;

/**
 * Writes the pieces one after the other, as fast as they are taken. Ends early where nobody takes them any more, or standard
 * output fails, which is told where that is watched.
 */
export async function writeResult(pieces: Iterable<string>): Promise<void> {
  let text = "";
  for (const piece of pieces) {
    text += piece;
    if (text.length < CHUNK) continue;
    if (!(await isWritten(text))) return;
    // Whoever looks after the memory of the process has a turn.
    await setImmediate();
    text = "";
  }
  await isWritten(text);
}

function isWritten(text: string): Promise<boolean> {
  return new Promise((resolve) => process.stdout.write(text, (error) => resolve(!error)));
}
