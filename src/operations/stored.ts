/** What a store holds, wanted elsewhere. */
import { formatTagged, parseName, type RegistryPrefix, underPrefix } from "../oci/reference.ts";
import type { Call, Sink, Source, Store } from "../store/store.ts";
import type { Wanted } from "./plan.ts";

/** Every image of the store, to go where `place` says for its name (`registry/repository`). One without a tag goes by its digest. */
export async function wantedIn(
  store: Store<Source>,
  place: (name: string) => Sink,
  options: Call = {},
): Promise<readonly Wanted[]> {
  const wanted: Wanted[] = [];
  for await (const { path, tag, root } of store.references(options)) {
    wanted.push({
      name: { id: wanted.length + 1, name: formatTagged(path, tag, root.digest) },
      origin: path,
      reference: tag ?? root.digest,
      from: store.repository(path),
      to: place(path),
      tag,
    });
  }
  return wanted;
}

/** Names below a prefix of a registry: the domain is dropped, the rest of the name stays. */
export function below(target: Store<Sink>, prefix: RegistryPrefix): (name: string) => Sink {
  return (name) => target.repository(underPrefix(prefix, parseName(name).repository));
}
