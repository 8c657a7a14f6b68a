/** Where the list of what failed goes: a file that is nothing else to the run. */
import type { BigIntStats } from "node:fs";
import { access, open, readlink, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { onDisk } from "../bytes/disk.ts";
import { AppError } from "../errors.ts";
import { isBelow, isSameFile, type Place, placeIn, placeOf, placeOfOpen } from "./same-file.ts";

/** Files and folders of a run, as they were given; `-` is standard input. */
export interface RunPaths {
  /** The list that it reads. */
  readonly list?: string | undefined;
  /** Archives and folders that it reads, and folders that it fills. */
  readonly uses?: readonly string[];
  /** The archive that it writes. */
  readonly archive?: string | undefined;
}

/** A path that a list of failures can have. */
export interface FailedPath {
  /** As it was given. */
  readonly path: string;
  /** The same, or where it leads to as a link. */
  readonly file: string;
  /** No file, as /dev/stderr or /dev/null: lines go to its end, and nothing of it is removed. */
  readonly isStream: boolean;
  /** The list that the run reads. */
  readonly isInput: boolean;
  /** There is something else in it, by its name: it is not to be lost. */
  readonly isOther: boolean;
  /** What was there at the start. */
  readonly seen: BigIntStats | undefined;
}

const STREAM = /^\/(?:dev\/(?:std(?:out|err)|fd\/\d+)|proc\/[^/]+\/fd\/\d+)$/;
/** Of archives, their parts and what stands beside them. */
const ARCHIVE = /\.(?:tar|tgz|gz|zst|zstd|zip|xz|bz2|part\d+|sha256|incomplete)$/i;
/** Names that say what it is: `save-failed.txt`, `failures.lst`. */
const NAMED = /(?<![a-z])fail(?:ed|s|ures?)?(?![a-z])/i;
/** Bytes in which a file that is no text shows that. */
const SNIFFED = 4096;

/**
 * Checks the path of `--failed` before the run. Throws USAGE where writing or removing such a list would take something from
 * the user: what the run reads or writes, under whatever name (but for a list that is named after failures), what has the
 * name of an archive, and a file that is no text.
 * Throws STORAGE for a folder, and where there is none for it. A folder that is read-only passes: a load from such a disk may
 * well need no list.
 */
export async function failedPath(path: string, run: RunPaths): Promise<FailedPath> {
  if (path === "-")
    throw refused("standard output", "the result goes there", "name a file; one that is called so is ./-");
  if (STREAM.test(path)) return streamAt(path, path);
  const place = await placeOf(path);
  const file = place.path ?? path;
  if (ARCHIVE.test(path) || ARCHIVE.test(file))
    throw refused(`"${path}"`, "that is the name of an archive", hintOf(run));
  const seen = await stat(path, { bigint: true }).catch(() => undefined);
  if (seen?.isDirectory()) throw new AppError("STORAGE", `Cannot write "${path}": it is a folder`);
  if (seen !== undefined && !seen.isFile()) return streamAt(path, file);
  const isInput = run.list !== undefined && isSameFile(place, await placeIn(run.list));
  const isText = !(await isBinary(file));
  const isList = NAMED.test(basename(file)) && isText;
  if (isInput && !isList)
    throw refused(
      `"${path}"`,
      "that is the list of images itself",
      `name another file, such as "${failedNameOf(path)}"`,
    );
  await requireApart(path, place, run, isList);
  if (!isText)
    throw refused(`"${path}"`, "it is there, and it is no text", `name another file, such as "${failedNameOf(path)}"`);
  if (!seen) await onDisk(path, () => access(dirname(file)));
  const isLink = (await readlink(path).catch(() => undefined)) !== undefined;
  const isOther = seen !== undefined && seen.size > 0n && !isList;
  return { path, file: isLink ? file : path, isStream: false, isInput, isOther, seen };
}

function streamAt(path: string, file: string): FailedPath {
  return { path, file, isStream: true, isInput: false, isOther: false, seen: undefined };
}

async function requireApart(path: string, place: Place, run: RunPaths, isList: boolean): Promise<void> {
  const { uses = [], archive } = run;
  for (const one of archive === undefined ? uses : [...uses, archive]) {
    const other = await placeIn(one);
    if (isSameFile(place, other)) throw refused(`"${path}"`, "that is the archive", hintOf(run));
    if (!isList && isBelow(place, other))
      throw refused(`"${path}"`, `it would be among the files of "${one}"`, hintOf(run));
  }
  for (const descriptor of [1, 2] as const)
    if (isSameFile(place, placeOfOpen(descriptor)))
      throw refused(`"${path}"`, `standard ${descriptor === 1 ? "output" : "error"} goes there`, "name another file");
}

async function isBinary(file: string): Promise<boolean> {
  const handle = await open(file).catch(() => undefined);
  try {
    const { buffer, bytesRead } = (await handle?.read(Buffer.alloc(SNIFFED), 0, SNIFFED, 0)) ?? { bytesRead: 0 };
    return buffer?.subarray(0, bytesRead).includes(0) ?? false;
  } finally {
    await handle?.close();
  }
}

function failedNameOf(path: string): string {
  return `${basename(path).replace(/\.[^.]*$/, "")}-failed.txt`;
}

function hintOf({ archive }: RunPaths): string {
  return archive === undefined ? "-o is the list of what failed" : "-o is the list of what failed; the archive is -d";
}

function refused(what: string, reason: string, hint: string): AppError {
  return new AppError("USAGE", `Cannot list what failed in ${what}: ${reason}`, { hint });
}
