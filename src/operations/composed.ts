/** What a tag is to name where only some children of an index travel: found again from both ends, so that it is known as unchanged. */
import { type Descriptor, isIndex } from "../oci/descriptor.ts";
import { composeIndex } from "../oci/manifest.ts";
import { contentOf, MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Call, Sink } from "../store/store.ts";
import { type Merged, partsOf } from "./merge-by-platform.ts";
import type { Image } from "./walk.ts";

/**
 * The original bytes where all children come, or the rest is there already; else an index of those that come and those that
 * are there. What the tag names until then, `there`, is only asked for in between. A single manifest stays what it is.
 */
export async function composeRoot(
  to: Sink,
  there: () => Promise<Descriptor | undefined>,
  { root, kept }: Pick<Image, "root" | "kept">,
  call: Call,
): Promise<Merged> {
  const { descriptor } = root;
  if (!isIndex(descriptor)) return { root, dropped: [] };
  const original = { descriptor, bytes: await readAll(root, MANIFEST_LIMIT, call) };
  if (composeIndex(original, kept).restored) return { root, dropped: [] };
  const before = await there();
  const present = before ? await partsOf(to, before, call) : [];
  const { restored, bytes, dropped } = composeIndex(original, kept, present);
  return { root: restored ? root : contentOf(descriptor.mediaType, bytes), dropped };
}

/** Whether `there` is what composeRoot() makes of it. The destination is asked only where it may have more than what comes. */
export async function isComposed(
  to: Sink,
  there: Descriptor,
  image: Pick<Image, "root" | "kept">,
  call: Call,
): Promise<boolean> {
  if (to.carries || !isIndex(there)) return false;
  const { root: alone } = await composeRoot(to, async () => undefined, image, call);
  if (there.digest === alone.descriptor.digest) return true;
  if (there.size <= alone.descriptor.size) return false;
  const { root } = await composeRoot(to, async () => there, image, call);
  return there.digest === root.descriptor.digest;
}
