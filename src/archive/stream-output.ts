/** Archives into a pipe: what was written cannot be taken back. */
import type { Writable } from "node:stream";
import type { Bytes } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import type { Output } from "./output.ts";

/**
 * An output into a stream, which is not ended: its owner may. A reader that is slower than us is waited for. `name` is for
 * messages. Throws STORAGE where nobody reads any more, or the system refuses.
 */
export function streamOutput(stream: Writable, name: string): Output {
  let position = 0;
  let failure: AppError | undefined;
  function onError(error: Error): void {
    failure ??= refused(name, error);
  }
  // It stays for good: that the reader went away may be told after the last write.
  stream.on("error", onError);
  return {
    get position() {
      return position;
    },
    write(bytes: Bytes) {
      position += bytes.length;
      return new Promise((resolve, reject) => {
        if (failure) return reject(failure);
        stream.write(bytes, (error) => {
          if (error) onError(error);
          if (failure) reject(failure);
          else resolve();
        });
      });
    },
    async finish() {
      if (failure) throw failure;
    },
    async [Symbol.asyncDispose]() {},
  };
}

function refused(name: string, error: Error): AppError {
  const isGone = (error as NodeJS.ErrnoException).code === "EPIPE";
  const reason = isGone ? "whoever read it stopped reading" : reasonOf(error);
  return new AppError("STORAGE", `Cannot write to ${name}: ${reason}`, {
    cause: error,
    hint: isGone ? "look at the program behind the pipe" : undefined,
  });
}
