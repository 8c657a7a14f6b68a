/** How far the reading of everything is, as events. */
import type { ByteStream } from "../../bytes/stream.ts";
import type { OnEvent } from "../../events.ts";

export interface Checking {
  /** Bytes that are read to check the files as such, and their content: as far as is known. What is said again counts. */
  expect(what: "files" | "content", bytes: number): void;
  /** So many more were read. */
  took(bytes: number): void;
  /** The same stream, of which every chunk is counted. */
  counted(stream: ByteStream): ByteStream;
}

/** Nothing has been read. Tells nobody where there is no `onEvent`. */
export function startChecking(onEvent: OnEvent = () => {}): Checking {
  const expected = { files: 0, content: 0 };
  let bytes = 0;
  function tell(): void {
    onEvent({ type: "checked", bytes, total: Math.max(bytes, expected.files + expected.content) });
  }
  function took(more: number): void {
    bytes += more;
    tell();
  }
  return {
    expect(what, bytes) {
      expected[what] = bytes;
      tell();
    },
    took,
    async *counted(stream) {
      for await (const chunk of stream) {
        took(chunk.length);
        yield chunk;
      }
    },
  };
}
