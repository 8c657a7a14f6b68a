/**
 * Images of which a source has the platforms and not what their name stood for, beside what a tag names already: Hangar's
 * archives of one platform each, loaded one after the other, become one image.
 */
import { AppError } from "../errors.ts";
import { platformRoot } from "../layout/platform-root.ts";
import { type Descriptor, isIndex, isManifest } from "../oci/descriptor.ts";
import { parseManifest } from "../oci/manifest.ts";
import { mergePlatforms } from "../oci/merge-platforms.ts";
import { EVERYTHING, isKnownPlatform } from "../oci/platform.ts";
import { isAttestation } from "../oci/selection.ts";
import { MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Call, Content, Sink } from "../store/store.ts";
import { type Image, walk } from "./walk.ts";

export interface Merged {
  readonly root: Content;
  /** What the tag named before, and its new root does not. */
  readonly dropped: readonly Descriptor[];
}

/**
 * What a tag is to name that names `there` now: the platforms that are `madeOf`, as far as the image has them, beside those
 * of `there` for other machines. `there` itself where it has them already. The same in the same order gives the same bytes.
 */
export async function mergeByPlatform(
  to: Sink,
  there: Descriptor | undefined,
  { image, madeOf }: { readonly image: Image; readonly madeOf: readonly Descriptor[] },
  call: Call,
): Promise<Merged> {
  const own = ownOf(image, madeOf);
  const before = there ? await partsOf(to, there, call) : [];
  if (there && includesAll(before, own)) return { root: to.get(there), dropped: [] };
  const present: Descriptor[] = [];
  for (const one of before) present.push(await withPlatform(to, one, call));
  const isPart = ({ platform }: Descriptor): boolean => isKnownPlatform(platform);
  // What is alone and for no machine, such as a chart, is another thing, and no part of this one.
  const parts = there && isIndex(there) ? present : present.filter(isPart);
  const merged = mergePlatforms(own.some(isPart) ? parts : [], own);
  const { root, document } = platformRoot(merged);
  const named = new Set(merged.map(({ digest }) => digest));
  return {
    root: document ?? [image.root, ...image.manifests].find((one) => one.descriptor.digest === root.digest)!,
    dropped: before.filter(({ digest }) => !named.has(digest)),
  };
}

/** Whether `there` names these platforms, and the destination has them. */
export async function isMerged(
  to: Sink,
  there: Descriptor,
  { image, madeOf }: { readonly image: Image; readonly madeOf: readonly Descriptor[] },
  call: Call,
): Promise<boolean> {
  const own = ownOf(image, madeOf);
  if (!includesAll(await partsOf(to, there, call), own)) return false;
  // The root itself was found a moment ago.
  const below = own.filter(({ digest }) => digest !== there.digest);
  for (const one of below) if (!(await to.has(one, call))) return false;
  return true;
}

/** The children of an index, or the one that it is. */
export async function partsOf(to: Sink, there: Descriptor, call: Call): Promise<readonly Descriptor[]> {
  if (!isIndex(there)) return [there];
  const view = parseManifest(there, await readAll(to.get(there), MANIFEST_LIMIT, call));
  return view.kind === "index" ? view.children : [];
}

function ownOf({ root, kept }: Image, madeOf: readonly Descriptor[]): readonly Descriptor[] {
  return madeOf.filter(({ digest }) => kept.has(digest) || digest === root.descriptor.digest);
}

function includesAll(parts: readonly Descriptor[], own: readonly Descriptor[]): boolean {
  const digests = new Set(parts.map(({ digest }) => digest));
  return own.every(({ digest }) => digests.has(digest));
}

/** With what its config says, where nothing else does. What cannot be read as an image is for no machine. */
async function withPlatform(to: Sink, one: Descriptor, call: Call): Promise<Descriptor> {
  if (one.platform || isIndex(one) || !isManifest(one) || isAttestation(one)) return one;
  try {
    const image = await walk(to, one, { ...call, selection: EVERYTHING });
    const platform = image?.platforms[0]?.platform;
    return platform ? { ...one, platform } : one;
  } catch (error) {
    const isUseless = error instanceof AppError && ["NOT_FOUND", "INTEGRITY", "UNSUPPORTED"].includes(error.code);
    if (isUseless) return one;
    throw error;
  }
}
