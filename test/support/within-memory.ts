/** The product as a process of its own, in a workplace that has a file `archive`, and the most memory that it took. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { commandOf, type Workplace } from "./dray.ts";
import type { Ended } from "./run.ts";

/** Bytes that it may take, whatever it reads. */
export const MOST = 300e6;

const [PROGRAM = "", MAIN = ""] = commandOf("bun");
const RUNTIME = [PROGRAM, "--preload", join(import.meta.dirname, "peak-memory.ts"), MAIN];

/** The same, reading the archive from a pipe. */
const PIPED = ["/bin/sh", "-c", 'cat archive | exec "$@"', "sh", ...RUNTIME];

/** Runs it with these arguments; `-` among them is the archive out of a pipe. `peak` is in bytes. */
export async function measured(place: Workplace, args: readonly string[]): Promise<Ended & { readonly peak: number }> {
  const file = place.file("peak");
  const runtime = args.includes("-") ? PIPED : RUNTIME;
  const env = { DRAY_PEAK: file, TMPDIR: place.path, PATH: "/usr/bin:/bin" };
  const ended = await place.dray(args, { runtime, env });
  const peak = Number(await readFile(file, "utf8"));
  await rm(file);
  return { ...ended, peak };
}
