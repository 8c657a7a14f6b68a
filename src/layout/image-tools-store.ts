/**
 * The layout of image-tools 1.0-1.2, template 1.0.0, as a store: each platform is a folder with a Docker manifest and its
 * blobs, which are named by the hexadecimal digits of their digests.
 */
import { collect } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { blobsOf, parseManifest, sniffMediaType } from "../oci/manifest.ts";
import { isIndexType, isManifestType } from "../oci/media-types.ts";
import { MANIFEST_LIMIT } from "../store/read.ts";
import type { Call, Store, Tree } from "../store/store.ts";
import { brokenDocument } from "./document.ts";
import { LIST_FILE, type SavedList } from "./hangar.ts";
import { gatherListed, type ListOptions, listedPlatforms, onceForEach } from "./listed-images.ts";
import { treeStore } from "./tree-store.ts";

/** Whether a list with this version is of this layout. The first releases wrote their own. */
export function isImageToolsVersion(version: string): boolean {
  return /^v?1\.0\.\d+$/.test(version);
}

/**
 * Reads every manifest at once, all else when it is asked for. Owns the tree once it has returned. Throws INTEGRITY for a
 * list that cannot be one.
 */
export async function openImageTools(tree: Tree, { List }: SavedList, options: ListOptions): Promise<Store> {
  const paths = new Map<Digest, string>();
  const find = onceForEach((folder, call) => manifestIn(tree, folder, paths, call));
  const listed = listedPlatforms(List ?? [], LIST_FILE, options, ({ Folder }) => {
    if (typeof Folder !== "string") throw brokenDocument(LIST_FILE, options.name, "an image has no folder");
    return (call) => find(Folder, call);
  });
  const pathOf = (digest: Digest): string | undefined => paths.get(digest);
  const images = await gatherListed(listed, tree, { ...options, pathOf });
  return treeStore(tree, options.name, { ...images, pathOf });
}

/** The manifest of a folder, and where its blobs are. Nothing promised its digest: it is whatever lies there. */
async function manifestIn(tree: Tree, folder: string, paths: Map<Digest, string>, call: Call): Promise<Descriptor> {
  const path = `${folder}/manifest.json`;
  const file = tree.file(path);
  if (!file) throw new AppError("NOT_FOUND", `Cannot read "${path}": it is missing`);
  const bytes = file.size > MANIFEST_LIMIT ? undefined : await collect(file.open(call), MANIFEST_LIMIT);
  const mediaType = bytes && sniffMediaType(bytes);
  if (!bytes || mediaType === undefined || !isManifestType(mediaType) || isIndexType(mediaType))
    throw new AppError("INTEGRITY", `Cannot read "${path}": it is no manifest of an image`);
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  const view = parseManifest(descriptor, bytes);
  paths.set(descriptor.digest, path);
  if (view.kind === "index") return descriptor;
  for (const { digest } of blobsOf(view)) {
    const blob = `${folder}/${digest.slice(digest.indexOf(":") + 1)}`;
    if (isDigest(digest) && tree.file(blob)) paths.set(digest, blob);
  }
  return descriptor;
}
