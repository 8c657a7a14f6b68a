/** A tree as a store, once a layout has said which images it holds and where their content lies. */
import type { ByteStream } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { Call, Content, Source, Store, StoreReference, Tree, TreeFile } from "../store/store.ts";
import type { Documents } from "./platform-root.ts";

/** What a layout found in a tree. */
export interface TreeImages {
  /** Of one name, the last counts, in the place of the first. */
  readonly references: readonly StoreReference[];
  /** Where the tree has the content of a digest, if it is there. */
  pathOf(digest: Digest): string | undefined;
  /** Content that is in no file. */
  readonly documents?: Documents | undefined;
  /** Names that are no images of their own: those of what is attached to others. */
  readonly hidden?: readonly StoreReference[] | undefined;
  readonly referrers?: ((subject: Digest) => readonly Descriptor[]) | undefined;
  /**
   * Whether the tree has enough of an index's child that it was meant to be there. Default: whoever wrote it left nothing
   * out.
   */
  readonly carries?: ((child: Descriptor, call: Call) => Promise<boolean>) | undefined;
}

/** The store owns the tree. Content is opened where it lies, and unchecked. `name` is for messages. */
export function treeStore(tree: Tree, name: string, images: TreeImages): Store {
  const { pathOf, documents, referrers, carries } = images;
  const references = new Map(images.references.map((one) => [keyOf(one), one]));
  const roots = new Map<string, Descriptor>();
  for (const { path, tag, root } of [...(images.hidden ?? []), ...references.values()]) {
    roots.set(`${path}@${root.digest}`, root);
    if (tag !== undefined) roots.set(`${path}:${tag}`, root);
  }
  function get(descriptor: Descriptor): Content {
    const document = documents?.get(descriptor.digest);
    return document ? { ...document, descriptor } : contentIn(tree, descriptor, pathOf(descriptor.digest), name);
  }
  function sizeOf(digest: Digest): number | undefined {
    const path = documents?.has(digest) ? undefined : pathOf(digest);
    return path === undefined ? undefined : tree.file(path)?.size;
  }
  function repository(path: string): Source {
    return {
      place: { space: name, path },
      isLocal: true,
      get,
      sizeOf,
      async resolve(tagOrDigest) {
        return roots.get(`${path}${isDigest(tagOrDigest) ? "@" : ":"}${tagOrDigest}`);
      },
      ...(referrers ? { referrers: async (subject) => referrers(subject) } : {}),
      ...(carries ? { carries: (child, call = {}) => carries(child, call) } : {}),
    };
  }
  return {
    repository,
    async *references() {
      yield* references.values();
    },
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  };
}

function keyOf({ path, tag, root }: StoreReference): string {
  return tag === undefined ? `${path}@${root.digest}` : `${path}:${tag}`;
}

/** The content of a descriptor, from the file at `path`. Throws NOT_FOUND, once it is opened, where there is none. */
export function contentIn(tree: Tree, descriptor: Descriptor, path: string | undefined, name: string): Content {
  return {
    descriptor,
    where: () => (path === undefined ? undefined : tree.file(path)?.where?.()),
    // A generator of its own for each of the contents of an archive would take as much memory as all else of it.
    open: (options) => openFile(path === undefined ? undefined : tree.file(path), descriptor, name, options),
  };
}

async function* openFile(
  file: TreeFile | undefined,
  { digest }: Descriptor,
  name: string,
  options: Parameters<Content["open"]>[0],
): ByteStream {
  if (!file) throw new AppError("NOT_FOUND", `Cannot read "${digest}": it is not in "${name}"`);
  yield* file.open({ ...options, end: options?.end ?? file.size });
}
