/** Whether two paths mean one file: spelt otherwise, through links, under another name, or before there is one. */
import { fstatSync } from "node:fs";
import { readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";

/** Where a path leads to. */
export interface Place {
  /** Without links. Undefined for a file that is open only. */
  readonly path: string | undefined;
  /** Of what is there: one for all of its names. */
  readonly id: string | undefined;
}

/** Links that may lead to each other, as on Linux. */
const MOST_LINKS = 40;

/** Where a path leads to, and where a file would come into being that is not there. Never throws. */
export async function placeOf(path: string): Promise<Place> {
  const there = await stat(path, { bigint: true }).catch(() => undefined);
  return { path: await canonical(path, MOST_LINKS), id: there && idOf(there) };
}

/** The same; `-` is what standard input reads. */
export async function placeIn(path: string): Promise<Place> {
  return path === "-" ? placeOfOpen(0) : placeOf(path);
}

/** The file that an open descriptor reads or writes; of pipes and terminals nothing is known. */
export function placeOfOpen(descriptor: 0 | 1 | 2): Place {
  try {
    const there = fstatSync(descriptor, { bigint: true });
    return { path: undefined, id: there.isFile() ? idOf(there) : undefined };
  } catch {
    return { path: undefined, id: undefined };
  }
}

/** Two that are not there yet are one where they differ in case only: some file systems make no difference. */
export function isSameFile(one: Place, other: Place): boolean {
  if (one.id !== undefined || other.id !== undefined)
    return one.id === other.id || (one.path !== undefined && one.path === other.path);
  return one.path !== undefined && one.path.toLowerCase() === other.path?.toLowerCase();
}

/** Whether a file is below a folder, or would be. */
export function isBelow(one: Place, folder: Place): boolean {
  if (one.path === undefined || folder.path === undefined) return false;
  return one.path !== folder.path && one.path.startsWith(folder.path.replace(/[\\/]?$/, sep));
}

/** Some network file systems have no numbers for their files. */
function idOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string | undefined {
  return ino === 0n ? undefined : `${dev}:${ino}`;
}

async function canonical(path: string, links: number): Promise<string> {
  const found = await realpath(path).catch(() => undefined);
  if (found !== undefined) return found;
  const parent = dirname(path);
  if (parent === path) return resolve(path);
  const folder = await canonical(parent, links);
  const target = links > 0 ? await readlink(path).catch(() => undefined) : undefined;
  return target === undefined ? join(folder, basename(path)) : canonical(resolve(folder, target), links - 1);
}
