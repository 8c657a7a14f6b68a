/** Passwords from standard input, or from somebody at a terminal: never from arguments, which every process can see. */
import { AppError } from "../errors.ts";
import type { Call } from "../store/store.ts";
import { readPipeText } from "./pipe.ts";
import { ask, canAsk } from "./prompt.ts";

/** Bytes. Keys of service accounts have a few thousand. */
const LIMIT = 64 << 10;

/**
 * The passwords on standard input: all of it for one, without the end of its last line; one on each line for two. Throws USAGE
 * for fewer or more, and at a terminal, where they would be seen.
 */
export async function readPasswords(count: number, { signal }: Call): Promise<readonly string[]> {
  if (count === 0) return [];
  if (process.stdin.isTTY)
    throw new AppError("USAGE", "Cannot read the password from standard input: it is a terminal", {
      hint: "leave out --password-stdin to be asked for it",
    });
  const text = (await readPipeText("Cannot read the password", LIMIT, { signal })).replace(/\r?\n$/, "");
  const passwords = count === 1 ? [text] : text.split(/\r?\n/);
  if (passwords.length === count && !passwords.includes("")) return passwords;
  const expected = count === 1 ? "it is empty" : "expected two lines, the source's password and the destination's";
  throw new AppError("USAGE", `Cannot read the password from standard input: ${expected}`);
}

/** Asks for a password. Throws USAGE where there is nobody to ask; `flag` is what to give then. */
export async function askPassword(who: string, flag: string, { signal }: Call): Promise<string> {
  if (!canAsk())
    throw new AppError("USAGE", `Cannot log in as ${who}: no password is given`, {
      hint: `give it on standard input, with ${flag}`,
    });
  const password = await ask(`Password of ${who}: `, { secret: true, signal });
  if (password === "") throw new AppError("USAGE", `Cannot log in as ${who}: the password is empty`);
  return password;
}
