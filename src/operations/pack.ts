/** Images as the entries of an archive: head first, then blobs in plan order, then what has to be said again. */
import type { Entry } from "../archive/writer.ts";
import { type Bytes, streamOf } from "../bytes/stream.ts";
import { blobPath, type LaidImage, LIST_FILE, layoutFiles, ROOT } from "../layout/hangar.ts";
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
 * and the lists again where `arrived`, which is asked then, has fewer images. Blobs must be verified, here or before.
 */
export async function* packEntries(
  images: readonly Packed[],
  blobs: AsyncIterable<Content>,
  savedTime: Date,
  arrived: () => readonly LaidImage[],
): AsyncGenerator<Entry> {
  const written = new Set<string>();
  for (const entry of headEntries(images, savedTime)) {
    written.add(entry.path);
    yield entry;
  }
  for await (const blob of blobs) {
    const entry = blobEntry(blob);
    if (written.has(entry.path)) continue;
    written.add(entry.path);
    yield entry;
  }
  const planned = images.map(({ laid }) => laid);
  yield* amendedEntries(planned, arrived(), savedTime);
}

/** What comes before the blobs: folders, the list, the layout's documents, the link that makes it an OCI layout, manifests, configs. */
function* headEntries(images: readonly Packed[], savedTime: Date): Generator<Entry> {
  const laid = images.map((image) => image.laid);
  const contents = distinct(
    images.flatMap(({ image, laid }) => [
      laid.root,
      laid.offered,
      ...image.manifests,
      ...image.attachments.flatMap(({ root, manifests }) => [...manifests, root]),
      ...image.documents.values(),
    ]),
  );
  const files = layoutFiles(laid, savedTime);
  const algorithms = new Set(["sha256", ...contents.map(({ descriptor }) => splitDigest(descriptor.digest).algorithm)]);
  const folders = ["", "/.dray", "/share", ...[...algorithms].map((algorithm) => `/share/${algorithm}`)];
  for (const folder of folders) yield folderEntry(`${ROOT}${folder}`);
  for (const { path, bytes } of files) if (!bytes) yield folderEntry(`${ROOT}/${path}`);
  for (const { path, bytes } of files) if (bytes) yield fileEntry(path, bytes);
  yield { path: `${ROOT}/blobs`, type: "link", target: "share", size: 0, open: () => streamOf() };
  for (const content of contents) yield blobEntry(content);
}

/** A blob or manifest. */
function blobEntry(content: Content): Entry {
  const { digest, size, mediaType } = content.descriptor;
  return {
    path: `${ROOT}/${blobPath(digest)}`,
    size,
    digest,
    compressed: !isManifest(content.descriptor) && isCompressedType(mediaType) ? true : undefined,
    open: (options) => content.open(options),
  };
}

/**
 * The list and the root index again, for those images only that arrived. They are as long as the first ones, because Hangar
 * unpacks the later over the earlier without cutting it: JSON allows the spaces at the end.
 */
function* amendedEntries(before: readonly LaidImage[], after: readonly LaidImage[], savedTime: Date): Generator<Entry> {
  if (after.length === before.length) return;
  const sizes = new Map(layoutFiles(before, savedTime).map(({ path, bytes }) => [path, bytes?.length ?? 0]));
  for (const { path, bytes } of layoutFiles(after, savedTime)) {
    if (!bytes || (path !== LIST_FILE && path !== "index.json")) continue;
    const padded: Bytes = new Uint8Array(Math.max(bytes.length, sizes.get(path) ?? 0)).fill(0x20);
    padded.set(bytes);
    yield fileEntry(path, padded);
  }
}

function folderEntry(path: string): Entry {
  return { path, type: "directory", size: 0, open: () => streamOf() };
}

function fileEntry(path: string, bytes: Bytes): Entry {
  return { path: `${ROOT}/${path}`, size: bytes.length, digest: digestOf(bytes), open: () => streamOf(bytes) };
}

function distinct(contents: readonly Content[]): readonly Content[] {
  const found = new Map<Digest, Content>();
  for (const content of contents)
    if (!found.has(content.descriptor.digest)) found.set(content.descriptor.digest, content);
  return [...found.values()];
}
