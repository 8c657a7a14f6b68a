/** Archives of ours whose contents stand in any order, as no writer of ours lays them. */
import type { Format } from "../../src/archive/format.ts";
import { type Entry, writeArchive } from "../../src/archive/writer.ts";
import { type Bytes, encode } from "../../src/bytes/stream.ts";
import { blobPath, type ListEntry } from "../../src/layout/hangar.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { directoryEntry, fileEntry, memoryOutput } from "./archive-entries.ts";
import type { Artifact } from "./random-image.ts";
import type { Part } from "./random-layer.ts";

const ROOT = "saved-image-cache";

/** An image of the list. */
export interface Listed {
  readonly path: string;
  readonly tag: string;
  readonly artifact: Artifact;
  readonly attached?: readonly Artifact[];
  readonly kept?: ListEntry["Kept"];
}

/** An archive of ours: the list, then `contents` as they come; what comes twice is there once. */
export async function pipedArchive(
  images: readonly Listed[],
  contents: readonly Part[],
  format: Format = "tar",
): Promise<Bytes> {
  const list = encode(JSON.stringify({ Version: "v1.1.0", SavedTime: "2026-01-01", List: images.map(entryOf) }));
  const distinct = new Map(contents.map((part) => [part.descriptor.digest, part]));
  async function* entries(): AsyncGenerator<Entry> {
    yield directoryEntry(ROOT);
    yield directoryEntry(`${ROOT}/.dray`);
    yield fileEntry(`${ROOT}/saved-images-list.json`, list, { digest: digestOf(list) });
    for (const { descriptor, bytes } of distinct.values())
      yield fileEntry(`${ROOT}/${blobPath(descriptor.digest)}`, bytes, { digest: descriptor.digest });
  }
  const output = memoryOutput();
  await writeArchive(entries(), output, { format });
  return output.bytes();
}

function entryOf({ path, tag, artifact: { root }, attached = [], kept }: Listed): ListEntry {
  return {
    Source: path,
    Tag: tag,
    Root: { MediaType: root.mediaType, Digest: root.digest, Size: root.size },
    ...(kept ? { Kept: kept } : {}),
    Referrers: attached.map((one) => ({
      MediaType: one.root.mediaType,
      Digest: one.root.digest,
      Size: one.root.size,
      Subject: root.digest,
    })),
  };
}
