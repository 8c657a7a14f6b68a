/** Images as the entries of an archive: head first, then blobs in plan order, then what has to be said again. */
import type { Entry } from "../archive/writer.ts";
import { type Bytes, streamOf } from "../bytes/stream.ts";
import type { ArchiveLayout, HeadEntry } from "../layout/archive-layout.ts";
import type { LaidImage } from "../layout/hangar.ts";
import { isManifest } from "../oci/descriptor.ts";
import { type Digest, digestOf, splitDigest } from "../oci/digest.ts";
import { isCompressedType } from "../oci/media-types.ts";
import type { Content } from "../store/store.ts";
import type { Image } from "./walk.ts";

/** An image to pack. */
export interface Packed {
  readonly image: Image;
  readonly laid: LaidImage;
}

/**
 * The entries of an archive, each when it is asked for: the head, the blobs but for those that stood in it or came before,
 * and the layout's lists again where `arrived`, which is asked then, has fewer images. Blobs must be verified, here or before.
 */
export async function* packEntries(
  images: readonly Packed[],
  blobs: AsyncIterable<Content>,
  layout: ArchiveLayout,
  arrived: () => readonly LaidImage[],
): AsyncGenerator<Entry> {
  const written = new Set<Digest>();
  const contents = headContents(images);
  const algorithms = new Set(["sha256", ...contents.map(({ descriptor }) => splitDigest(descriptor.digest).algorithm)]);
  const planned = images.map(({ laid }) => laid);
  for (const one of layout.head(planned, algorithms)) yield headEntry(one);
  for (const content of contents) {
    written.add(content.descriptor.digest);
    yield blobEntry(content, layout);
  }
  for await (const blob of blobs) {
    const { digest } = blob.descriptor;
    if (written.has(digest)) continue;
    written.add(digest);
    yield blobEntry(blob, layout);
  }
  const after = arrived();
  if (after.length < planned.length) yield* amendedEntries(layout, planned, after);
}

/** Manifests, then configs: what a reader of a pipe must know before it sees a layer. */
function headContents(images: readonly Packed[]): readonly Content[] {
  const contents = images.flatMap(({ image, laid }) => [
    laid.root,
    laid.offered,
    ...image.manifests,
    ...image.attachments.flatMap(({ root, manifests }) => [...manifests, root]),
    ...image.documents.values(),
  ]);
  const found = new Map<Digest, Content>();
  for (const content of contents)
    if (!found.has(content.descriptor.digest)) found.set(content.descriptor.digest, content);
  return [...found.values()];
}

/** A blob or manifest. */
function blobEntry(content: Content, layout: ArchiveLayout): Entry {
  const { digest, size, mediaType } = content.descriptor;
  return {
    path: layout.blobPath(digest),
    size,
    digest,
    compressed: !isManifest(content.descriptor) && isCompressedType(mediaType) ? true : undefined,
    open: (options) => content.open(options),
  };
}

/**
 * Documents again, for those images only that arrived. They are as long as the first ones, because Hangar unpacks the later
 * over the earlier without cutting it: JSON allows the spaces at the end.
 */
function* amendedEntries(
  { amended }: ArchiveLayout,
  planned: readonly LaidImage[],
  after: readonly LaidImage[],
): Generator<Entry> {
  const before = amended?.(planned) ?? [];
  for (const [at, { path, bytes }] of (amended?.(after) ?? []).entries()) {
    const padded: Bytes = new Uint8Array(Math.max(bytes.length, before[at]!.bytes.length)).fill(0x20);
    padded.set(bytes);
    yield headEntry({ path, bytes: padded });
  }
}

function headEntry({ path, bytes, target }: HeadEntry): Entry {
  if (target !== undefined) return { path, type: "link", target, size: 0, open: () => streamOf() };
  if (!bytes) return { path, type: "directory", size: 0, open: () => streamOf() };
  return { path, size: bytes.length, digest: digestOf(bytes), open: () => streamOf(bytes) };
}
