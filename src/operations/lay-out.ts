/** A planned image as the layout wants to see it. */
import type { LaidImage } from "../layout/hangar.ts";
import { isIndex } from "../oci/descriptor.ts";
import { composeIndex } from "../oci/manifest.ts";
import { contentOf, MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Image } from "./walk.ts";

/** `name` is `registry/repository` in full. */
export async function layOut(name: string, tag: string | undefined, image: Image): Promise<LaidImage> {
  const { root, kept, platforms, plain } = image;
  const { descriptor } = root;
  const composed = isIndex(descriptor)
    ? composeIndex({ descriptor, bytes: await readAll(root, MANIFEST_LIMIT) }, kept)
    : undefined;
  return {
    name,
    tag,
    root,
    offered: composed && !composed.restored ? contentOf(descriptor.mediaType, composed.bytes) : root,
    platforms,
    kept: composed && !composed.restored ? [...kept] : undefined,
    contents: [
      ...image.manifests.map((manifest) => manifest.descriptor.digest),
      ...image.blobs.map(({ digest }) => digest),
    ],
    forHangar: tag !== undefined && plain && platforms.length > 0,
  };
}
