/**
 * The roles that everything else is built on. A store holds repositories; a repository is a Source and, where it can be
 * written, a Sink. Interfaces only; nothing here runs.
 */
import type { ByteStream, Range } from "../bytes/stream.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";

/** The last argument of whatever waits. */
export interface Call {
  readonly signal?: AbortSignal | undefined;
}

/** Where a repository is. Repositories of one `space` can lend each other content without moving bytes. */
export interface Place {
  readonly space: string;
  readonly path: string;
}

/**
 * Bytes that someone promises to deliver. Lazy: nothing is read before open(), which may be called again (retry, resume)
 * unless `once` is set. What open() yields is unchecked: read it through `read()` of store/read.ts.
 */
export interface Content {
  readonly descriptor: Descriptor;
  /** From a pipe: cannot be opened a second time. */
  readonly once?: true;
  /** Where the bytes lie, for messages: `"x.tar.gz.part1" at byte 123`. Absent where there is nothing to say. */
  readonly where?: (() => string | undefined) | undefined;
  open(options?: Range & Call): ByteStream;
}

/** One repository, read. */
export interface Source {
  readonly place: Place;
  /** Set where content lies in files: what is large is read again then, rather than held. */
  readonly isLocal?: true;
  /** The descriptor that a tag or digest stands for; undefined where there is none. */
  resolve(tagOrDigest: string, options?: Call): Promise<Descriptor | undefined>;
  /** The content of a descriptor. No I/O: that it is missing shows when it is opened. */
  get(descriptor: Descriptor): Content;
  /**
   * Whether this source carries a child of one of its indexes, that of `index`. Absent where it carries all of them: only
   * archives and caches of some platforms have a reason to say no.
   */
  carries?(descriptor: Descriptor, options?: Call & { readonly index?: Descriptor | undefined }): Promise<boolean>;
  /** Bytes that it has of a blob, where that is known without asking; undefined where it has none of it. */
  sizeOf?(digest: Digest): number | undefined;
  /**
   * Whose subject is that manifest: signatures, attestations, anything attached. Distinct, in the order of the store, with
   * the artifact type where it is known. Empty where nobody is. Absent where the store does not know.
   */
  referrers?(subject: Digest, options?: Call): Promise<readonly Descriptor[]>;
  /**
   * Those of the given tags that are there, with what they stand for: for tags that mostly are not. Absent where resolve() of
   * each costs no more.
   */
  find?(tags: readonly string[], options?: Call): Promise<ReadonlyMap<string, Descriptor>>;
  /** Every tag, in lexical order. */
  tags?(options?: Call): AsyncIterable<string>;
}

/** One repository, written. Every sink can be read. */
export interface Sink extends Source {
  /** Whether the content is there, by digest and size. Its bytes are not hashed. */
  has(descriptor: Descriptor, options?: Call): Promise<boolean>;
  /** Stores content. Idempotent; verifies size and digest; on failure nothing looks stored. */
  put(content: Content, options?: Call): Promise<void>;
  /** Stores a manifest and lets `tag` name it from now on. Whatever the manifest needs must be there before. */
  tag(tag: string, manifest: Content, options?: Call): Promise<void>;
  /** Takes content over from another repository of the same space; false where that is refused. */
  mount?(descriptor: Descriptor, from: Place, options?: Call): Promise<boolean>;
  /** Removes content whose bytes turned out to be wrong. */
  discard?(descriptor: Descriptor): Promise<void>;
}

/** A named root of a store. */
export interface StoreReference {
  readonly path: string;
  /** Absent for a root that is only known by its digest. */
  readonly tag?: string | undefined;
  readonly root: Descriptor;
  /**
   * The platforms that `root` was made of, or the one that it is, where the store does not have what the name stood for.
   * Absent where it does.
   */
  readonly madeOf?: readonly Descriptor[] | undefined;
}

/** A place with many repositories: a registry, a folder, an archive. Owns every open file; disposing closes them. */
export interface Store<R extends Source = Source> extends AsyncDisposable {
  repository(path: string): R;
  /** Every named root, in the order of the store's own list. */
  references(options?: Call): AsyncIterable<StoreReference>;
  /** A blob of whatever repository, where the store is local; undefined where it is not there. */
  blob?(digest: Digest): Promise<Content | undefined>;
}

/** A flat tree of named byte ranges: a folder, a tar, a zip. Layouts read this. Owns every open file. */
export interface Tree extends AsyncDisposable {
  /** Relative paths of all files, with `/` and without a leading `./`. */
  paths(): Iterable<string>;
  file(path: string): TreeFile | undefined;
}

export interface TreeFile {
  /** Bytes. */
  readonly size: number;
  /** The path that a link leads to. Absent where it is no link. */
  readonly target?: string | undefined;
  /** Where they lie, for messages, where the path says too little. */
  readonly where?: (() => string) | undefined;
  open(options?: Range & Call): ByteStream;
}
