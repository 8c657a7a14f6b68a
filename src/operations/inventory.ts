/** What images a store holds, and how large they are. Reads manifests, and no layer. */
import { ordered } from "../bytes/pool.ts";
import { type AppError, asAppError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { EVERYTHING, formatPlatform } from "../oci/platform.ts";
import { formatTagged } from "../oci/reference.ts";
import type { Call, Store, StoreReference } from "../store/store.ts";
import { withAttachments } from "./attachments.ts";
import { type Image, walk } from "./walk.ts";

/** Images that are read at once. */
const AT_ONCE = 8;

/** One image of a store, with all that it is made of. */
export interface Held {
  readonly name: string;
  readonly reference: StoreReference;
  /** Undefined where it could not be read. */
  readonly image: Image | undefined;
  readonly error: AppError | undefined;
}

/** Every image of the store, in the order of its list, with what is attached to it. One that cannot be read has an error instead. */
export async function* heldIn(store: Store, { signal }: Call = {}): AsyncGenerator<Held> {
  yield* ordered(store.references({ signal }), (reference, signal) => read(store, reference, { signal }), {
    concurrency: AT_ONCE,
    ahead: 4 * AT_ONCE,
    signal,
  });
}

async function read(store: Store, reference: StoreReference, { signal }: Call): Promise<Held> {
  const { path, tag, root } = reference;
  const name = formatTagged(path, tag, root.digest);
  try {
    const from = store.repository(path);
    const bare = await walk(from, root, { selection: EVERYTHING, signal });
    return { name, reference, image: bare && (await withAttachments(from, bare, { signal })), error: undefined };
  } catch (thrown) {
    signal?.throwIfAborted();
    return { name, reference, image: undefined, error: asAppError(thrown, "STORAGE", `Cannot read "${name}"`) };
  }
}

/** All content of an image, distinct: its manifests, the blobs, what is attached. */
export function contentsOf({ root, manifests, attachments, blobs }: Image): readonly Descriptor[] {
  const documents = [root, ...manifests, ...attachments.flatMap((one) => [...one.manifests, one.root])];
  const all = [...documents.map(({ descriptor }) => descriptor), ...blobs];
  return [...new Map(all.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

/** One line of an inventory. Sizes are bytes. */
export interface Listing {
  readonly name: string;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly platforms: readonly { readonly platform: string; readonly digest: Digest; readonly size: number }[];
  /** Everything that the image is made of. */
  readonly size: number;
  /** What of it no image before has. */
  readonly adds: number;
  /** Signatures and whatever else is attached to it. */
  readonly referrers: number;
  /** Why it cannot be read; the sizes are 0 then. */
  readonly error?: AppError | undefined;
}

/** The images of a store, as heldIn() finds them. */
export async function* inventory(store: Store, call: Call = {}): AsyncGenerator<Listing> {
  const seen = new Set<Digest>();
  for await (const { name, reference, image, error } of heldIn(store, call)) {
    const { digest, mediaType } = reference.root;
    const contents = image ? contentsOf(image) : [];
    const news = contents.filter((one) => !seen.has(one.digest));
    for (const one of news) seen.add(one.digest);
    yield {
      name,
      digest,
      mediaType,
      platforms: image ? platformsOf(image) : [],
      size: sum(contents),
      adds: sum(news),
      referrers: image?.attachments.length ?? 0,
      error,
    };
  }
}

function platformsOf({ platforms, blobs }: Image): Listing["platforms"] {
  const sizes = new Map(blobs.map(({ digest, size }) => [digest, size]));
  return platforms.map(({ descriptor, platform, blobs: own }) => {
    const size = [...own].reduce((total, digest) => total + (sizes.get(digest) ?? 0), descriptor.size);
    return { platform: formatPlatform(platform), digest: descriptor.digest, size };
  });
}

function sum(descriptors: readonly Descriptor[]): number {
  return descriptors.reduce((total, { size }) => total + size, 0);
}
