/** Small writes gathered into large ones, of which some are under way while the next is filled. */
import type { Bytes } from "../bytes/stream.ts";
import { PAGE, pages } from "./disk-file.ts";
import type { Output } from "./output.ts";

const BUFFER: number = 1 << 20;

/** Writes that may be under way at once. */
const BEHIND = 4;

export interface Gathered {
  /** Where the next byte will stand in the output. */
  readonly position: number;
  /** Whether the output refused something: it takes no more then. */
  readonly failed: boolean;
  /** Copies the bytes, which the caller may use again. Mostly there is nothing to wait for, and then no promise. */
  push(bytes: Bytes): Promise<void> | undefined;
  /** Forgets all bytes from `position` on. The output must be able to. */
  truncate(position: number): Promise<void>;
  /** Hands over what is waiting. */
  flush(): Promise<void>;
  /** Waits for the write that is under way. Never throws. */
  settle(): Promise<void>;
}

/** Starts at the output's position. `onWritten` hears how many bytes the output has after each write. */
export function gathered(output: Output, onWritten: (total: number) => void): Gathered {
  const spare: Bytes[] = [];
  const writing: Promise<void>[] = [];
  let buffer = pages(BUFFER);
  let filled = 0;
  let start = output.position;
  let failed = false;

  /** So that the next one begins where a page does, also after some were cut off. */
  function full(): number {
    return BUFFER - (start % PAGE);
  }
  async function write(bytes: Bytes): Promise<void> {
    try {
      await output.write(bytes);
    } catch (error) {
      failed = true;
      throw error;
    }
    onWritten(output.position);
    spare.push(bytes);
  }
  async function turn(): Promise<void> {
    if (writing.length === BEHIND) await writing.shift();
    const under = write(buffer.subarray(0, filled));
    // It is awaited at a later turn; until then its failure must not count as unhandled.
    under.catch(() => {});
    writing.push(under);
    const free = spare.pop();
    buffer = free ? new Uint8Array(free.buffer) : pages(BUFFER);
    start += filled;
    filled = 0;
  }
  function push(bytes: Bytes): Promise<void> | undefined {
    const free = full() - filled;
    if (bytes.length < free) {
      buffer.set(bytes, filled);
      filled += bytes.length;
      return undefined;
    }
    buffer.set(bytes.subarray(0, free), filled);
    filled += free;
    return turn().then(() => push(bytes.subarray(free)));
  }
  async function drain(): Promise<void> {
    while (writing.length > 0) await writing.shift();
  }
  async function flush(): Promise<void> {
    if (filled > 0) await turn();
    await drain();
  }
  return {
    get position() {
      return start + filled;
    },
    get failed() {
      return failed;
    },
    push,
    async truncate(position) {
      if (position >= start) {
        filled = position - start;
        return;
      }
      await drain();
      await output.truncate?.(position);
      start = position;
      filled = 0;
    },
    flush,
    async settle() {
      await Promise.allSettled(writing);
    },
  };
}
