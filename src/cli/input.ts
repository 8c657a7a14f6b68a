/** The list that the user gives: a file, a pipe, or lines typed at a terminal. */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { AppError, reasonOf } from "../errors.ts";
import type { Call } from "../store/store.ts";
import { readPipe } from "./pipe.ts";

/** A list is read whole before anything is written. 64 MiB are a million lines. */
const LIMIT = 64 << 20;

export interface ListText {
  readonly text: string;
  /** How messages call it. */
  readonly source: string;
  /** Of the file; undefined for standard input. */
  readonly path: string | undefined;
}

/** Reads the list of `--file`; `-` or nothing is standard input, where a terminal is asked line by line. Throws USAGE. */
export async function readList(file: string | undefined, { signal }: Call): Promise<ListText> {
  if (file === undefined || file === "-") {
    const text = process.stdin.isTTY
      ? await askLines(signal)
      : await readPipe("Cannot read the list", LIMIT, { signal });
    return { text, source: "standard input", path: undefined };
  }
  try {
    return { text: await readFile(file, { encoding: "utf8", signal }), source: file, path: file };
  } catch (cause) {
    signal?.throwIfAborted();
    throw new AppError("USAGE", `Cannot read list "${file}": ${reasonOf(cause)}`, { cause });
  }
}

async function askLines(signal: AbortSignal | undefined): Promise<string> {
  process.stderr.write("One image a line; Ctrl-D ends the list.\n");
  const lines: string[] = [];
  const reader = createInterface({ input: process.stdin, output: process.stderr, prompt: ">>> " });
  const onAbort = (): void => reader.close();
  signal?.addEventListener("abort", onAbort, { once: true });
  reader.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  reader.prompt();
  for await (const line of reader) {
    lines.push(line);
    reader.prompt();
  }
  signal?.throwIfAborted();
  process.stderr.write("\n");
  return lines.join("\n");
}
