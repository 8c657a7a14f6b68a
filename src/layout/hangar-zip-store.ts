/**
 * The layout of Hangar 1.7-1.9, version v1.2.0, as a store: platform manifests as they were, and a list of them in
 * `index.json`.
 */
import { AppError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isDigest } from "../oci/digest.ts";
import { isIndexType, isManifestType } from "../oci/media-types.ts";
import type { Store, Tree } from "../store/store.ts";
import { brokenDocument, fieldsOf } from "./document.ts";
import { blobPath } from "./hangar.ts";
import { type Fields, gatherListed, type ListOptions, listedPlatforms } from "./listed-images.ts";
import { treeStore } from "./tree-store.ts";

const DOCUMENT = "index.json";

/** Whether an `index.json` is such a list. */
export function isHangarZipIndex(index: unknown): boolean {
  return Array.isArray(fieldsOf(index).list);
}

/**
 * Opens the layout whose `index.json` is `index`. Reads every manifest at once, all else when it is asked for. Owns the tree
 * once it has returned. Throws INTEGRITY for a list that cannot be one, UNSUPPORTED for a later version.
 */
export async function openHangarZip(tree: Tree, index: unknown, options: ListOptions): Promise<Store> {
  const { list, version } = fieldsOf(index);
  if (typeof version !== "string" || !/^v?1\.[2-9]\.\d+$/.test(version))
    throw new AppError("UNSUPPORTED", `Cannot open "${options.name}": its list has version ${JSON.stringify(version)}`);
  const entries = (Array.isArray(list) ? list : []).map(renamed);
  const listed = listedPlatforms(entries, DOCUMENT, options, (fields) => {
    const descriptor = manifestOf(fields, tree);
    if (!descriptor) throw brokenDocument(DOCUMENT, options.name, "the manifest of an image is not described");
    return async () => descriptor;
  });
  const images = await gatherListed(listed, tree, { ...options, pathOf: blobPath });
  return treeStore(tree, options.name, { ...images, pathOf: blobPath });
}

/** An entry with the field names of the older lists. */
function renamed(entry: unknown): Fields {
  const { source, tag, images } = fieldsOf(entry);
  return { Source: source, Tag: tag, Images: Array.isArray(images) ? images.map(renamedImage) : images };
}

function renamedImage(image: unknown): Fields {
  const { arch, os, osVersion, variant, mediaType, digest } = fieldsOf(image);
  return { Arch: arch, OS: os, OsVersion: osVersion, Variant: variant, MediaType: mediaType, Digest: digest };
}

/** The list does not tell sizes. One whose manifest is missing has none. */
function manifestOf({ MediaType, Digest }: Fields, tree: Tree): Descriptor | undefined {
  if (!isDigest(Digest) || typeof MediaType !== "string" || !isManifestType(MediaType) || isIndexType(MediaType))
    return undefined;
  return { mediaType: MediaType, digest: Digest, size: tree.file(blobPath(Digest))?.size ?? 0 };
}
