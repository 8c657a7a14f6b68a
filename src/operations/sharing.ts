/** One descriptor for each blob, however many images have it, and a bound on what a run holds of the images of an archive. */
import { AppError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Image } from "./walk.ts";

/** Bytes of memory for the descriptors of all images. As many blobs as an archive can have entries take 44 MB. */
const MEMORY_LIMIT: number = 48 << 20;

/** About what a descriptor takes, and one more image that has it. */
const DESCRIPTOR = 300;
const USE = 64;

/**
 * The same descriptors, each as it was given first. `name` is the image's, for messages; `beside` is what else is held of it, as
 * so many more uses. Throws UNSUPPORTED for too many: it has none of them then.
 */
export type Share = (name: string, descriptors: readonly Descriptor[], beside?: number) => readonly Descriptor[];

/** Knows none yet. */
export function createSharing(): Share {
  const known = new Map<Digest, Descriptor>();
  let memory = 0;
  return (name, descriptors, beside = 0) => {
    const first = descriptors.map((descriptor) => ({ descriptor, known: sameIn(known, descriptor) }));
    const news = first.filter((one) => one.known === undefined).length;
    const more = memory + news * DESCRIPTOR + (first.length + beside) * USE;
    if (more > MEMORY_LIMIT)
      throw new AppError("UNSUPPORTED", `Cannot read "${name}": with it, all images have more blobs than can be held`, {
        hint: "make several archives, of fewer images each",
      });
    memory = more;
    return first.map(({ known: one, descriptor: { mediaType, digest, size } }) => {
      const shared = one ?? { mediaType, digest, size };
      known.set(digest, shared);
      return shared;
    });
  };
}

function sameIn(known: ReadonlyMap<Digest, Descriptor>, { mediaType, digest, size }: Descriptor) {
  const one = known.get(digest);
  return one?.mediaType === mediaType && one.size === size ? one : undefined;
}

/** What is held of an image beside its blobs, weighed by what was measured. */
function usesOf({ manifests, platforms, kept, attachments }: Image): number {
  const perPlatform = platforms.reduce((sum, { blobs }) => sum + 5 + blobs.length / 4, 0);
  const attached = attachments.reduce((sum, one) => sum + 1 + one.manifests.length, 0);
  return 6 * (manifests.length + attached) + kept.size + perPlatform;
}

/** The image with its blobs shared. Throws as `share` does. */
export function withShared(image: Image, name: string, share: Share): Image {
  const blobs = share(name, image.blobs, usesOf(image));
  const digests = new Map(blobs.map(({ digest }) => [digest, digest]));
  return {
    ...image,
    blobs,
    platforms: image.platforms.map((one) => ({
      ...one,
      blobs: one.blobs.map((digest) => digests.get(digest) ?? digest),
    })),
  };
}
