/** Whether an archive or folder is whole: its parts, its structure, every digest, every image. Tells all that is wrong. */
import { basename } from "node:path";
import { type Checksums, sha256Of } from "../archive/checksums.ts";
import { type Flaw, inspect } from "../archive/inspect.ts";
import { checksumsOf, findParts, type Parts, parsePartPath } from "../archive/parts.ts";
import type { Archive } from "../archive/reader.ts";
import { partAt, type Volume } from "../archive/volume.ts";
import { type AppError, asAppError } from "../errors.ts";
import { isFolder } from "../layout/folder.ts";
import { LIST_FILE } from "../layout/hangar.ts";
import { type Digest, splitDigest } from "../oci/digest.ts";
import { read } from "../store/read.ts";
import type { Call, Store, Tree } from "../store/store.ts";
import { type Held, heldIn } from "./inventory.ts";
import { openListless } from "./listless.ts";
import { type OpenOptions, openTree, storeIn } from "./open.ts";

/** Blobs that images lack and that are told of one by one. */
const MOST_BROKEN = 10_000;

/** One thing that is wrong. */
export interface Finding {
  /**
   * `part`: a file of the archive; `structure`: what stands around the content; `content`: bytes of an image; `image`: it
   * lacks something.
   */
  readonly kind: "part" | "structure" | "content" | "image";
  /** The file, and the byte in it where the damaged thing begins, where that is known. */
  readonly file?: string | undefined;
  readonly offset?: number | undefined;
  /** The entry of the archive. */
  readonly entry?: string | undefined;
  readonly digest?: Digest | undefined;
  /** The images that are not whole because of it. */
  readonly images: readonly string[];
  readonly problem: string;
}

export interface Verdict {
  readonly findings: readonly Finding[];
  /** Images in all, and the names of those that are not whole. */
  readonly images: number;
  readonly damaged: readonly string[];
  /** Whether there were checksums of its files to compare with. */
  readonly hasChecksums: boolean;
}

export type VerifyOptions = Call & OpenOptions;

/** A verdict with what it was made from, for those who mend. The tree is open where it could be opened. */
export interface Examined extends AsyncDisposable {
  readonly verdict: Verdict;
  readonly parts: Parts;
  readonly flaws: readonly Flaw[];
  readonly archive: Archive | undefined;
  readonly store: Store | undefined;
  readonly held: readonly Held[];
}

/** Reads everything. Throws NOT_FOUND, STORAGE, UNSUPPORTED for what is nothing that Dray reads; damage is in the verdict. */
export async function verify(paths: readonly string[], options: VerifyOptions): Promise<Verdict> {
  await using examined = await examine(paths, options);
  return examined.verdict;
}

/** The same, left open. */
export async function examine(paths: readonly string[], options: VerifyOptions): Promise<Examined> {
  const parts = await findParts(paths, { holes: true });
  const inFolder = await isFolder(parts.paths[0]!);
  const sums = inFolder ? new Map<string, string>() : await checksumsOf(parts);
  const findings: Finding[] = inFolder ? [] : await partFindings(parts, sums, options);
  const hasChecksums = sums.size > 0;
  let tree: Tree | undefined;
  try {
    tree = await openTree(paths, { ...options, holes: true });
    return { ...(await examineTree(tree, parts, { findings, hasChecksums }, options)), parts };
  } catch (thrown) {
    await tree?.[Symbol.asyncDispose]();
    options.signal?.throwIfAborted();
    const error = asAppError(thrown, "STORAGE", `Cannot read "${parts.name}"`);
    if (error.code !== "INTEGRITY") throw error;
    findings.push({ kind: "structure", images: [], problem: error.message });
    const verdict = { findings, images: 0, damaged: [], hasChecksums };
    const nothing = { flaws: [], archive: undefined, store: undefined, held: [] };
    return { verdict, parts, ...nothing, async [Symbol.asyncDispose]() {} };
  }
}

async function examineTree(
  tree: Tree,
  { name }: Parts,
  { findings, hasChecksums }: { readonly findings: readonly Finding[]; readonly hasChecksums: boolean },
  options: VerifyOptions,
): Promise<Omit<Examined, "parts">> {
  const archive = isArchive(tree) ? tree : undefined;
  const flaws = archive ? await flawsOf(archive, options) : [];
  const { store, error } = await openFlawed(tree, name, flaws, options);
  const held: Held[] = [];
  if (store) for await (const one of heldIn(store, options)) held.push(one);
  const broken = store ? await brokenContents(store, held, flaws, archive, options) : new Map<Digest, string>();
  const all: readonly Finding[] = [
    ...findings,
    ...(error ? [{ kind: "structure" as const, images: [], problem: error.message }] : []),
    ...flaws.map((flaw) => flawFinding(flaw, held, archive!.opened.volume)),
    ...imageFindings(held, flaws, broken),
  ];
  const damaged = [...new Set(all.flatMap(({ images }) => images))];
  const verdict = { findings: all, images: held.length, damaged, hasChecksums };
  return { verdict, flaws, archive, held, store, [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose]() };
}

function isArchive(tree: Tree): tree is Archive {
  return "opened" in tree;
}

async function partFindings({ paths, missing }: Parts, sums: Checksums, call: Call): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const path of paths) {
    const expected = sums.get(basename(path));
    if (missing.includes(path)) findings.push({ kind: "part", file: path, images: [], problem: "it is missing" });
    else if (expected !== undefined) {
      const actual = await sha256Of(path, call);
      if (actual !== expected)
        findings.push({ kind: "part", file: path, images: [], problem: problemOf(actual, sums) });
    } else if (sums.size > 0)
      findings.push({
        kind: "part",
        file: path,
        images: [],
        problem: "the list of checksums does not have it: it is left over from another archive",
      });
  }
  return findings;
}

function problemOf(actual: string, sums: Checksums): string {
  const [other] = [...sums].find(([, sum]) => sum === actual) ?? [];
  const number = other === undefined ? undefined : parsePartPath(other)?.number;
  return number === undefined ? "its checksum is not the one in the list" : `it is part ${number} under a wrong name`;
}

async function flawsOf(archive: Archive, { signal }: Call): Promise<readonly Flaw[]> {
  const flaws: Flaw[] = [];
  for await (const flaw of inspect(archive, { signal })) flaws.push(flaw);
  return flaws;
}

/** Where the list is damaged, the images that are there all the same; nothing where they cannot be told, and why. */
async function openFlawed(
  tree: Tree,
  name: string,
  flaws: readonly Flaw[],
  options: OpenOptions,
): Promise<{ readonly store?: Store; readonly error?: AppError }> {
  const kept: Tree = { paths: () => tree.paths(), file: (path) => tree.file(path), async [Symbol.asyncDispose]() {} };
  try {
    return { store: await storeIn(kept, name, options) };
  } catch (thrown) {
    const error = asAppError(thrown, "STORAGE", `Cannot read "${name}"`);
    if (error.code !== "INTEGRITY" && flaws.length === 0) throw error;
    const store = flaws.some(isList) ? await openListless(kept, name, options).catch(() => undefined) : undefined;
    return store ? { store } : { error };
  }
}

function isList({ path }: Flaw): boolean {
  return path.endsWith(`/${LIST_FILE}`);
}

/** What images need and do not have: by digest, why. What was inspected is not read again. */
async function brokenContents(
  store: Store,
  held: readonly Held[],
  flaws: readonly Flaw[],
  archive: Archive | undefined,
  { signal }: Call,
): Promise<ReadonlyMap<Digest, string>> {
  const flawed = new Set(flaws.map(({ digest }) => digest));
  const inside = archive && new Set(archive.entries.map(({ path }) => path.slice(path.lastIndexOf("/") + 1)));
  const checked = new Set<Digest>();
  const broken = new Map<Digest, string>();
  for (const { reference, contents = [] } of held)
    for (const descriptor of contents) {
      const { digest } = descriptor;
      if (checked.has(digest) || flawed.has(digest)) continue;
      checked.add(digest);
      // Names of files are digests there, and inspect() has compared them.
      if (inside?.has(splitDigest(digest).hex)) continue;
      try {
        for await (const _ of read(store.repository(reference.path).get(descriptor), { signal }));
      } catch (thrown) {
        signal?.throwIfAborted();
        const { message } = asAppError(thrown, "STORAGE", `Cannot read "${digest}"`);
        broken.set(digest, broken.size < MOST_BROKEN ? message : "");
      }
    }
  return broken;
}

function flawFinding(flaw: Flaw, held: readonly Held[], volume: Volume): Finding {
  const part = partAt(volume, flaw.offset);
  return {
    kind: flaw.digest && flaw.path.includes(splitDigest(flaw.digest).hex) ? "content" : "structure",
    file: part?.path,
    offset: part && flaw.offset - part.start,
    entry: flaw.path,
    digest: flaw.digest,
    images: held.filter((one) => needs(one, flaw)).map(({ name }) => name),
    problem: flaw.reason,
  };
}

/** Of an image that cannot be read, the error tells what stood in the way. */
function needs({ contents, error, reference }: Held, flaw: Flaw): boolean {
  const { digest, path } = flaw;
  if (isList(flaw)) return true;
  if (digest === undefined) return false;
  if (contents) return contents.some((one) => one.digest === digest);
  return (
    reference.root.digest === digest ||
    (error?.message.includes(path) ?? false) ||
    (error?.message.includes(digest) ?? false)
  );
}

/** What images lack beyond the flaws. */
function imageFindings(held: readonly Held[], flaws: readonly Flaw[], broken: ReadonlyMap<Digest, string>): Finding[] {
  const users = new Map<Digest, string[]>([...broken.keys()].slice(0, MOST_BROKEN).map((digest) => [digest, []]));
  const others = new Set<string>();
  for (const { name, contents = [] } of held)
    for (const { digest } of contents) {
      if (users.has(digest)) users.get(digest)!.push(name);
      else if (broken.has(digest)) others.add(name);
    }
  const findings = [...users].map(([digest, images]): Finding => {
    return { kind: "content", digest, images, problem: broken.get(digest)! };
  });
  const left = broken.size - users.size;
  if (left > 0)
    findings.push({ kind: "image", images: [...others], problem: `${left} more blobs of theirs are missing or wrong` });
  for (const one of held)
    if (one.error && !flaws.some((flaw) => needs(one, flaw)))
      findings.push({ kind: "image", images: [one.name], problem: one.error.message });
  return findings;
}
