/** Entries of `saved-images-list.json` that Hangar 1.3-1.6 itself wrote: platforms in folders, without the original index. */
import { AppError } from "../errors.ts";
import { type Descriptor, isIndex, isManifest, parseDescriptor } from "../oci/descriptor.ts";
import type { Call, Tree } from "../store/store.ts";
import { brokenDocument, fieldsOf, readDocument } from "./document.ts";
import { blobPath, LIST_FILE, type ListEntry } from "./hangar.ts";
import { gatherListed, type ListedImages, type ListOptions, listedPlatforms, onceForEach } from "./listed-images.ts";

/**
 * The images of these entries. The digests in the list are those that the images had before Hangar converted them: what
 * counts is the manifest that each folder's index names. Hangar lists what it failed at as well. Throws INTEGRITY where an
 * entry cannot be one.
 */
export function readHangarEntries(
  entries: readonly ListEntry[],
  tree: Tree,
  options: ListOptions,
): Promise<ListedImages> {
  const find = onceForEach((folder, call) => manifestIn(tree, folder, options.name, call));
  const listed = listedPlatforms(entries, LIST_FILE, options, (fields) => {
    const { Folder } = fields;
    if (typeof Folder !== "string") throw brokenDocument(LIST_FILE, options.name, "an image has no folder");
    return (call) => find(Folder, call);
  });
  return gatherListed(listed, tree, { ...options, pathOf: blobPath });
}

/** The one manifest that a folder's index names. */
async function manifestIn(tree: Tree, folder: string, name: string, call: Call): Promise<Descriptor> {
  const path = `${folder}/index.json`;
  const document = await readDocument(tree, path, name, call);
  if (document === undefined) throw new AppError("NOT_FOUND", `Cannot read "${path}": it is missing`);
  const { manifests } = fieldsOf(document);
  const descriptor = Array.isArray(manifests) && manifests.length === 1 ? parseDescriptor(manifests[0]) : undefined;
  if (!descriptor || !isManifest(descriptor) || isIndex(descriptor))
    throw brokenDocument(path, name, "it does not name one manifest");
  const { mediaType, digest, size } = descriptor;
  return { mediaType, digest, size };
}
