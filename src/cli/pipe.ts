/** Standard input that is a pipe, read whole. */
import { AppError } from "../errors.ts";
import type { Call } from "../store/store.ts";

/**
 * All of standard input. A pipe that nobody closes does not keep a run that is aborted: rejects with the signal's
 * reason at once. Throws USAGE, `what` and how long it may be, for more than `limit` bytes.
 */
export async function readPipe(what: string, limit: number, { signal }: Call): Promise<Buffer> {
  signal?.throwIfAborted();
  const { stdin } = process;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = (): void => reject(signal?.reason);
  const chunks: Buffer[] = [];
  let size = 0;
  signal?.addEventListener("abort", stop, { once: true });
  // Not as an iterator: Deno's never ends when the stream is destroyed.
  stdin.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) reject(new AppError("USAGE", `${what}: standard input has more than ${limit} bytes`));
    else chunks.push(chunk);
  });
  stdin.once("end", resolve);
  stdin.once("error", reject);
  try {
    await promise;
  } catch (error) {
    stdin.destroy();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  return Buffer.concat(chunks);
}

/** The same as text. */
export async function readPipeText(what: string, limit: number, call: Call): Promise<string> {
  return (await readPipe(what, limit, call)).toString("utf8");
}
