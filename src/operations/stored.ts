/** The images of a store, as runs call them, and wanted elsewhere. */
import type { ImageName } from "../events.ts";
import { formatTagged, parseName, type RegistryPrefix, underPrefix } from "../oci/reference.ts";
import type { Call, Sink, Store, StoreReference } from "../store/store.ts";
import type { Wanted } from "./plan.ts";

export interface StoredImage extends StoreReference {
  readonly name: ImageName;
}

/**
 * All images of a store in its order, numbered from 1: by a number, those who list and those who move them mean the same
 * one.
 */
export async function imagesOf(store: Store, call: Call = {}): Promise<readonly StoredImage[]> {
  const images: StoredImage[] = [];
  for await (const reference of store.references(call)) {
    const { path, tag, root } = reference;
    images.push({ ...reference, name: { id: images.length + 1, name: formatTagged(path, tag, root.digest) } });
  }
  return images;
}

/**
 * Every image of the store, to go where `place` says for its name (`registry/repository`). One without a tag goes by its
 * digest.
 */
export async function wantedIn(
  store: Store,
  place: (name: string) => Sink,
  call: Call = {},
): Promise<readonly Wanted[]> {
  return (await imagesOf(store, call)).map(({ path, tag, root, madeOf, name }) => ({
    name,
    origin: path,
    reference: tag ?? root.digest,
    from: store.repository(path),
    to: place(path),
    tag,
    madeOf,
  }));
}

/** Names below a prefix of a registry: the domain is dropped, the rest of the name stays. */
export function below(target: Store<Sink>, prefix: RegistryPrefix): (name: string) => Sink {
  return (name) => target.repository(underPrefix(prefix, parseName(name).repository));
}
