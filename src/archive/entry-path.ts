/** The names that an archive may hold: those that stay below the folder where it is unpacked. */
import { encode } from "../bytes/stream.ts";

/** The longest name that Linux opens, in bytes. */
const LONGEST = 4096;

/** Whether `path` is relative, without `.`, `..`, empty parts, backslashes, control characters or lone surrogates. */
export function isEntryPath(path: unknown): path is string {
  if (typeof path !== "string" || path === "" || encode(path).length > LONGEST) return false;
  if (/[\\\u0000-\u001f\u007f]/.test(path) || /^[A-Za-z]:/.test(path) || !path.isWellFormed()) return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}
