/** Mends the flaws of an archive, each with content that was proven before anything is written. */
import { tmpdir } from "node:os";
import { entryContent, type Opened } from "../../archive/entry-content.ts";
import { type Flaw, flawOf } from "../../archive/inspect.ts";
import { mendEntry } from "../../archive/mend.ts";
import type { Archive } from "../../archive/reader.ts";
import { AppError, asAppError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { contentOf, read } from "../../store/read.ts";
import type { Call, Content, Source, Store } from "../../store/store.ts";
import { type Held, heldIn, readHeld } from "../inventory.ts";
import { isContent, namedIn } from "./findings.ts";
import { documentsOf } from "./mend-documents.ts";

/** Repositories that are asked for one blob. */
const MOST_ASKED = 100;

/** What became of one damaged thing. */
export interface Mended {
  readonly entry: string;
  readonly result: "mended" | "left";
  /** Why it was left. */
  readonly reason?: string | undefined;
}

export interface MendOptions extends Call {
  /** Where the images of a name (`registry/repository`) can be fetched. */
  readonly from: (name: string) => Source;
  /** Where entries lie while they are proven. Default: the system's folder for temporary files. */
  readonly spoolFolder?: string | undefined;
  /** Hears of each flaw once it is settled. */
  readonly onMended?: ((mended: Mended) => void) | undefined;
}

/** What is to be mended. */
export interface Patient {
  readonly archive: Archive;
  /** Its images, as far as they can be read. */
  readonly store: Store | undefined;
  /** Why nothing can be written where a flaw is; undefined where something can. */
  readonly hopeless: (flaw: Flaw) => string | undefined;
}

/**
 * What became of each flaw. Where only what is around the content is damaged, that is written anew; other content comes from
 * the repositories of the images that need it, and documents are made again from the images. Throws STORAGE.
 */
export async function mendEntries(
  flaws: readonly Flaw[],
  patient: Patient,
  options: MendOptions,
): Promise<ReadonlyMap<Flaw, Mended>> {
  const { store, hopeless } = patient;
  const mender = createMender(patient, options);
  for (const flaw of flaws) {
    const reason = hopeless(flaw);
    if (reason === undefined) await mender.withItself(flaw);
    else mender.leave(flaw, reason);
  }
  const open = (): readonly Flaw[] => flaws.filter((flaw) => !mender.results.has(flaw));
  if (store && open().some(isContent)) await mendFromImages(open().filter(isContent), store, mender, options);
  // Documents are made again from the images: those come first.
  const documents = open().filter((flaw) => !isContent(flaw));
  const made =
    store && documents.length > 0 ? await documentsOf(store, patient.archive, documents, options) : undefined;
  for (const flaw of documents) {
    const bytes = flaw.digest && made?.get(flaw.digest);
    if (bytes) await mender.withContent(flaw, contentOf("application/json", bytes));
  }
  for (const flaw of open()) mender.leave(flaw, "no image needs it, and no registry has it");
  return mender.results;
}

interface Mender {
  /** Of the flaws that are settled. */
  readonly results: ReadonlyMap<Flaw, Mended>;
  leave(flaw: Flaw, reason: string): void;
  /** With what is there of it, where that is right. */
  withItself(flaw: Flaw): Promise<void>;
  /** With what the repository of an image has, where that is right. `known` is what the image says of it. */
  fromRepository(flaw: Flaw, path: string, known: Descriptor | undefined): Promise<void>;
  withContent(flaw: Flaw, content: Content): Promise<void>;
}

/** Leaves open what it does not settle. */
function createMender({ archive: { opened } }: Patient, options: MendOptions): Mender {
  const { from, spoolFolder = tmpdir(), onMended, signal } = options;
  const results = new Map<Flaw, Mended>();
  const asked = new Map<Flaw, string[]>();
  function settle(flaw: Flaw, reason?: string): void {
    asked.delete(flaw);
    const { path: entry } = flaw;
    const mended: Mended = reason === undefined ? { entry, result: "mended" } : { entry, result: "left", reason };
    results.set(flaw, mended);
    onMended?.(mended);
  }
  async function attempt(flaw: Flaw, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      signal?.throwIfAborted();
      const error = asAppError(thrown, "NETWORK", `Cannot mend "${flaw.path}"`);
      if (error.code === "STORAGE") throw error;
      settle(flaw, error.message);
    }
  }
  async function write(flaw: Flaw, content: Content): Promise<void> {
    const entry = flaw.entry!;
    if (!(await isProven(content, { signal }))) return;
    const isWritten = await mendEntry(opened, entry, () => read(content, { signal }), { spoolFolder, signal });
    settle(
      flaw,
      isWritten
        ? await flawOf(opened, entry, { signal })
        : "it would be of another length: it was written by another build",
    );
  }
  return {
    results,
    leave: settle,
    withItself: (flaw) =>
      attempt(flaw, async () => {
        const own = contentOfItself(flaw, opened);
        if (own) await write(flaw, own);
      }),
    fromRepository: (flaw, path, known) =>
      attempt(flaw, async () => {
        const { entry, digest } = flaw;
        const paths = asked.get(flaw) ?? [];
        if (results.has(flaw) || !entry || !digest || paths.includes(path) || paths.length >= MOST_ASKED) return;
        asked.set(flaw, [...paths, path]);
        const source = from(path);
        // Of an image that cannot be read it is not known what is a manifest.
        const found = known ?? (await source.resolve(digest, { signal }).catch(() => undefined));
        await write(flaw, source.get(found ?? { mediaType: "application/octet-stream", digest, size: entry.size }));
      }),
    withContent: (flaw, content) => attempt(flaw, () => write(flaw, content)),
  };
}

/** What its header says is not looked at. */
function contentOfItself({ entry, digest }: Flaw, archive: Opened): Content | undefined {
  const mediaType = "application/octet-stream";
  if (entry?.size === 0) return contentOf(mediaType, new Uint8Array(0));
  if (!entry || digest === undefined) return undefined;
  return {
    descriptor: { mediaType, digest, size: entry.size },
    open: (range) => entryContent(archive, entry, { signal: range?.signal, unheaded: true }),
  };
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

/** Image by image: what stands in the way of reading it, then what it needs. Last, what images may need that stay unreadable. */
async function mendFromImages(flaws: readonly Flaw[], store: Store, mender: Mender, call: Call): Promise<void> {
  const byDigest = new Map<Digest, Flaw[]>();
  for (const flaw of flaws) {
    const same = byDigest.get(flaw.digest!);
    if (same) same.push(flaw);
    else byDigest.set(flaw.digest!, [flaw]);
  }
  const unreadable = new Set<string>();
  const before = mender.results.size;
  for await (const found of heldIn(store, { signal: call.signal })) {
    const { path } = found.reference;
    const { contents, error } = await madeReadable(found, byDigest, store, mender, call);
    for (const descriptor of contents ?? [])
      for (const flaw of byDigest.get(descriptor.digest) ?? []) await mender.fromRepository(flaw, path, descriptor);
    if (error && unreadable.size < MOST_ASKED) unreadable.add(path);
    if (mender.results.size - before === flaws.length) return;
  }
  for (const flaw of flaws)
    for (const path of unreadable) {
      if (mender.results.has(flaw)) break;
      await mender.fromRepository(flaw, path, undefined);
    }
}

/** The image without those flaws that its errors name, one after the other, as far as they can be mended. */
async function madeReadable(
  found: Held,
  byDigest: ReadonlyMap<string, readonly Flaw[]>,
  store: Store,
  mender: Mender,
  { signal }: Call,
): Promise<Held> {
  const { path, root } = found.reference;
  const tried = new Set<Flaw>();
  let image = found;
  while (image.error) {
    const names = [root.digest, ...namedIn(image.error.message)];
    const inTheWay = names.flatMap((name) => byDigest.get(name) ?? []).filter((flaw) => !tried.has(flaw));
    for (const flaw of inTheWay) {
      tried.add(flaw);
      await mender.fromRepository(flaw, path, flaw.digest === root.digest ? root : undefined);
    }
    if (!inTheWay.some((flaw) => mender.results.get(flaw)?.result === "mended")) break;
    image = await readHeld(store, found.reference, { signal });
  }
  return image;
}
