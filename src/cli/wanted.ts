/** From lists to what operations want: the source, the destination and the name of each image. */
import { parseImageList } from "../lists/image-list.ts";
import type { Relocation } from "../lists/mirror-list.ts";
import { formatName, formatReference, type Reference, type RegistryPrefix } from "../oci/reference.ts";
import type { Wanted } from "../operations/plan.ts";
import { cached } from "../store/cached.ts";
import type { Sink } from "../store/store.ts";
import type { ListText } from "./input.ts";
import { type Numbered, type NumberedList, numberLines } from "./list.ts";
import type { Registries } from "./registries.ts";

/** The images of a list for save and sync: one image for each name and tag. */
export function numberImages({ text, source }: ListText, from: RegistryPrefix | undefined): NumberedList<Reference> {
  return numberLines(parseImageList(text, source, from), source, {
    nameOf: formatReference,
    keyOf: (reference) =>
      reference.tag === undefined ? formatReference(reference) : `${formatName(reference)}:${reference.tag}`,
  });
}

/** Images from their registries, wanted in a folder that may have some of their content already. */
export function wantedInFolder(
  images: readonly Numbered<Reference>[],
  registries: Registries,
  to: Sink,
): readonly Wanted[] {
  return images.map(({ listed, value }) => ({
    name: listed.image,
    origin: formatName(value),
    reference: referenceOf(value),
    from: cached(registries.source(value.registry).repository(value.repository), to),
    to,
    tag: value.tag,
  }));
}

/** Images from their registries, wanted in others. */
export function wantedInRegistries(images: readonly Numbered<Relocation>[], registries: Registries): readonly Wanted[] {
  return images.map(({ listed, value: { source, destination } }) => ({
    name: listed.image,
    origin: formatName(source),
    reference: referenceOf(source),
    from: registries.source(source.registry).repository(source.repository),
    to: registries.destination(destination.registry).repository(destination.repository),
    tag: destination.tag,
  }));
}

/** A digest fetches where there is one; a tag beside it is a name. */
function referenceOf({ tag, digest }: Reference): string {
  return digest ?? tag ?? "latest";
}
