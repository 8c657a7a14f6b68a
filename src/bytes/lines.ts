/** Lines of a text that comes in chunks, of which no more than one line is held. */
import { type Bytes, concat, decode } from "./stream.ts";

/** What takes the chunks. */
export interface Lines {
  push(bytes: Bytes): void;
  /** The text has ended, with or without a line feed. */
  end(): void;
}

/**
 * Gives every line to `onLine`, without its line feed, and nothing behind the last line feed unless there is something.
 * push() and end() throw what `onLine` throws, a TypeError for a line that is not UTF-8, and a RangeError for one of more
 * than `longest` bytes.
 */
export function splitLines(longest: number, onLine: (line: string) => void): Lines {
  let held: Bytes[] = [];
  let length = 0;
  function hold(part: Bytes): void {
    length += part.length;
    if (length > longest) throw new RangeError(`a line has more than ${longest} bytes`);
    held.push(part);
  }
  function flush(): void {
    const line = concat(held);
    held = [];
    length = 0;
    onLine(decode(line));
  }
  return {
    push(bytes) {
      let from = 0;
      for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, from)) {
        hold(bytes.subarray(from, end));
        flush();
        from = end + 1;
      }
      if (from < bytes.length) hold(bytes.slice(from));
    },
    end() {
      if (length > 0) flush();
    },
  };
}
