/** `--jobs`: how many blobs are in flight. */
import { AppError } from "../errors.ts";

/** Blobs in flight unless the user says otherwise, also where a command has no `--jobs`. */
export const JOBS = 6;

const LEAST = 1;
const MOST = 20;

/** A whole number, brought into the range of 1 to 20 with a warning. Throws USAGE for anything else. */
export function parseJobs(text: string, warn: (message: string) => void): number {
  const jobs = Number(text);
  if (!/^[+-]?\d+$/.test(text)) throw new AppError("USAGE", `Cannot use "${text}" as --jobs: it is not a whole number`);
  const clamped = Math.min(MOST, Math.max(LEAST, jobs));
  if (clamped !== jobs) warn(`--jobs is ${clamped}: ${jobs} is not between ${LEAST} and ${MOST}`);
  return clamped;
}
