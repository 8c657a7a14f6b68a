/** What images a store holds, and how large they are. Reads manifests, and no layer. */
import { ordered } from "../bytes/pool.ts";
import { AppError, asAppError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { EVERYTHING, formatPlatform } from "../oci/platform.ts";
import { formatTagged } from "../oci/reference.ts";
import type { Call, Source, Store, StoreReference } from "../store/store.ts";
import { type Holding, holdingOfRun } from "./allowance.ts";
import { withAttachments } from "./attachments.ts";
import { presentIn } from "./present.ts";
import { createSharing, type Share } from "./sharing.ts";
import { type Image, walk } from "./walk.ts";

/** Images that are read at once. */
const AT_ONCE = 4;

/** Platforms of all images that are listed: more than 20 of each of as many as an archive may have. */
const MOST_PLATFORMS = 200_000;

/** One image of a store, and what it is made of, without the bytes of any of it. */
export interface Held {
  readonly name: string;
  readonly reference: StoreReference;
  /** All content, distinct. Undefined where the image could not be read; where only some of its platforms are there, theirs. */
  readonly contents: readonly Descriptor[] | undefined;
  readonly platforms: readonly HeldPlatform[];
  /** Signatures and whatever else is attached to it. */
  readonly referrers: number;
  /** Why it is not whole. */
  readonly error: AppError | undefined;
}

export interface HeldPlatform {
  readonly platform: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/**
 * Every image of the store, in the order of its list, with what is attached to it. One that cannot be read has an error
 * instead. Throws UNSUPPORTED where what they are made of would take too much memory.
 */
export async function* heldIn(store: Store, { signal }: Call = {}): AsyncGenerator<Held> {
  const share = createSharing();
  const holding = holdingOfRun();
  yield* ordered(store.references({ signal }), (one, signal) => readHeld(store, one, { share, holding, signal }), {
    concurrency: AT_ONCE,
    ahead: AT_ONCE,
    signal,
  });
}

interface ReadOptions extends Call {
  /** Default: the descriptors are the image's own. */
  readonly share?: Share | undefined;
  readonly holding?: Holding | undefined;
}

/** One of them. */
export async function readHeld(store: Store, reference: StoreReference, options: ReadOptions = {}): Promise<Held> {
  const { share = (_, descriptors) => descriptors } = options;
  const { name, image, error } = await read(store, reference, options);
  const contents = image && share(name, contentsOf(image));
  const platforms = image ? platformsOf(image, contents ?? []) : [];
  return { name, reference, contents, platforms, referrers: image?.attachments.length ?? 0, error };
}

interface Read {
  readonly name: string;
  readonly image: Image | undefined;
  readonly error: AppError | undefined;
}

async function read(store: Store, { path, tag, root }: StoreReference, options: ReadOptions): Promise<Read> {
  const name = formatTagged(path, tag, root.digest);
  const from = store.repository(path);
  try {
    return { name, image: await imageIn(from, root, options), error: undefined };
  } catch (thrown) {
    options.signal?.throwIfAborted();
    const error = asAppError(thrown, "STORAGE", `Cannot read "${name}"`);
    const rest = error.code === "NOT_FOUND" ? imageIn(presentIn(from), root, options) : undefined;
    return { name, image: await rest?.catch(() => undefined), error };
  }
}

async function imageIn(from: Source, root: Descriptor, options: ReadOptions): Promise<Image | undefined> {
  const { holding, signal } = options;
  const bare = await walk(from, root, { selection: EVERYTHING, holding, signal });
  return bare && (await withAttachments(from, bare, { holding, signal }));
}

/** Distinct: its manifests, the blobs, what is attached. */
function contentsOf({ root, manifests, attachments, blobs }: Image): readonly Descriptor[] {
  const documents = [root, ...manifests, ...attachments.flatMap((one) => [...one.manifests, one.root])];
  const all = [...documents.map(({ descriptor }) => descriptor), ...blobs];
  return [...new Map(all.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

/** One line of an inventory. Sizes are bytes. */
export interface Listing {
  readonly name: string;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly platforms: readonly HeldPlatform[];
  /** Everything that the image is made of. */
  readonly size: number;
  /** What of it no image before has. */
  readonly adds: number;
  /** Signatures and whatever else is attached to it. */
  readonly referrers: number;
  /** Why it is not whole, or cannot be read at all: the sizes are 0 then. */
  readonly error?: Pick<AppError, "code" | "message"> | undefined;
}

/** The images of a store, as heldIn() finds them. Throws UNSUPPORTED as well where they have more than 200,000 platforms. */
export async function* inventory(store: Store, call: Call = {}): AsyncGenerator<Listing> {
  const seen = new Set<Digest>();
  let all = 0;
  for await (const { name, reference, contents = [], platforms, referrers, error } of heldIn(store, call)) {
    const { digest, mediaType } = reference.root;
    all += platforms.length;
    if (all > MOST_PLATFORMS)
      throw new AppError(
        "UNSUPPORTED",
        `Cannot list "${name}": with it, there are more than ${MOST_PLATFORMS} platforms`,
      );
    const news = contents.filter((one) => !seen.has(one.digest));
    for (const one of news) seen.add(one.digest);
    const [size, adds] = [sum(contents), sum(news)];
    yield { name, digest, mediaType, platforms, size, adds, referrers, error: error && told(error) };
  }
}

/** `contents` has the digests that other images have too, so that they are not held twice. */
function platformsOf({ platforms }: Image, contents: readonly Descriptor[]): readonly HeldPlatform[] {
  const known = new Map(contents.map((one) => [one.digest, one]));
  return platforms.map(({ descriptor, platform, blobs: own }) => {
    const size = own.reduce((total, digest) => total + (known.get(digest)?.size ?? 0), descriptor.size);
    const { digest } = known.get(descriptor.digest) ?? descriptor;
    return { platform: formatPlatform(platform), digest, size };
  });
}

/** Without its causes and stack: there may be one for each image. */
function told({ code, message }: AppError): Pick<AppError, "code" | "message"> {
  return { code, message };
}

function sum(descriptors: readonly Descriptor[]): number {
  return descriptors.reduce((total, { size }) => total + size, 0);
}
