/** A cache folder to an archive: the images that its list names, and nothing else that lies there. */
import { fileOutput } from "../archive/output.ts";
import { type Entry, writeArchive } from "../archive/writer.ts";
import type { ByteStream } from "../bytes/stream.ts";
import { asAppError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Digest } from "../oci/digest.ts";
import { read } from "../store/read.ts";
import type { Call, Content, Store } from "../store/store.ts";
import { counted } from "./counted.ts";
import { type Gathered, gather } from "./gather.ts";
import { packEntries } from "./pack.ts";
import type { ArchiveTarget, SaveOptions } from "./save.ts";
import { type Summary, startSummary } from "./summary.ts";

/**
 * Packs a store into an archive. Every byte is verified on its way; an image with a wrong or missing blob fails, is in no
 * list, and the others are packed. Without any image there is no archive. Same promises as save() for what it writes.
 */
export async function compress(
  store: Store,
  { path, format }: ArchiveTarget,
  { selection, strict, jobs, referrers, onEvent, savedTime, signal }: SaveOptions,
): Promise<Summary> {
  await using output = await fileOutput(path);
  const summary = startSummary(onEvent);
  const found = await gather(store, { selection, strict, jobs, referrers, signal }, summary.settle);
  const failed = new Set<Gathered>();
  const needed = distinctBlobs(found);
  tellPlanned(found, needed, onEvent);
  const entries = packEntries(found, blobs(), savedTime, () => arrived().map(({ laid }) => laid));
  const { bytes } = await writeArchive(entries, output, { format, signal, onLost: lose, onBytes: archived });
  for (const { name, laid } of arrived()) summary.settle(name, "done", { digest: laid.root.descriptor.digest });
  if (arrived().length === 0) return summary.now();
  await output.finish();
  return { ...summary.now(), archived: bytes };

  function arrived(): readonly Gathered[] {
    return found.filter((one) => !failed.has(one));
  }
  function archived(total: number): void {
    onEvent({ type: "archived", bytes: total });
  }
  async function lose(entry: Entry, thrown: unknown): Promise<undefined> {
    const error = asAppError(thrown, "STORAGE", `Cannot read "${entry.path}"`);
    const blob = entry.digest && needed.get(entry.digest);
    if (blob) onEvent({ type: "lost", descriptor: blob.content.descriptor });
    for (const one of blob?.users ?? []) {
      if (failed.has(one)) continue;
      failed.add(one);
      summary.settle(one.name, "failed", { error });
    }
    return undefined;
  }
  async function* blobs(): AsyncGenerator<Content> {
    for (const { content, users } of needed.values())
      if (users.every((user) => failed.has(user))) onEvent({ type: "lost", descriptor: content.descriptor });
      else yield watched(content, onEvent);
  }
}

/** A blob, with the images that are nothing without it. */
interface Needed {
  readonly content: Content;
  readonly users: Gathered[];
}

/** Every blob once, in the order of first use; those that were read already stand in the archive's head. */
function distinctBlobs(found: readonly Gathered[]): ReadonlyMap<Digest, Needed> {
  const documents = new Set(found.flatMap(({ image }) => [...image.documents.keys()]));
  const needed = new Map<Digest, Needed>();
  for (const one of found)
    for (const content of one.blobs) {
      const { digest } = content.descriptor;
      if (documents.has(digest)) continue;
      const known = needed.get(digest);
      if (known) known.users.push(one);
      else needed.set(digest, { content, users: [one] });
    }
  return needed;
}

/** Each blob is the work of the image that needs it first. */
function tellPlanned(found: readonly Gathered[], needed: ReadonlyMap<Digest, Needed>, onEvent: OnEvent): void {
  for (const one of found) {
    const own = one.blobs
      .map(({ descriptor }) => descriptor)
      .filter(({ digest }) => needed.get(digest)?.users[0] === one);
    const bytes = own.reduce((sum, { size }) => sum + size, 0);
    onEvent({ type: "planned", image: one.name, blobs: own.length, bytes });
  }
}

/** Content that is verified while it is read, and told of. */
function watched(content: Content, onEvent: OnEvent): Content {
  const { descriptor } = content;
  async function* open({ signal }: Call = {}): ByteStream {
    yield* read(content, { signal });
    onEvent({ type: "moved", descriptor, how: "copied" });
  }
  return counted({ descriptor, open }, onEvent);
}
