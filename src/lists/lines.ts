/** The lines of a list that say something, with their numbers. */
import { AppError, asAppError } from "../errors.ts";

export interface Line {
  /** Counted from 1, comments and blank lines included. */
  readonly number: number;
  /** Without the space around it. */
  readonly text: string;
}

/** One line of a list: what it means, or why it cannot be understood. */
export type Parsed<T> = { readonly line: Line } & ({ readonly value: T } | { readonly error: AppError });

/** Lines without the blank ones and the comments (`#` and `//`). A byte order mark and CRLF are no part of them. */
export function splitLines(text: string): readonly Line[] {
  return text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\n|\r/)
    .map((line, index) => ({ number: index + 1, text: line.trim() }))
    .filter(({ text }) => text !== "" && !text.startsWith("#") && !text.startsWith("//"));
}

/** Parses every line; one that cannot be understood is a result that names `source` and its number, not an exception. */
export function parseLines<T>(text: string, source: string, parse: (line: string) => T): readonly Parsed<T>[] {
  return splitLines(text).map((line) => {
    try {
      if (/\s(?:#|\/\/)/.test(line.text))
        throw new AppError("USAGE", `Cannot understand "${line.text}": there is a comment in it`, {
          hint: "a comment has a line of its own",
        });
      return { line, value: parse(line.text) };
    } catch (thrown) {
      const cause = asAppError(thrown, "USAGE", "Cannot understand a line");
      const message = `${cause.message} (${source}, line ${line.number})`;
      return { line, error: new AppError(cause.code, message, { cause, hint: cause.hint }) };
    }
  });
}
