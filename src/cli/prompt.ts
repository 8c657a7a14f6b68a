/** Questions to somebody at a terminal. Nobody is asked anything elsewhere. */
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { AppError } from "../errors.ts";
import type { Call } from "../store/store.ts";

/** Whether there is somebody to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** One line from the terminal, without its end; `secret` shows nothing of it. Throws USAGE when there is none. */
export async function ask(
  question: string,
  { secret = false, signal }: Call & { readonly secret?: boolean } = {},
): Promise<string> {
  signal?.throwIfAborted();
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = secret ? nowhere : process.stderr;
  const reader = createInterface({ input: process.stdin, output, terminal: true, historySize: 0 });
  // Only now, since the terminal shows by itself what is typed before somebody reads it.
  process.stderr.write(question);
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const close = (): void => reader.close();
  signal?.addEventListener("abort", close, { once: true });
  reader.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  reader.once("line", resolve);
  reader.once("close", () => resolve(undefined));
  try {
    const line = await promise;
    signal?.throwIfAborted();
    if (line === undefined) throw new AppError("USAGE", "Cannot go on: no answer was given");
    return line;
  } finally {
    signal?.removeEventListener("abort", close);
    reader.close();
    if (secret) process.stderr.write("\n");
  }
}
