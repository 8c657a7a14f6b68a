/** The names of an archive's parts: `<archive>.part0`, `.part1`, ... as Hangar writes them, found in whatever folders they lie. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AppError } from "../errors.ts";
import { type Checksums, readChecksums } from "./checksums.ts";

/** The files of one archive, in the order of their bytes. */
export interface Parts {
  /** What messages call the whole: its path without `.partN`. */
  readonly name: string;
  readonly paths: readonly string[];
  /** Those of the paths that nobody has found; empty unless that was allowed. */
  readonly missing: readonly string[];
}

/** Parts are numbered below this: 20 TB in parts of 2 GiB. */
const MOST_PARTS = 10_000;
/** Missing parts that a message names, or runs of them. */
const MOST_NAMED = 20;

/** Where part `number` of an archive is. Throws USAGE for one that nobody would look for. */
export function partPath(archive: string, number: number): string {
  if (number >= MOST_PARTS)
    throw new AppError("USAGE", `Cannot write "${archive}": it would have more than ${MOST_PARTS} parts`, {
      hint: "choose larger ones with --part-size",
    });
  return `${archive}.part${number}`;
}

/** The archive and the number that the name of a part tells; undefined for any other name. */
export function parsePartPath(path: string): { archive: string; number: number } | undefined {
  const match = /^(.+)\.part(0|[1-9]\d{0,9})$/s.exec(path);
  const number = Number(match?.[2]);
  return match && number < MOST_PARTS ? { archive: match[1]!, number } : undefined;
}

/**
 * The files of the archive that `paths` name: itself, any of its parts (the others beside it are found), or its parts in
 * several folders. A file that has the whole name wins over parts. Throws INTEGRITY for a part that is missing between
 * others or behind them, as far as its file of checksums tells; where `holes` is set it only counts as missing. Throws USAGE
 * for paths that are not of one archive or hold a part twice.
 */
export async function findParts(
  paths: readonly string[],
  { holes = false }: { readonly holes?: boolean | undefined } = {},
): Promise<Parts> {
  const [first = ""] = paths;
  const name = parsePartPath(first)?.archive ?? first;
  if (paths.length === 1 && name === first && (await isThere(name))) return { name, paths, missing: [] };
  const archives = paths.map((path) => parsePartPath(path)?.archive ?? path);
  const stray = archives.findIndex((archive) => basename(archive) !== basename(name));
  if (stray >= 0) throw new AppError("USAGE", `Cannot open "${paths[stray]}": it is no part of "${basename(name)}"`);
  const found = await placesOf(archives, paths);
  if (found.size === 0) return { name, paths: [name], missing: [] };
  const count = Math.max(...found.keys(), await lastPart(archives)) + 1;
  const all = Array.from({ length: count }, (_, number) => found.get(number) ?? partPath(name, number));
  const missing = all.filter((_, number) => !found.has(number));
  if (missing.length > 0 && !holes) throw absent(name, missing);
  return { name, paths: all, missing };
}

/** Where each part is. One that was named itself goes before one that lies beside another. */
async function placesOf(archives: readonly string[], paths: readonly string[]): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (const archive of new Set(archives))
    for (const [number, other] of await partsBeside(archive)) {
      const known = found.get(number);
      if (known !== undefined && paths.includes(other) === paths.includes(known)) throw twice(known, other);
      if (known === undefined || paths.includes(other)) found.set(number, other);
    }
  return found;
}

/** The checksums of the parts, from whichever of their folders has them; none where none has. */
export async function checksumsOf({ name, paths }: Parts): Promise<Checksums> {
  for (const folder of new Set([name, ...paths].map((path) => dirname(path)))) {
    const found = await readChecksums(join(folder, basename(name)));
    if (found) return found;
  }
  return new Map();
}

/** The number of the last part that was written, where a file of checksums lies beside any of them; else -1. */
async function lastPart(archives: readonly string[]): Promise<number> {
  const numbers: number[] = [];
  for (const archive of new Set(archives))
    for (const part of (await readChecksums(archive))?.keys() ?? []) {
      const parsed = parsePartPath(part);
      if (parsed?.archive === basename(archive)) numbers.push(parsed.number);
    }
  return Math.max(-1, ...numbers);
}

/** The parts of an archive in its own folder, by their numbers. */
export async function partsBeside(archive: string): Promise<Map<number, string>> {
  const names = await readdir(dirname(archive)).catch(() => []);
  const found = new Map<number, string>();
  for (const name of names) {
    const part = parsePartPath(name);
    if (part?.archive === basename(archive)) found.set(part.number, join(dirname(archive), name));
  }
  return found;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function twice(one: string, other: string): AppError {
  return new AppError("USAGE", `Cannot open "${one}": "${other}" is the same part`, { hint: "name only one of them" });
}

function absent(name: string, missing: readonly string[]): AppError {
  const runs = runsOf(missing.flatMap((path) => parsePartPath(path)?.number ?? []));
  const numbers = runs.slice(0, MOST_NAMED).join(", ");
  const others = runs.length > MOST_NAMED ? " and others" : "";
  const [parts, hint] =
    missing.length === 1
      ? ["part", "copy it beside the others, or name that part too"]
      : ["parts", "copy them beside the others, or name those parts too"];
  return new AppError("INTEGRITY", `Cannot open "${name}": ${parts} ${numbers}${others} of it cannot be found`, {
    hint,
  });
}

/** Ascending numbers in words: `1, 2`, `8 to 98`. */
function runsOf(numbers: readonly number[]): readonly string[] {
  const runs: string[] = [];
  for (let at = 0; at < numbers.length; ) {
    const first = numbers[at]!;
    let last = first;
    while (numbers[at + last - first + 1] === last + 1) last++;
    at += last - first + 1;
    if (last - first < 2) runs.push(String(first), ...(last > first ? [String(last)] : []));
    else runs.push(`${first} to ${last}`);
  }
  return runs;
}
