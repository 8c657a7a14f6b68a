/** A planned image as the layout wants to see it. */
import type { LaidImage, LaidReferrer } from "../layout/hangar.ts";
import { type Descriptor, isIndex } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { composeIndex } from "../oci/manifest.ts";
import { referralOf } from "../oci/referrer.ts";
import { contentOf, MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Content } from "../store/store.ts";
import type { Attachment, Image } from "./walk.ts";

/** `name` is `registry/repository` in full; `madeOf` as a StoreReference has it. */
export async function layOut(
  name: string,
  tag: string | undefined,
  image: Image,
  madeOf?: readonly Descriptor[],
): Promise<LaidImage> {
  const { root, kept, platforms, plain } = image;
  return {
    name,
    tag,
    root,
    ...(await offer(root, kept)),
    // What was left out is part of it no more: nobody could ever bring the original together again.
    madeOf: madeOf?.filter(({ digest }) => kept.has(digest) || digest === root.descriptor.digest),
    platforms,
    contents: [
      ...image.manifests.map((manifest) => manifest.descriptor.digest),
      ...image.attachments.flatMap(({ root, manifests }) =>
        [...manifests, root].map(({ descriptor }) => descriptor.digest),
      ),
      ...image.blobs.map(({ digest }) => digest),
    ],
    referrers: await Promise.all(image.attachments.map(referrerOf)),
    forHangar: tag !== undefined && plain && platforms.length > 0,
  };
}

/** What a root is where these children of it are here: itself, or an index of those. */
export async function offer(root: Content, kept: ReadonlySet<Digest>): Promise<Pick<LaidImage, "offered" | "kept">> {
  const { descriptor } = root;
  if (!isIndex(descriptor)) return { offered: root, kept: undefined };
  const { bytes, restored } = composeIndex({ descriptor, bytes: await readAll(root, MANIFEST_LIMIT) }, kept);
  if (restored) return { offered: root, kept: undefined };
  return { offered: contentOf(descriptor.mediaType, bytes), kept: [...kept] };
}

/** Lists of referrers do not always tell the artifact type; the manifest does. */
async function referrerOf({ subject, root, tag }: Attachment): Promise<LaidReferrer> {
  const { mediaType, digest, size } = root.descriptor;
  const artifactType = referralOf(root.descriptor, await readAll(root, MANIFEST_LIMIT))?.referrer.artifactType;
  return { subject, tag, descriptor: { mediaType, digest, size, ...(artifactType ? { artifactType } : {}) } };
}
