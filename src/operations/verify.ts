/** Whether an archive or folder is whole: its parts, its structure, every digest, every image. Tells all that is wrong. */
import { type Flaw, inspect, inspectedBytes } from "../archive/inspect.ts";
import { checksumsOf, findParts, type Parts } from "../archive/parts.ts";
import type { Archive } from "../archive/reader.ts";
import { type AppError, asAppError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { isFolder } from "../layout/folder.ts";
import type { Call, Store, Tree } from "../store/store.ts";
import { heldIn } from "./inventory.ts";
import { openListless } from "./listless.ts";
import { type OpenOptions, openTree, storeIn } from "./open.ts";
import { type Checking, startChecking } from "./verification/checking.ts";
import { type Finding, findingsOf, type HeldImage, isList, type Lacking, MOST_TOLD } from "./verification/findings.ts";
import { lackingIn } from "./verification/lacking.ts";
import { partFindings, sizeOfParts } from "./verification/part-findings.ts";

export interface Verdict {
  /** All that is wrong, each once; beyond the first 1,000 of a kind, one for all the others. */
  readonly findings: readonly Finding[];
  /** Images in all, and the names of those that are not whole. */
  readonly images: number;
  readonly damaged: readonly string[];
  /** Whether there were checksums of its files to compare with. */
  readonly hasChecksums: boolean;
}

export interface VerifyOptions extends Call, OpenOptions {
  /** Hears how much is `checked`. */
  readonly onEvent?: OnEvent | undefined;
}

/** A verdict with what it was made from, for those who mend. The tree is open where it could be opened. */
export interface Examined extends AsyncDisposable {
  readonly verdict: Verdict;
  readonly parts: Parts;
  /** All of them, with the reasons of the first 1,000. */
  readonly flaws: readonly Flaw[];
  /** What is wrong besides flaws and parts. */
  readonly others: readonly Finding[];
  readonly archive: Archive | undefined;
  readonly store: Store | undefined;
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
  const hasChecksums = sums.size > 0;
  const checking = startChecking(options.onEvent);
  if (hasChecksums) {
    const size = await sizeOfParts(parts);
    checking.expect("files", size);
    // Until it is known better.
    checking.expect("content", size);
  }
  const inParts = inFolder ? [] : await partFindings(parts, sums, checking, options);
  let tree: Tree | undefined;
  try {
    tree = await openTree(paths, { ...options, holes: true });
    return { ...(await examineTree(tree, parts, { inParts, hasChecksums, checking }, options)), parts };
  } catch (thrown) {
    await tree?.[Symbol.asyncDispose]();
    options.signal?.throwIfAborted();
    const error = asAppError(thrown, "STORAGE", `Cannot read "${parts.name}"`);
    if (error.code !== "INTEGRITY") throw error;
    const others = [structureFinding(error)];
    const verdict = { findings: [...inParts, ...others], images: 0, damaged: [], hasChecksums };
    const nothing = { flaws: [], archive: undefined, store: undefined };
    return { verdict, parts, others, ...nothing, async [Symbol.asyncDispose]() {} };
  }
}

interface Begun {
  readonly inParts: readonly Finding[];
  readonly hasChecksums: boolean;
  readonly checking: Checking;
}

async function examineTree(
  tree: Tree,
  { name }: Parts,
  { inParts, hasChecksums, checking }: Begun,
  options: VerifyOptions,
): Promise<Omit<Examined, "parts">> {
  const archive = isArchive(tree) ? tree : undefined;
  const flaws = archive ? await flawsOf(archive, checking, options) : [];
  const { store, error } = await openFlawed(tree, name, flaws, options);
  const held = store ? await imagesIn(store, options) : [];
  const call = { flaws, archive, checking, signal: options.signal };
  const lacking: Lacking = store ? await lackingIn(store, held, call) : new Map();
  const found = findingsOf(held, flaws, lacking, archive?.opened.volume);
  const others = [...(error ? [structureFinding(error)] : []), ...found.others];
  const findings = [...inParts, ...found.flaws, ...others];
  const verdict = { findings, images: held.length, damaged: found.damaged, hasChecksums };
  return { verdict, flaws, others, archive, store, [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose]() };
}

function structureFinding({ message }: AppError): Finding {
  return { kind: "structure", images: [], problem: message };
}

function isArchive(tree: Tree): tree is Archive {
  return "opened" in tree;
}

/** An archive may have as many as it has entries: their reasons are kept as long as they are told. */
async function flawsOf(archive: Archive, checking: Checking, { signal }: Call): Promise<readonly Flaw[]> {
  const flaws: Flaw[] = [];
  checking.expect("content", inspectedBytes(archive));
  for await (const flaw of inspect(archive, { signal, onBytes: checking.took }))
    flaws.push(flaws.length < MOST_TOLD ? flaw : { ...flaw, reason: "it is not as it was written" });
  return flaws;
}

async function imagesIn(store: Store, call: Call): Promise<readonly HeldImage[]> {
  const images: HeldImage[] = [];
  for await (const { name, reference, contents, error } of heldIn(store, call))
    images.push({ name, reference, contents, problem: error?.message });
  return images;
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
