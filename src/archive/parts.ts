/** The names of an archive's parts: `<archive>.part0`, `.part1`, ... as Hangar writes them, found in whatever folders they lie. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AppError } from "../errors.ts";

/** The files of one archive, in the order of their bytes. */
export interface Parts {
  /** What messages call the whole: its path without `.partN`. */
  readonly name: string;
  readonly paths: readonly string[];
}

/** Where part `number` of an archive is. */
export function partPath(archive: string, number: number): string {
  return `${archive}.part${number}`;
}

/** The archive and the number that the name of a part tells; undefined for any other name. */
export function parsePartPath(path: string): { archive: string; number: number } | undefined {
  const match = /^(.+)\.part(0|[1-9]\d{0,5})$/s.exec(path);
  return match ? { archive: match[1]!, number: Number(match[2]) } : undefined;
}

/**
 * The files of the archive that `paths` name: itself, any of its parts (the others beside it are found), or its parts in
 * several folders. A file that has the whole name wins over parts. Throws NOT_FOUND for a part that is missing between
 * others, USAGE for paths that are not of one archive or hold a part twice.
 */
export async function findParts(paths: readonly string[]): Promise<Parts> {
  const [first = ""] = paths;
  const name = parsePartPath(first)?.archive ?? first;
  if (paths.length === 1 && name === first && (await isThere(name))) return { name, paths };
  const found = new Map<number, string>();
  for (const path of paths) {
    const part = parsePartPath(path);
    const archive = part?.archive ?? path;
    if (basename(archive) !== basename(name))
      throw new AppError("USAGE", `Cannot open "${path}": it is no part of "${basename(name)}"`);
    for (const [number, other] of await partsBeside(archive)) {
      const known = found.get(number);
      if (known !== undefined && known !== other && paths.includes(other) === paths.includes(known))
        throw twice(known, other);
      if (known === undefined || paths.includes(other)) found.set(number, other);
    }
  }
  if (found.size === 0) return { name, paths: [name] };
  const last = Math.max(...found.keys());
  const missing = Array.from({ length: last }, (_, number) => number).filter((number) => !found.has(number));
  if (missing.length > 0) throw absent(name, missing);
  return { name, paths: Array.from({ length: last + 1 }, (_, number) => found.get(number)!) };
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

function absent(name: string, missing: readonly number[]): AppError {
  const parts = missing.length === 1 ? "part" : "parts";
  return new AppError("NOT_FOUND", `Cannot open "${name}": ${parts} ${missing.join(", ")} of it cannot be found`, {
    hint: "copy it beside the others, or name its folder with a further -s",
  });
}
