/** Archives into a pipe: what was written cannot be taken back. */
import type { Writable } from "node:stream";
import { onDisk } from "../bytes/disk.ts";
import { AppError } from "../errors.ts";
import type { Output } from "./output.ts";

/**
 * An output into a stream, which is not ended: its owner may. A reader that is slower than us is waited for. `name` is for
 * messages. Throws STORAGE where nobody reads any more, or the system refuses.
 */
export function streamOutput(stream: Writable, name: string): Output {
  let position = 0;
  let failure: { error: unknown } | undefined;
  function fail(error: unknown): void {
    failure ??= { error };
  }
  // It stays for good: that the reader went away may be told after the last write.
  stream.on("error", fail);
  return {
    get position() {
      return position;
    },
    write(bytes) {
      position += bytes.length;
      return refusing(name, () => {
        return new Promise((resolve, reject) => {
          if (failure) throw failure.error;
          stream.write(bytes, (error) => {
            if (error) fail(error);
            if (failure) reject(failure.error);
            else resolve();
          });
        });
      });
    },
    finish: () =>
      refusing(name, async () => {
        if (failure) throw failure.error;
      }),
    async [Symbol.asyncDispose]() {},
  };
}

async function refusing(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await onDisk(name, work);
  } catch (error) {
    const { cause } = error as AppError;
    if ((cause as NodeJS.ErrnoException | undefined)?.code !== "EPIPE") throw error;
    throw new AppError("STORAGE", `Cannot write "${name}": whoever read it stopped reading`, {
      cause,
      hint: "look at what the program behind the pipe says",
    });
  }
}
