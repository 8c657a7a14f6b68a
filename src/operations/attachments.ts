/**
 * What is attached to an image: signatures, SBOMs and attestations that refer to it, and those of cosign's tags. OCI
 * distribution-spec v1.1 "Listing Referrers".
 */
import { runAll } from "../bytes/pool.ts";
import { AppError } from "../errors.ts";
import { type Descriptor, isManifest } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { EVERYTHING } from "../oci/platform.ts";
import { cosignTags } from "../oci/referrer.ts";
import type { Call, Source } from "../store/store.ts";
import { type Allowance, allowanceOfImage, type Holding, IMAGE_BYTES } from "./allowance.ts";
import { type Attachment, type Image, walk } from "./walk.ts";

/** Lookups of one image that are under way at once. */
const AT_ONCE = 4;
/** A signature of an SBOM of an image is 2. */
const MAX_DEPTH = 4;
const MAX_ATTACHMENTS = 1000;

export interface AttachmentOptions extends Call {
  readonly configs?: boolean | undefined;
  readonly holding?: Holding | undefined;
}

/** Somebody's claim to be attached, before it was read. */
interface Claim {
  readonly subject: Digest;
  readonly descriptor: Descriptor;
  readonly tag?: string;
}

/**
 * The image with all that is attached to its root, to its platforms, and to what is attached to those. Nothing where the
 * source does not know. Throws UNSUPPORTED for more than 1,000, a chain of more than 4, or too many bytes, and what the source throws: what
 * cannot be read is not left out silently.
 */
export async function withAttachments(from: Source, image: Image, options: AttachmentOptions): Promise<Image> {
  if (!from.referrers) return image;
  try {
    return await attach(from, image, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof AppError)) throw error;
    const hint = error.hint ?? "leave what is attached to images with --no-referrers";
    throw new AppError(error.code, error.message, { cause: error, hint });
  }
}

async function attach(from: Source, image: Image, options: AttachmentOptions): Promise<Image> {
  const own = new Set([image.root, ...image.manifests].map(({ descriptor }) => descriptor.digest));
  const found = new Map<string, Attached>();
  const unknown = new Map<Digest, Descriptor>();
  const asked = new Set<Digest>();
  const allowance = restOf(image);
  let subjects = [image.root.descriptor.digest, ...image.platforms.map(({ descriptor }) => descriptor.digest)];
  for (let depth = 1; subjects.length > 0; depth++) {
    const news = new Map<string, Claim>();
    for (const claim of await claims(
      from,
      subjects.filter((subject) => !asked.has(subject)),
      options,
    )) {
      const { descriptor, tag = "" } = claim;
      if (!isManifest(descriptor)) unknown.set(descriptor.digest, descriptor);
      else if (!own.has(descriptor.digest) && !found.has(`${tag}@${descriptor.digest}`))
        news.set(`${tag}@${descriptor.digest}`, claim);
    }
    for (const subject of subjects) asked.add(subject);
    checkLimits(image, [...[...found.values()].map(({ claim }) => claim), ...news.values()], depth);
    const taken = await mapAll(
      [...news],
      ([, claim], signal) => take(from, claim, { ...options, allowance, signal }),
      options,
    );
    for (const [at, key] of [...news.keys()].entries()) found.set(key, taken[at]!);
    subjects = [...new Set(taken.map(({ claim }) => claim.descriptor.digest))];
  }
  return merge(image, [...found.values()], [...unknown.values()]);
}

/** Who claims to be attached to these, in their order. */
async function claims(from: Source, subjects: readonly Digest[], options: Call): Promise<readonly Claim[]> {
  async function of(subject: Digest, signal: AbortSignal): Promise<readonly Claim[]> {
    const [referrers, tagged] = await Promise.all([
      from.referrers?.(subject, { signal }),
      taggedIn(from, cosignTags(subject), { signal }),
    ]);
    const plain = (referrers ?? []).map((descriptor) => ({ subject, descriptor }));
    return [...plain, ...[...tagged].map(([tag, descriptor]) => ({ subject, descriptor, tag }))];
  }
  return (await mapAll([...new Set(subjects)], of, options)).flat();
}

async function taggedIn(
  from: Source,
  tags: readonly string[],
  options: Call,
): Promise<ReadonlyMap<string, Descriptor>> {
  if (from.find) return from.find(tags, options);
  const found = await Promise.all(tags.map((tag) => from.resolve(tag, options)));
  return new Map(tags.flatMap((tag, at) => (found[at] ? [[tag, found[at]] as const] : [])));
}

function checkLimits({ root }: Image, all: readonly Claim[], depth: number): void {
  const what = `Cannot take what is attached to "${root.descriptor.digest}"`;
  const bytes = all.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  if (all.length > MAX_ATTACHMENTS || bytes > IMAGE_BYTES)
    throw new AppError("UNSUPPORTED", `${what}: ${all.length} manifests of ${bytes} bytes are too many`);
  if (depth > MAX_DEPTH + 1)
    throw new AppError("UNSUPPORTED", `${what}: it goes on for more than ${MAX_DEPTH} manifests in a chain`);
}

/** An attachment with all that it is made of. */
interface Attached {
  readonly claim: Claim;
  readonly image: Image;
}

/** What was not used up for the image itself. */
function restOf({ root, manifests, documents, blobs }: Image): Allowance {
  const { bytes, descriptors } = allowanceOfImage();
  const read = [root, ...manifests, ...documents.values()];
  const size = read.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  return { bytes: bytes - size, descriptors: descriptors - manifests.length - blobs.length };
}

async function take(
  from: Source,
  claim: Claim,
  { configs, allowance, holding, signal }: AttachmentOptions & { readonly allowance: Allowance },
): Promise<Attached> {
  // What an image kept of its own children says nothing of an attachment's.
  const { carries: _, ...whole } = from;
  const image = await walk(whole, claim.descriptor, { selection: EVERYTHING, configs, allowance, holding, signal });
  if (!image) throw new AppError("UNSUPPORTED", `Cannot read "${claim.descriptor.digest}": nothing of it is selected`);
  return { claim, image };
}

function merge(image: Image, attached: readonly Attached[], unknown: readonly Descriptor[]): Image {
  if (attached.length === 0 && unknown.length === 0) return image;
  const images = [image, ...attached.map((one) => one.image)];
  const attachments = attached.map(({ claim: { subject, tag }, image: { root, manifests } }): Attachment => {
    return { subject, root, manifests, ...(tag === undefined ? {} : { tag }) };
  });
  return {
    ...image,
    blobs: distinct(images.flatMap(({ blobs }) => blobs)),
    documents: new Map(images.flatMap(({ documents }) => [...documents])),
    foreign: distinct(images.flatMap(({ foreign }) => foreign)),
    attachments,
    unknown,
  };
}

function distinct(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  const found = new Map<Digest, Descriptor>();
  for (const one of descriptors) if (!found.has(one.digest)) found.set(one.digest, one);
  return [...found.values()];
}

async function mapAll<T, R>(
  items: readonly T[],
  work: (item: T, signal: AbortSignal) => Promise<R>,
  { signal }: Call,
): Promise<readonly R[]> {
  const results: R[] = [];
  const one = async (at: number, signal: AbortSignal): Promise<void> => {
    results[at] = await work(items[at]!, signal);
  };
  await runAll(items.keys(), one, { concurrency: AT_ONCE, signal });
  return results;
}
