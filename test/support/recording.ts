/** Sources and sinks that write down what is asked of them, in order. */
import type { ByteStream } from "../../src/bytes/stream.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import type { Content, Place, Sink, Source } from "../../src/store/store.ts";

/** `read <digest>`, `put <digest>`, `tag <tag> <digest>`, `has <digest>`, `mount <digest> <path>`, `resolve <name>`. */
export type Journal = string[];

/** A journal of what sources and sinks are asked, each line after the path of the repository. */
export function recordSource(source: Source, journal: Journal): Source {
  const { path } = source.place;
  return {
    ...source,
    resolve(name, options) {
      journal.push(`${path} resolve ${name}`);
      return source.resolve(name, options);
    },
    get: (descriptor) => recorded(source.get(descriptor), path, journal),
  };
}

export function recordSink(sink: Sink, journal: Journal): Sink {
  const { path } = sink.place;
  return {
    ...sink,
    ...recordSource(sink, journal),
    has(descriptor, options) {
      journal.push(`${path} has ${descriptor.digest}`);
      return sink.has(descriptor, options);
    },
    put(content, options) {
      journal.push(`${path} put ${content.descriptor.digest}`);
      return sink.put(content, options);
    },
    tag(tag, manifest, options) {
      journal.push(`${path} tag ${tag} ${manifest.descriptor.digest}`);
      return sink.tag(tag, manifest, options);
    },
    ...(sink.mount
      ? {
          mount(descriptor: Descriptor, from: Place, options?: { signal?: AbortSignal | undefined }) {
            journal.push(`${path} mount ${descriptor.digest} ${from.path}`);
            return sink.mount!(descriptor, from, options);
          },
        }
      : {}),
  };
}

function recorded(content: Content, path: string, journal: Journal): Content {
  return {
    ...content,
    async *open(options): ByteStream {
      journal.push(`${path} read ${content.descriptor.digest}`);
      yield* content.open(options);
    },
  };
}

/** A source whose content of one digest is spoilt by `spoil`. */
export function spoiltSource<S extends Source>(source: S, digest: string, spoil: (content: Content) => Content): S {
  return {
    ...source,
    get: (descriptor) => {
      const content = source.get(descriptor);
      return descriptor.digest === digest ? spoil(content) : content;
    },
  };
}

/** Content that fails when it is opened. */
export function failing(error: Error): (content: Content) => Content {
  return (content) => ({
    ...content,
    // biome-ignore lint/correctness/useYield: it fails before it has anything
    async *open(): ByteStream {
      throw error;
    },
  });
}
