/** The documents of an archive, made again: what a layout says of its images can be said again. */
import type { Flaw } from "../../archive/inspect.ts";
import type { Archive } from "../../archive/reader.ts";
import type { Bytes } from "../../bytes/stream.ts";
import { subtree } from "../../layout/folder.ts";
import { ROOT } from "../../layout/hangar.ts";
import { hangarArchive } from "../../layout/hangar-archive.ts";
import { readList } from "../../layout/hangar-store.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { EVERYTHING } from "../../oci/platform.ts";
import type { Call, Store } from "../../store/store.ts";
import { gather } from "../gather.ts";

/** Those of the damaged ones that come out as they were, by their digests. Reads the manifests and configs of all images. */
export async function documentsOf(
  store: Store,
  archive: Archive,
  damaged: readonly Flaw[],
  { signal }: Call,
): Promise<ReadonlyMap<Digest, Bytes>> {
  const wanted = new Set(damaged.map(({ digest }) => digest));
  const options = { selection: EVERYTHING, strict: false, jobs: 4, signal };
  const laid = (await gather(store, options, () => {})).map((one) => one.laid);
  const list = await readList(subtree(archive, `${ROOT}/`), ROOT, { signal }).catch(() => undefined);
  const made = new Map<Digest, Bytes>();
  for (const { bytes } of hangarArchive(new Date(list?.SavedTime ?? 0)).head(laid, new Set())) {
    const digest = bytes && digestOf(bytes);
    if (digest && wanted.has(digest)) made.set(digest, bytes);
  }
  return made;
}
