/** A source whose small content is taken from a nearer place when that has it. */
import { inMemory, MANIFEST_LIMIT, readAll } from "./read.ts";
import type { Sink, Source } from "./store.ts";

/**
 * `source`, but content of up to 4 MiB (manifests, configs) is read from `near` where it lies, verified. Blobs are not: whoever
 * moves them asks the destination first.
 */
export function cached(source: Source, near: Sink): Source {
  return {
    ...source,
    get(descriptor) {
      const far = source.get(descriptor);
      if (descriptor.size > MANIFEST_LIMIT) return far;
      return {
        descriptor,
        async *open(options = {}) {
          if (!(await near.has(descriptor, options))) return yield* far.open(options);
          const bytes = await readAll(near.get(descriptor), MANIFEST_LIMIT, options);
          yield* inMemory(descriptor, bytes).open(options);
        },
      };
    },
  };
}
