/** What images need and do not have: looked for in an archive that was inspected, read where it was not. */
import { setImmediate } from "node:timers/promises";
import type { Flaw } from "../../archive/inspect.ts";
import type { Archive } from "../../archive/reader.ts";
import { asAppError } from "../../errors.ts";
import { blobPath, ROOT } from "../../layout/hangar.ts";
import { ociBlobPath } from "../../layout/oci-documents.ts";
import { type Descriptor, isManifest } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { read } from "../../store/read.ts";
import type { Call, Content, Store } from "../../store/store.ts";
import type { Checking } from "./checking.ts";
import { type HeldImage, type Lacking, MOST_TOLD } from "./findings.ts";

export interface LackingOptions extends Call {
  /** What is known to be damaged: it is passed over. */
  readonly flaws: readonly Flaw[];
  /** It was inspected: what lies there under its digest is not read again. */
  readonly archive: Archive | undefined;
  readonly checking: Checking;
}

/** What one image needs, of which nothing is known yet. */
interface Needed {
  readonly path: string;
  readonly descriptor: Descriptor;
}

/** Every digest that is missing or wrong. Reads one after the other whatever was not inspected. */
export async function lackingIn(store: Store, held: readonly HeldImage[], options: LackingOptions): Promise<Lacking> {
  const { archive, checking, signal } = options;
  const { unread, missing } = await unknownIn(store, held, options);
  if (!archive)
    checking.expect(
      "content",
      unread.reduce((sum, { descriptor }) => sum + descriptor.size, 0),
    );
  const lacking = new Map<Digest, string>();
  for (const { path, descriptor } of unread) {
    const content = store.repository(path).get(descriptor);
    const counted: Content = archive
      ? content
      : { ...content, open: (options) => checking.counted(content.open(options)) };
    try {
      for await (const _ of read(counted, { signal }));
    } catch (thrown) {
      signal?.throwIfAborted();
      const { message } = asAppError(thrown, "STORAGE", `Cannot read "${descriptor.digest}"`);
      lacking.set(descriptor.digest, lacking.size < MOST_TOLD ? message : "");
    }
  }
  for (const digest of missing) lacking.set(digest, "");
  return lacking;
}

/** What is to be read; and what is known to be missing, beyond what is told of one by one. */
async function unknownIn(store: Store, held: readonly HeldImage[], { flaws, archive, signal }: LackingOptions) {
  const unread: Needed[] = [];
  const missing: Digest[] = [];
  const seen = new Set<Digest>();
  for (const { digest } of flaws) if (digest) seen.add(digest);
  let absent = 0;
  for (const { reference, contents = [] } of held) {
    const { path } = reference;
    const source = store.repository(path);
    for (const descriptor of contents) {
      const { digest, size } = descriptor;
      if (seen.has(digest)) continue;
      seen.add(digest);
      const sizeThere = archive && sizeIn(archive, digest);
      if (sizeThere === size) continue;
      // A manifest may have been made of what is there.
      const mayBeAbsent = archive !== undefined && sizeThere === undefined && !isManifest(descriptor);
      // Those that are told of are read for the sake of the error.
      if (mayBeAbsent && source.get(descriptor).where?.() === undefined && ++absent > MOST_TOLD) missing.push(digest);
      else unread.push({ path, descriptor });
    }
    // There may be a hundred thousand blobs: whoever looks after the memory of the process has a turn.
    await setImmediate();
    signal?.throwIfAborted();
  }
  return { unread, missing };
}

/** Of the file that is named by a digest, where archives of Dray's have it. */
function sizeIn(archive: Archive, digest: Digest): number | undefined {
  return (archive.file(`${ROOT}/${blobPath(digest)}`) ?? archive.file(ociBlobPath(digest)))?.size;
}
