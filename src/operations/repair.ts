/** Makes a damaged archive whole again: what is damaged is fetched anew, proven, and written over itself. */
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { readChecksums, sha256Of, writeChecksums } from "../archive/checksums.ts";
import { entryContent, type Opened } from "../archive/entry-content.ts";
import { type Flaw, flawOf } from "../archive/inspect.ts";
import { mendEntry } from "../archive/mend.ts";
import { type Parts, parsePartPath } from "../archive/parts.ts";
import type { Part } from "../archive/volume.ts";
import { AppError, asAppError } from "../errors.ts";
import { subtree } from "../layout/folder.ts";
import { ROOT } from "../layout/hangar.ts";
import { hangarArchive } from "../layout/hangar-archive.ts";
import { readList } from "../layout/hangar-store.ts";
import { digestOf } from "../oci/digest.ts";
import { EVERYTHING } from "../oci/platform.ts";
import { contentOf, read } from "../store/read.ts";
import type { Call, Content, Source } from "../store/store.ts";
import { gather } from "./gather.ts";
import type { Held } from "./inventory.ts";
import { type Examined, examine, type VerifyOptions } from "./verify.ts";

export interface RepairOptions extends VerifyOptions {
  /** Where the images of a name (`registry/repository`) can be fetched. */
  readonly from: (name: string) => Source;
  readonly onWarning: (message: string) => void;
}

/** What became of one damaged thing. */
export interface Mended {
  readonly entry: string;
  readonly result: "mended" | "left";
  /** Why it was left. */
  readonly reason?: string | undefined;
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
  const { verdict, parts, flaws, archive } = examined;
  if (verdict.findings.length === 0) return { mended: [], copyAgain: [], isWhole: true };
  if (!archive || isIndexOfOther(examined)) return unreadable(examined);
  const mended: Mended[] = [];
  // Documents are made again from the images: those come first.
  const inOrder = [...flaws].sort((one, other) => Number(isDocument(one)) - Number(isDocument(other)));
  for (const flaw of inOrder) mended.push(await mend(archive.opened, flaw, examined, options));
  const left = inOrder.filter((_, at) => mended[at]!.result === "left");
  const lost = verdict.findings.filter(({ kind, entry }) => kind !== "part" && entry === undefined);
  for (const { problem } of lost) options.onWarning(problem);
  const isMended = left.length === 0 && lost.length === 0 && parts.missing.length === 0;
  const wrong = isMended ? await correctChecksums(parts, archive.opened, options) : [];
  const again = new Set([
    ...parts.missing,
    ...left.flatMap((flaw) => partsWrongIn(flaw, archive.opened, examined)),
    ...wrong,
  ]);
  const copyAgain = parts.paths.filter((path) => again.has(path));
  return { mended, copyAgain, isWhole: isMended && wrong.length === 0 };
}

/** Whether something is wrong where, by the checksums, nothing can be: to mend that would be to damage it. */
function isIndexOfOther({ archive, flaws, verdict }: Examined): boolean {
  const wrong = new Set(verdict.findings.map(({ kind, file }) => (kind === "part" ? file : undefined)));
  const isRight = (flaw: Flaw) => partsOf(flaw, archive!.opened).every(({ path }) => !wrong.has(path));
  return verdict.hasChecksums && flaws.some(isRight);
}

function partsOf({ offset, length }: Flaw, { volume }: Opened): readonly Part[] {
  return volume.parts.filter(({ start, size }) => offset < start + size && offset + length > start);
}

/** Of the parts that a flaw lies in, those that are known to be wrong, by their checksums or sizes; all, where none is. */
function partsWrongIn(flaw: Flaw, archive: Opened, { verdict }: Examined): readonly string[] {
  const inside = partsOf(flaw, archive);
  const found = new Set(verdict.findings.map(({ kind, file }) => (kind === "part" ? file : undefined)));
  const wrong = inside.filter(({ path, present, size }) => found.has(path) || (present ?? size) < size);
  return (wrong.length > 0 ? wrong : inside).map(({ path }) => path);
}

function isDocument({ path }: Flaw): boolean {
  return !path.includes("/share/");
}

/** Without an index it is not known what stands where. */
function unreadable({ verdict, parts }: Examined): Repaired {
  const wrong = verdict.findings.flatMap(({ kind, file }) => (kind === "part" && file !== undefined ? [file] : []));
  const [last] = parts.paths.slice(-1);
  return { mended: [], copyAgain: wrong.length > 0 ? wrong : [last!], isWhole: false };
}

async function mend(archive: Opened, flaw: Flaw, examined: Examined, options: RepairOptions): Promise<Mended> {
  const { path, entry } = flaw;
  const left = (reason: string): Mended => ({ entry: path, result: "left", reason });
  if (!entry) return left(flaw.reason);
  const gone = partsOf(flaw, archive).find((part) => examined.parts.missing.includes(part.path));
  if (gone) return left(`"${gone.path}" is missing`);
  const call = { signal: options.signal };
  const spoolFolder = options.spoolFolder ?? tmpdir();
  try {
    const content =
      (await contentFor(archive, flaw, examined.held, options)) ?? (await documentFor(flaw, examined, options));
    if (!content) return left("no image needs it, and no registry has it");
    const isWritten = await mendEntry(archive, entry, () => read(content, call), { ...call, spoolFolder });
    if (!isWritten) return left("it would be of another length: it was written by another build");
    const still = await flawOf(archive, entry, call);
    return still === undefined ? { entry: path, result: "mended" } : left(still);
  } catch (thrown) {
    options.signal?.throwIfAborted();
    const error = asAppError(thrown, "NETWORK", `Cannot mend "${path}"`);
    if (error.code === "STORAGE") throw error;
    return left(error.message);
  }
}

/** The proven content of an entry: its own where only what is around it is damaged, else a registry's. */
async function contentFor(
  archive: Opened,
  { entry, digest }: Flaw,
  held: readonly Held[],
  options: RepairOptions,
): Promise<Content | undefined> {
  if (!entry || entry.size === 0 || digest === undefined) return entry && emptyOf(entry.size);
  const { size } = entry;
  const descriptor = { mediaType: "application/octet-stream", digest, size };
  const own: Content = { descriptor, open: (range) => ownContent(archive, entry, range?.signal) };
  if (await isProven(own, options)) return own;
  for (const { reference, contents, error } of held) {
    const found = contents?.find((one) => one.digest === digest);
    const isRoot = reference.root.digest === digest;
    if (!found && !isRoot && !error) continue;
    const source = options.from(reference.path);
    // Of an image that cannot be read it is not known what is a manifest.
    const known = found ?? (isRoot ? reference.root : await source.resolve(digest, options).catch(() => undefined));
    const content = source.get(known ?? descriptor);
    if (await isProven(content, options)) return content;
  }
  return undefined;
}

/** What a layout says of its images can be said again. */
async function documentFor({ digest }: Flaw, { store, archive }: Examined, call: Call): Promise<Content | undefined> {
  if (!store || !archive || !digest) return undefined;
  const options = { selection: EVERYTHING, strict: false, jobs: 4, signal: call.signal };
  const laid = (await gather(store, options, () => {})).map((one) => one.laid);
  const list = await readList(subtree(archive, `${ROOT}/`), ROOT, call).catch(() => undefined);
  const head = hangarArchive(new Date(list?.SavedTime ?? 0)).head(laid, new Set());
  const bytes = head.map((one) => one.bytes).find((one) => one && digestOf(one) === digest);
  return bytes && contentOf("application/json", bytes);
}

function emptyOf(size: number): Content | undefined {
  return size > 0 ? undefined : contentOf("application/octet-stream", new Uint8Array(0));
}

/** What its header says is not looked at. */
async function* ownContent(archive: Opened, entry: NonNullable<Flaw["entry"]>, signal: AbortSignal | undefined) {
  yield* entryContent(archive, entry, { signal, unheaded: true });
}

async function isProven(content: Content, { signal }: Call): Promise<boolean> {
  try {
    for await (const _ of read(content, { signal }));
    return true;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AppError) return false;
    throw error;
  }
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
