/** The list that the user gives: a file, a pipe, or lines typed at a terminal. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { AppError, reasonOf } from "../errors.ts";
import { splitLines } from "../lists/lines.ts";
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

/**
 * Reads the list of `--file`; `-` or nothing is standard input, where a terminal is asked line by line. UTF-8, or UTF-16 with a
 * byte order mark. Throws USAGE.
 */
export async function readList(file: string | undefined, { signal }: Call): Promise<ListText> {
  if (file === undefined || file === "-") {
    const source = "standard input";
    if (process.stdin.isTTY) return { text: await askLines(signal), source, path: undefined };
    const bytes = await readPipe("Cannot read the list", LIMIT, { signal });
    return { text: textOf(bytes, "the list"), source, path: undefined };
  }
  try {
    return { text: textOf(await readFile(file, signal), `list "${file}"`), source: file, path: file };
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof AppError) throw cause;
    throw new AppError("USAGE", `Cannot read list "${file}": ${reasonOf(cause)}`, { cause });
  }
}

/** What begins as no text does is not read on: it may be an archive. */
async function readFile(file: string, signal: AbortSignal | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of createReadStream(file, { signal }) as AsyncIterable<Buffer>) {
    if (size === 0) textOf(chunk, `list "${file}"`, { stream: true });
    size += chunk.length;
    if (size > LIMIT) throw new AppError("USAGE", `Cannot read list "${file}": it has more than ${LIMIT} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Comments may be of any encoding; of a `stream`, the end may be missing. Throws USAGE for what is no text. */
function textOf(bytes: Buffer, what: string, { stream = false } = {}): string {
  const text = new TextDecoder(encodingOf(bytes)).decode(bytes, { stream });
  if (text.includes("\0") || splitLines(text).some((line) => line.text.includes("\uFFFD")))
    throw new AppError("USAGE", `Cannot read ${what}: it is no text`, {
      hint: "a list has one image a line, in UTF-8 or UTF-16; one that is compressed must be unpacked first",
    });
  return text;
}

/** By the byte order mark, which PowerShell writes. */
function encodingOf([first, second]: Buffer): string {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
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
