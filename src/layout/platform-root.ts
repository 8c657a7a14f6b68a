/**
 * The root of an image of which an archive only has the platforms: the one manifest, or an index of several. OCI image-spec
 * v1.1 image-index.md.
 */
import { encode } from "../bytes/stream.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX } from "../oci/media-types.ts";
import { contentOf } from "../store/read.ts";
import type { Content } from "../store/store.ts";

/** Content that lies nowhere: it was made from what lies there, or fails in the place of what does not. */
export type Documents = ReadonlyMap<Digest, Content>;

/** A root, with its content where no archive has that. */
export interface PlatformRoot {
  readonly root: Descriptor;
  readonly document?: Content | undefined;
}

/**
 * What a tag is to name that has these platforms, at least one. The same platforms in the same order give the same bytes:
 * Docker's list where all are Docker's, else an OCI index.
 */
export function platformRoot(platforms: readonly Descriptor[]): PlatformRoot {
  const [first] = platforms;
  if (first && platforms.length === 1) {
    const { mediaType, digest, size } = first;
    return { root: { mediaType, digest, size } };
  }
  const mediaType = platforms.every((one) => one.mediaType === DOCKER_MANIFEST) ? DOCKER_LIST : OCI_INDEX;
  const manifests = platforms.map(({ mediaType, digest, size, platform, annotations, artifactType }) => {
    return { mediaType, digest, size, platform, annotations, artifactType };
  });
  const document = contentOf(mediaType, encode(JSON.stringify({ schemaVersion: 2, mediaType, manifests })));
  return { root: document.descriptor, document };
}
