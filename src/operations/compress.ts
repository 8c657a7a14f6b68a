/** A cache folder to an archive: the images that its list names, and nothing else that lies there. */
import { fileOutput } from "../archive/output.ts";
import { type Entry, writeArchive } from "../archive/writer.ts";
import { asAppError } from "../errors.ts";
import { read } from "../store/read.ts";
import type { Call, Store } from "../store/store.ts";
import { type Gathered, gather } from "./gather.ts";
import { amendedEntries, blobEntry, headEntries } from "./pack.ts";
import type { ArchiveTarget, SaveOptions } from "./save.ts";
import { type Summary, startSummary } from "./summary.ts";

/**
 * Packs a store into an archive. Every byte is verified on its way; an image with a wrong or missing blob fails, is in no
 * list, and the others are packed. Without any image there is no archive. Same promises as save() for what it writes.
 */
export async function compress(
  store: Store,
  { path, format }: ArchiveTarget,
  { selection, strict, jobs, onEvent, savedTime, signal }: SaveOptions,
): Promise<Summary> {
  await using output = await fileOutput(path);
  const summary = startSummary(onEvent);
  const found = await gather(store, { selection, strict, jobs, onEvent, signal }, summary.settle);
  const failed = new Set<Gathered>();
  const users = new Map<string, Gathered[]>();
  for (const one of found)
    for (const blob of one.blobs) {
      const { path: name } = blobEntry(blob);
      users.set(name, [...(users.get(name) ?? []), one]);
    }
  const { bytes } = await writeArchive(entries(), output, { format, signal, onLost: lose, onBytes: archived });
  for (const one of found)
    if (!failed.has(one)) summary.settle(one.name, "done", { digest: one.laid.root.descriptor.digest });
  if (found.length > failed.size) await output.finish();
  return { ...summary.now(), ...(found.length > failed.size ? { archived: bytes } : {}) };

  function archived(total: number): void {
    onEvent({ type: "archived", bytes: total });
  }
  async function lose(entry: Entry, thrown: unknown): Promise<undefined> {
    const error = asAppError(thrown, "STORAGE", `Cannot read "${entry.path}"`);
    for (const one of users.get(entry.path) ?? []) {
      if (failed.has(one)) continue;
      failed.add(one);
      summary.settle(one.name, "failed", { error });
    }
    return undefined;
  }
  async function* entries(): AsyncGenerator<Entry> {
    const laid = found.map((one) => one.laid);
    const written = new Set<string>();
    const packed = found.map(({ laid, image }) => ({
      laid,
      manifests: image.manifests,
      documents: image.documents.values(),
    }));
    for (const entry of headEntries(packed, savedTime)) {
      written.add(entry.path);
      yield entry;
    }
    for (const one of found)
      for (const content of one.blobs) {
        const entry = blobEntry(content);
        if (written.has(entry.path) || users.get(entry.path)!.every((user) => failed.has(user))) continue;
        written.add(entry.path);
        yield { ...entry, open: (options: Call = {}) => read(content, options) };
      }
    yield* amendedEntries(
      laid,
      found.filter((one) => !failed.has(one)).map((one) => one.laid),
      savedTime,
    );
  }
}
