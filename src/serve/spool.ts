/** Bytes that arrive in pieces and are read once they are complete: in memory while they are few, then in a file. */
import { type FileHandle, open, rm } from "node:fs/promises";
import { readFile, writeFully } from "../bytes/file.ts";
import type { ByteStream, Bytes } from "../bytes/stream.ts";

/** Bytes that stay in memory, and the size of the writes beyond. */
const MEMORY = 1 << 20;

export interface Spool {
  /** Bytes so far. */
  readonly size: number;
  /** Takes a stream to its end. When it fails, what came before the failure is kept. */
  append(stream: ByteStream): Promise<void>;
  /** Everything from the first byte. */
  read(signal?: AbortSignal): ByteStream;
  /** Removes the file, if one was needed. */
  discard(): Promise<void>;
}

/** An empty spool. `file` is asked for the path to use when memory does not do; it is open only while append() runs. */
export function createSpool(file: () => Promise<string>): Spool {
  let path: string | undefined;
  let written = 0;
  let waiting: Bytes[] = [];
  let held = 0;
  async function flush(handle: FileHandle): Promise<void> {
    await writeFully(handle, waiting);
    written += held;
    waiting = [];
    held = 0;
  }
  return {
    get size() {
      return written + held;
    },
    async append(stream) {
      let handle: FileHandle | undefined;
      try {
        for await (const chunk of stream) {
          waiting.push(chunk);
          held += chunk.length;
          if (held <= MEMORY) continue;
          path ??= await file();
          handle ??= await open(path, "a", 0o600);
          await flush(handle);
        }
      } finally {
        await handle?.close();
      }
    },
    async *read(signal) {
      if (path !== undefined) yield* readFile(path, written, { signal });
      yield* waiting;
    },
    async discard() {
      waiting = [];
      held = 0;
      if (path !== undefined) await rm(path, { force: true });
    },
  };
}
