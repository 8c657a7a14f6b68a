/** Small writes gathered into large ones, of which one is under way while the next is filled. */
import type { Bytes } from "../bytes/stream.ts";
import type { Output } from "./output.ts";

const BUFFER: number = 1 << 20;

export interface Gathered {
  /** Where the next byte will stand in the output. */
  readonly position: number;
  /** Whether the output refused something: it takes no more then. */
  readonly failed: boolean;
  /** Copies the bytes, which the caller may use again. */
  push(bytes: Bytes): Promise<void>;
  /** Forgets all bytes from `position` on. The output must be able to. */
  truncate(position: number): Promise<void>;
  /** Hands over what is waiting. */
  flush(): Promise<void>;
  /** Waits for the write that is under way. Never throws. */
  settle(): Promise<void>;
}

/** Starts at the output's position. `onWritten` hears how many bytes the output has after each write. */
export function gathered(output: Output, onWritten: (total: number) => void): Gathered {
  let buffer: Bytes = new Uint8Array(BUFFER);
  let spare: Bytes = new Uint8Array(BUFFER);
  let filled = 0;
  let start = output.position;
  let writing = Promise.resolve();
  let failed = false;

  async function write(bytes: Bytes): Promise<void> {
    try {
      await output.write(bytes);
    } catch (error) {
      failed = true;
      throw error;
    }
    onWritten(output.position);
  }
  async function turn(): Promise<void> {
    await writing;
    writing = write(buffer.subarray(0, filled));
    // It is awaited at the next turn; until then its failure must not count as unhandled.
    writing.catch(() => {});
    [buffer, spare] = [spare, buffer];
    start += filled;
    filled = 0;
  }
  async function flush(): Promise<void> {
    if (filled > 0) await turn();
    await writing;
  }
  return {
    get position() {
      return start + filled;
    },
    get failed() {
      return failed;
    },
    async push(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + BUFFER - filled);
        buffer.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled === BUFFER) await turn();
      }
    },
    async truncate(position) {
      if (position >= start) {
        filled = position - start;
        return;
      }
      await writing;
      await output.truncate?.(position);
      start = position;
      filled = 0;
    },
    flush,
    async settle() {
      await writing.catch(() => {});
    },
  };
}
