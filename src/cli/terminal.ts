/** Standard error as a place for lines, and below them, on a terminal, for a status that is drawn over itself. */

export interface Terminal {
  readonly isTTY: boolean;
  /** Columns. */
  readonly width: number;
  line(text: string): void;
  /** Replaces the status; no lines take it away. Nothing happens where there is no terminal. */
  status(lines: readonly string[]): void;
}

interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function createTerminal(stream: Stream): Terminal {
  const isTTY = stream.isTTY === true;
  let shown: readonly string[] = [];
  const erase = (): string => (shown.length === 0 ? "" : `\r\u001b[${shown.length}A\u001b[J`);
  const draw = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");
  return {
    isTTY,
    get width() {
      // 0 is a terminal that nobody told its size, as of `script` in a job.
      return stream.columns || 80;
    },
    line(text) {
      stream.write(`${erase()}${text}\n${draw(shown)}`);
    },
    status(lines) {
      if (!isTTY) return;
      const erased = erase();
      shown = lines;
      stream.write(erased + draw(lines));
    },
  };
}
