/** A store to an archive: the images that it names, and nothing else that lies there. */
import { writeArchive } from "../archive/writer.ts";
import { runAll } from "../bytes/pool.ts";
import type { ByteStream, Range } from "../bytes/stream.ts";
import { asAppError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { read } from "../store/read.ts";
import type { Call, Content, Store } from "../store/store.ts";
import { type ArchiveTarget, claimOf, layoutFor, openOutput } from "./archive-target.ts";
import { counted } from "./counted.ts";
import { type Gathered, gather } from "./gather.ts";
import { packEntries } from "./pack.ts";
import { requireRoom } from "./room.ts";
import type { SaveOptions } from "./save.ts";
import { type Summary, startSummary, type Tally } from "./summary.ts";

/**
 * Packs a store into an archive. Every byte is verified on its way, and before the first is written where what was written
 * cannot be taken back; an image with a wrong or missing blob fails, is in no list, and the others are packed. Without any
 * image there is no archive. Same promises as save() for what it writes.
 */
export async function compress(
  store: Store,
  target: ArchiveTarget,
  { selection, strict, jobs, referrers, onEvent, savedTime, signal }: SaveOptions,
): Promise<Summary> {
  await using output = await openOutput(target);
  const summary = startSummary(onEvent);
  const found = await gather(store, { selection, strict, jobs, referrers, signal }, summary.settle);
  const needed = distinctBlobs(found);
  tellPlanned(found, needed, onEvent);
  const descriptors = [...needed.values()].map(({ descriptor }) => descriptor);
  await requireRoom(claimOf(target, descriptors));
  const layout = await layoutFor(target, found, savedTime);
  const losses = createLosses(needed, summary, onEvent);
  const arrived = (): readonly Gathered[] => found.filter((one) => !losses.failed.has(one));
  const canLose = layout.amended !== undefined && output.truncate !== undefined;
  if (!canLose) await prove(needed.values(), losses.lose, { jobs, signal });
  const packed = arrived();
  if (packed.length === 0) return summary.now();
  const entries = packEntries(packed, losses.rest(), layout, () => arrived().map(({ laid }) => laid));
  const { bytes } = await writeArchive(entries, output, {
    format: target.format,
    level: target.level,
    signal,
    onLost: canLose ? (entry, error) => losses.lose(entry.digest, `Cannot read "${entry.path}"`, error) : undefined,
    onBytes: (total) => onEvent({ type: "archived", bytes: total }),
  });
  for (const { name, laid } of arrived()) summary.settle(name, "done", { digest: laid.root.descriptor.digest });
  if (arrived().length === 0) return summary.now();
  await output.finish();
  return { ...summary.now(), archived: bytes };
}

type Lose = (digest: Digest | undefined, what: string, thrown: unknown) => Promise<undefined>;

/** Images that failed because a blob of theirs is lost, and the blobs that are still worth their while. */
function createLosses(needed: ReadonlyMap<Digest, Needed>, { settle }: Tally, onEvent: OnEvent) {
  const failed = new Set<Gathered>();
  const lose: Lose = async (digest, what, thrown) => {
    const error = asAppError(thrown, "STORAGE", what);
    const blob = digest && needed.get(digest);
    if (!blob) return undefined;
    blob.isLost = true;
    onEvent({ type: "lost", descriptor: blob.descriptor });
    for (const one of blob.users) {
      if (failed.has(one)) continue;
      failed.add(one);
      settle(one.name, "failed", { error });
    }
    return undefined;
  };
  async function* rest(): AsyncGenerator<Content> {
    for (const blob of needed.values())
      if (blob.isLost) continue;
      else if (blob.users.every((user) => failed.has(user))) onEvent({ type: "lost", descriptor: blob.descriptor });
      else yield watched(contentOf(blob), onEvent);
  }
  return { failed, lose, rest };
}

/** Reads every blob once, and tells of those that are not what they should be. */
async function prove(
  needed: Iterable<Needed>,
  lose: Lose,
  { jobs, signal }: Call & { readonly jobs: number },
): Promise<void> {
  async function proveOne(blob: Needed, signal: AbortSignal): Promise<void> {
    const { digest } = blob.descriptor;
    try {
      for await (const _ of read(contentOf(blob), { signal }));
    } catch (error) {
      signal.throwIfAborted();
      await lose(digest, `Cannot read "${digest}"`, error);
    }
  }
  await runAll(needed, proveOne, { concurrency: jobs, signal });
}

/** A blob, with the images that are nothing without it: the first is where it is read. */
interface Needed {
  readonly descriptor: Descriptor;
  readonly users: Gathered[];
  /** It is known not to be what it should be. */
  isLost: boolean;
}

function contentOf({ descriptor, users }: Needed): Content {
  return users[0]!.from.get(descriptor);
}

/** Every blob once, in the order of first use; those that were read already stand in the archive's head. */
function distinctBlobs(found: readonly Gathered[]): ReadonlyMap<Digest, Needed> {
  const documents = new Set(found.flatMap(({ image }) => [...image.documents.keys()]));
  const needed = new Map<Digest, Needed>();
  for (const one of found)
    for (const blob of one.image.blobs) {
      const { digest } = blob;
      if (documents.has(digest)) continue;
      const known = needed.get(digest);
      if (known) known.users.push(one);
      else needed.set(digest, { descriptor: blob, users: [one], isLost: false });
    }
  return needed;
}

/** Each blob is the work of the image that needs it first. */
function tellPlanned(found: readonly Gathered[], needed: ReadonlyMap<Digest, Needed>, onEvent: OnEvent): void {
  for (const one of found) {
    const own = one.image.blobs.filter(({ digest }) => needed.get(digest)?.users[0] === one);
    const bytes = own.reduce((sum, { size }) => sum + size, 0);
    onEvent({ type: "planned", image: one.name, blobs: own.length, bytes });
  }
}

/** Content that is verified while it is read, and told of. */
function watched(content: Content, onEvent: OnEvent): Content {
  const { descriptor } = content;
  async function* open({ reuse, signal }: Range & Call = {}): ByteStream {
    yield* read(content, { reuse, signal });
    onEvent({ type: "moved", descriptor, how: "copied" });
  }
  return counted({ descriptor, open }, onEvent);
}
