/** Adds images to those that a cache folder names: what sync and decompress do, once it is known where images come from. */
import type { Cache } from "../layout/cache.ts";
import { requireFew } from "../layout/document.ts";
import type { LaidImage } from "../layout/hangar.ts";
import { formatTagged } from "../oci/reference.ts";
import type { FillSummary } from "./fill.ts";
import { type NamedOptions, namedImages } from "./named.ts";
import type { Wanted } from "./plan.ts";
import { type SaveOptions, save } from "./save.ts";
import { unite } from "./unite.ts";

export type AddOptions = SaveOptions & NamedOptions;

/**
 * Brings the wanted images into the cache, and names them beside those that its list names already; of one name, as unite()
 * says. Images that fail are in the summary, not in the list; where all of them do, the list stays as it is. Throws
 * UNSUPPORTED before anything moves for more images than a list can name, and rejects as save() and namedImages() do.
 */
export async function add(wanted: readonly Wanted[], cache: Cache, options: AddOptions): Promise<FillSummary> {
  const before = await namedImages(cache, options);
  const names = wanted.map(({ origin, tag, reference }) =>
    tag === undefined ? `${origin}@${reference}` : `${origin}:${tag}`,
  );
  requireFew(new Set([...before.map(nameOf), ...names]).size);
  const summary = await save(wanted, { cache }, options);
  if (summary.images.length === 0) return summary;
  const byName = new Map(before.map((image) => [nameOf(image), image]));
  for (const next of summary.images) {
    const known = byName.get(nameOf(next));
    byName.set(nameOf(next), known ? await unite(cache, known, next, options) : next);
  }
  await cache.name([...byName.values()], options.savedTime);
  return summary;
}

function nameOf({ name, tag, root }: LaidImage): string {
  return formatTagged(name, tag, root.descriptor.digest);
}
