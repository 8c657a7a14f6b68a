/** Two images of one name in a cache folder as one, where they are parts of one: as registries keep them when both are loaded. */
import type { Cache } from "../layout/cache.ts";
import type { LaidImage } from "../layout/hangar.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { EVERYTHING } from "../oci/platform.ts";
import type { Call, Content } from "../store/store.ts";
import { layOut, offer } from "./lay-out.ts";
import { mergeByPlatform, partsOf } from "./merge-by-platform.ts";
import { type Image, walk } from "./walk.ts";

/**
 * What the name stands for when `next` has come to `known`; the cache has all of it. Parts of one index come together, and are
 * the original when that is all of it. Platforms that an archive has without their index (`madeOf`) come beside those of other
 * machines. Everything else takes the place of what was there.
 */
export async function unite(cache: Cache, known: LaidImage, next: LaidImage, call: Call): Promise<LaidImage> {
  const { madeOf } = next;
  const isPart = known.root.descriptor.digest === next.root.descriptor.digest;
  const united = isPart ? await together(known, next) : madeOf && (await beside(cache, known, { next, madeOf }, call));
  if (!united) return next;
  await cache.repository("").put(united.offered, call);
  return {
    ...united,
    referrers: distinct([...known.referrers, ...next.referrers]),
    contents: [...new Set([...known.contents, ...next.contents, ...united.contents])],
  };
}

async function together(known: LaidImage, next: LaidImage): Promise<LaidImage> {
  const whole = [known, next].find(({ kept }) => kept === undefined);
  const kept = new Set([...(known.kept ?? []), ...(next.kept ?? [])]);
  return {
    ...next,
    ...(whole ? { offered: whole.offered, kept: undefined } : await offer(next.root, kept)),
    platforms: distinct([...known.platforms, ...next.platforms]),
    // One that somebody had as it is, is no made one.
    madeOf: known.madeOf && next.madeOf,
    forHangar: known.forHangar && next.forHangar,
  };
}

async function beside(
  cache: Cache,
  known: LaidImage,
  { next, madeOf }: { readonly next: LaidImage; readonly madeOf: readonly Descriptor[] },
  call: Call,
): Promise<LaidImage> {
  const to = cache.repository("");
  const image = await imageOf(cache, next.root, call);
  const { root } = await mergeByPlatform(to, known.offered.descriptor, { image, madeOf }, call);
  await to.put(root, call);
  const isKnown = root.descriptor.digest === known.root.descriptor.digest;
  const parts = isKnown ? known.madeOf : await partsOf(to, root.descriptor, call);
  return layOut(next.name, next.tag, await imageOf(cache, root, call), parts);
}

/** All of an image that the cache has. */
async function imageOf(cache: Cache, root: Content, call: Call): Promise<Image> {
  const image = await walk(cache.repository(""), root.descriptor, { ...call, selection: EVERYTHING, configs: true });
  // Only where something is left out can there be nothing.
  return image!;
}

function distinct<T extends { readonly descriptor: Descriptor }>(all: readonly T[]): readonly T[] {
  return [...new Map(all.map((one) => [one.descriptor.digest, one])).values()];
}
