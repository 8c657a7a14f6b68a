/** Makes a damaged archive whole again: what is damaged is fetched anew, proven, and written over itself. */
import { basename, dirname, join } from "node:path";
import { readChecksums, sha256Of, writeChecksums } from "../archive/checksums.ts";
import type { Opened } from "../archive/entry-content.ts";
import type { Flaw } from "../archive/inspect.ts";
import { type Parts, parsePartPath } from "../archive/parts.ts";
import type { Archive } from "../archive/reader.ts";
import type { Part } from "../archive/volume.ts";
import type { Call } from "../store/store.ts";
import { type Mended, type MendOptions, mendEntries } from "./verification/mend-entries.ts";
import { type Examined, examine, type Verdict, type VerifyOptions } from "./verify.ts";

export interface RepairOptions extends VerifyOptions, MendOptions {
  readonly onWarning: (message: string) => void;
  /** Hears that all was examined: nothing more is `checked`. */
  readonly onExamined?: (() => void) | undefined;
}

export interface Repaired {
  readonly mended: readonly Mended[];
  /** Files that must be copied again, because something in them could not be mended. */
  readonly copyAgain: readonly string[];
  /** Nothing is wrong any more. */
  readonly isWhole: boolean;
}

/**
 * Examines the archive and mends what can be mended in place. Never makes it worse: only proven bytes are written, over
 * damaged ones. Where there is no index, as in archives of others, or none that fits the checksums, nothing is mended, and
 * only told what to copy again. Throws as verify() does.
 */
export async function repair(paths: readonly string[], options: RepairOptions): Promise<Repaired> {
  await using examined = await examine(paths, options);
  options.onExamined?.();
  const { verdict, parts, flaws, archive, others } = examined;
  if (verdict.findings.length === 0) return { mended: [], copyAgain: [], isWhole: true };
  if (!archive || isIndexOfOther(examined)) return unreadable(examined);
  const gone = new Set(parts.missing);
  const mended = await mendEntries(
    flaws,
    { ...examined, archive, hopeless: (flaw) => hopeless(flaw, archive, gone) },
    options,
  );
  const left = flaws.filter((flaw) => mended.get(flaw)?.result !== "mended");
  for (const { problem } of others) options.onWarning(problem);
  const isMended = left.length === 0 && others.length === 0 && parts.missing.length === 0;
  const wrong = isMended ? await correctChecksums(parts, archive.opened, options) : [];
  const known = wrongParts(verdict);
  const again = new Set([
    ...parts.missing,
    ...left.flatMap((flaw) => partsWrongIn(flaw, archive.opened, known)),
    ...wrong,
  ]);
  const copyAgain = parts.paths.filter((path) => again.has(path));
  return { mended: [...mended.values()], copyAgain, isWhole: isMended && wrong.length === 0 };
}

/** Files that are known to be wrong as such. */
function wrongParts({ findings }: Verdict): ReadonlySet<string | undefined> {
  return new Set(findings.map(({ kind, file }) => (kind === "part" ? file : undefined)));
}

/** Whether something is wrong where, by the checksums, nothing can be: to mend that would be to damage it. */
function isIndexOfOther({ archive, flaws, verdict }: Examined): boolean {
  const wrong = wrongParts(verdict);
  const isRight = (flaw: Flaw) => partsOf(flaw, archive!.opened).every(({ path }) => !wrong.has(path));
  return verdict.hasChecksums && flaws.some(isRight);
}

/** By bisection: an archive may have as many flaws as entries, and thousands of parts. */
function partsOf({ offset, length }: Flaw, { volume: { parts } }: Opened): readonly Part[] {
  let first = 0;
  let end = parts.length;
  while (first < end) {
    const middle = (first + end) >> 1;
    const { start, size } = parts[middle]!;
    if (offset < start + size) end = middle;
    else first = middle + 1;
  }
  while (end < parts.length && parts[end]!.start < offset + length) end++;
  return parts.slice(first, end);
}

/** Of the parts that a flaw lies in, those that are known to be wrong, by their checksums or sizes; all, where none is. */
function partsWrongIn(flaw: Flaw, archive: Opened, known: ReadonlySet<string | undefined>): readonly string[] {
  const inside = partsOf(flaw, archive);
  const wrong = inside.filter(({ path, present, size }) => known.has(path) || (present ?? size) < size);
  return (wrong.length > 0 ? wrong : inside).map(({ path }) => path);
}

/** Only an entry can be written again, and only where its parts are. */
function hopeless(flaw: Flaw, { opened }: Archive, gone: ReadonlySet<string>): string | undefined {
  if (!flaw.entry) return flaw.reason;
  const part = partsOf(flaw, opened).find(({ path }) => gone.has(path));
  return part && `"${part.path}" is missing`;
}

/** Without an index it is not known what stands where. */
function unreadable({ verdict, parts }: Examined): Repaired {
  const wrong = verdict.findings.flatMap(({ kind, file }) => (kind === "part" && file !== undefined ? [file] : []));
  const [last] = parts.paths.slice(-1);
  return { mended: [], copyAgain: wrong.length > 0 ? wrong : [last!], isWhole: false };
}

/** The archive has no flaw any more: its files are what they should be, or differ in bits that mean nothing. */
async function correctChecksums(parts: Parts, { volume }: Opened, call: Call): Promise<readonly string[]> {
  for (const folder of new Set(volume.parts.map(({ path }) => dirname(path)))) {
    const archive = join(folder, basename(parts.name));
    const sums = await readChecksums(archive);
    if (!sums) continue;
    const now = new Map<string, string>();
    for (const { path } of volume.parts) now.set(basename(path), await sha256Of(path, call));
    if ([...now].some(([name, sum]) => sums.get(name) !== sum) || now.size !== sums.size)
      await writeChecksums(archive, now);
  }
  return volume.parts.length < parts.paths.length ? staleIn(parts, volume.parts.length) : [];
}

/** Parts behind the end are of another archive: they are told, and left. */
function staleIn({ paths }: Parts, count: number): readonly string[] {
  return paths.filter((path) => (parsePartPath(path)?.number ?? -1) >= count);
}
