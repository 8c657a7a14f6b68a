/** A tree in Hangar's cache layout as a store: its list names the images, `share/` holds their content. */
import { AppError } from "../errors.ts";
import { type Descriptor, parseDescriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isIndexType, isManifestType } from "../oci/media-types.ts";
import { isTag, parseName } from "../oci/reference.ts";
import { cosignTags } from "../oci/referrer.ts";
import type { Call, Source, Store, StoreReference, Tree } from "../store/store.ts";
import { brokenDocument, checkCount, readDocument } from "./document.ts";
import {
  blobPath,
  LIST_FILE,
  type ListEntry,
  type ListPart,
  type ListReferrer,
  type SavedList,
  VERSION,
} from "./hangar.ts";
import { readHangarEntries } from "./hangar-entries.ts";
import { isImageToolsVersion, openImageTools } from "./image-tools-store.ts";
import { type ListOptions, platformOf } from "./listed-images.ts";
import { contentIn } from "./tree-store.ts";

/** Whether the tree looks like this layout. */
export function isHangar(tree: Tree): boolean {
  return tree.file(LIST_FILE) !== undefined;
}

type HangarOptions = Omit<ListOptions, "name">;

/**
 * Opens the layout, or image-tools' older one. Reads the list at once, the manifests of images that Hangar itself saved, and
 * all else when it is asked for. The store owns the tree. `name` is for messages. Throws INTEGRITY for a list that cannot be
 * one, UNSUPPORTED for a version that Dray does not read.
 */
export async function openHangar(tree: Tree, name: string, options: HangarOptions = {}): Promise<Store> {
  const list = await readList(tree, name, options);
  if (isImageToolsVersion(list.Version)) return openImageTools(tree, list, { ...options, name });
  const foreign = (list.List ?? []).filter(({ Root }) => Root === undefined);
  const composed = await readHangarEntries(foreign, tree, { ...options, name });
  const references = referencesOf(list, name, composed.references);
  const kept = keptOf(list, name);
  const roots = new Map<string, Descriptor>();
  for (const { path, tag, root } of references) {
    roots.set(`${path}@${root.digest}`, root);
    if (tag !== undefined) roots.set(`${path}:${tag}`, root);
  }
  const attached = attachedIn(list, name);
  const referrers = new Map<string, Map<Digest, Descriptor>>();
  for (const { path, subject, tag, descriptor } of attached) {
    const key = `${path}@${subject}`;
    if (tag === undefined) referrers.set(key, (referrers.get(key) ?? new Map()).set(descriptor.digest, descriptor));
    else if (!roots.has(`${path}:${tag}`)) roots.set(`${path}:${tag}`, descriptor);
  }
  function repository(path: string): Source {
    return {
      place: { space: name, path },
      isLocal: true,
      async resolve(tagOrDigest) {
        return roots.get(`${path}${isDigest(tagOrDigest) ? "@" : ":"}${tagOrDigest}`);
      },
      get(descriptor) {
        const document = composed.documents.get(descriptor.digest);
        return document ? { ...document, descriptor } : contentIn(tree, descriptor, blobPath(descriptor.digest), name);
      },
      sizeOf: (digest) => (composed.documents.has(digest) ? undefined : tree.file(blobPath(digest))?.size),
      async referrers(subject) {
        return [...(referrers.get(`${path}@${subject}`)?.values() ?? [])];
      },
      async carries({ digest }, { index } = {}) {
        // What is missing and was not left out is lost: whoever reads it hears of that.
        return (index && kept.get(`${path}@${index.digest}`)?.has(digest)) ?? true;
      },
    };
  }
  return {
    repository,
    async *references() {
      yield* references;
    },
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  };
}

/** The list of a tree in this layout. */
export async function readList(tree: Tree, name: string, { signal }: Call): Promise<SavedList> {
  const list = await readDocument(tree, LIST_FILE, name, { signal });
  if (list === undefined) throw new AppError("NOT_FOUND", `Cannot open "${name}": it has no ${LIST_FILE}`);
  if (!isList(list)) throw broken(name, "it has no list of images");
  checkCount(LIST_FILE, name, (list.List?.length ?? 0) + (list.Artifacts?.length ?? 0));
  if (list.Version !== VERSION && `v${list.Version}` !== VERSION && !isImageToolsVersion(list.Version))
    throw new AppError("UNSUPPORTED", `Cannot open "${name}": its list has version "${list.Version}", not ${VERSION}`);
  return list;
}

function isList(value: unknown): value is SavedList {
  if (typeof value !== "object" || value === null) return false;
  const { List, Version, Artifacts } = value as Record<string, unknown>;
  const isEntries = (entries: unknown) =>
    Array.isArray(entries) && entries.every((entry) => typeof entry === "object" && entry !== null);
  return isEntries(List ?? []) && typeof Version === "string" && (Artifacts === undefined || isEntries(Artifacts));
}

function referencesOf(list: SavedList, name: string, composed: readonly StoreReference[]): readonly StoreReference[] {
  const own = (list.List ?? []).filter(({ Root }) => Root !== undefined);
  const entries = [...own, ...(list.Artifacts ?? [])];
  const found = new Map<string, StoreReference>();
  for (const reference of [...composed, ...entries.map((entry) => referenceOf(entry, name))]) {
    found.set(`${reference.path}:${reference.tag ?? reference.root.digest}`, reference);
  }
  return [...found.values()];
}

/** For indexes that were saved in part, by `path@digest`, the children that were: `share/` may have more, of other runs. */
function keptOf(list: SavedList, name: string): ReadonlyMap<string, ReadonlySet<string>> {
  const kept = new Map<string, Set<string>>();
  const whole = new Set<string>();
  for (const { Source, Kept, Root } of [...(list.List ?? []), ...(list.Artifacts ?? [])]) {
    if (Root === undefined) continue;
    const key = `${pathOf(Source, name)}@${Root.Digest}`;
    if (Array.isArray(Kept)) {
      const all = kept.get(key) ?? new Set();
      for (const digest of Kept) all.add(digest);
      kept.set(key, all);
    } else whole.add(key);
  }
  for (const key of whole) kept.delete(key);
  return kept;
}

/** What is attached to an image of a repository. */
interface Attached {
  readonly path: string;
  readonly subject: Digest;
  readonly descriptor: Descriptor;
  /** The tag that cosign finds it by. */
  readonly tag?: string | undefined;
}

function attachedIn(list: SavedList, name: string): readonly Attached[] {
  return [...(list.List ?? []), ...(list.Artifacts ?? [])].flatMap((entry) => {
    if (entry.Referrers === undefined) return [];
    if (!Array.isArray(entry.Referrers)) throw broken(name, `what is attached to "${entry.Source}" is no list`);
    const path = pathOf(entry.Source, name);
    return entry.Referrers.map((one: unknown) => attachedOf(path, one, name));
  });
}

function attachedOf(path: string, value: unknown, name: string): Attached {
  const { MediaType, Digest, Size, ArtifactType, Subject, Tag } = Object(value) as Partial<ListReferrer>;
  const descriptor = parseDescriptor({ mediaType: MediaType, digest: Digest, size: Size, artifactType: ArtifactType });
  // Any other tag could take the place of an image's.
  const isNamed = isDigest(Subject) && (Tag === undefined || cosignTags(Subject).includes(Tag));
  if (!descriptor || !isManifestType(descriptor.mediaType) || !isNamed)
    throw broken(name, `what is attached to an image of "${path}" is not described`);
  return { path, subject: Subject, descriptor, tag: Tag };
}

function referenceOf(entry: ListEntry, name: string): StoreReference {
  const { Source, Tag, Root, MadeOf } = entry;
  if (typeof Source !== "string") throw broken(name, "an image has no name");
  const path = pathOf(Source, name);
  if (Tag !== undefined && (typeof Tag !== "string" || !isTag(Tag)))
    throw broken(name, `"${String(Tag)}" is not a tag`);
  const { MediaType, Digest, Size } = Object(Root) as Partial<NonNullable<ListEntry["Root"]>>;
  const root = parseDescriptor({ mediaType: MediaType, digest: Digest, size: Size });
  if (!root || !isManifestType(root.mediaType)) throw broken(name, `the manifest of "${Source}" is not described`);
  const reference = { path, tag: Tag, root };
  if (MadeOf === undefined) return reference;
  if (!Array.isArray(MadeOf)) throw broken(name, `what the manifest of "${Source}" was made of is no list`);
  return { ...reference, madeOf: MadeOf.map((one: unknown) => partOf(one, Source, name)) };
}

function partOf(value: unknown, source: string, name: string): Descriptor {
  const { MediaType, Digest, Size, ...fields } = Object(value) as Partial<ListPart>;
  const platform = fields.OS === undefined ? undefined : platformOf(fields);
  const part = parseDescriptor({ mediaType: MediaType, digest: Digest, size: Size, platform });
  if (!part || !isManifestType(part.mediaType) || isIndexType(part.mediaType))
    throw broken(name, `what the manifest of "${source}" was made of is not described`);
  return part;
}

function pathOf(source: string, name: string): string {
  try {
    const { registry, repository } = parseName(source);
    return `${registry}/${repository}`;
  } catch {
    throw broken(name, `"${source}" is not the name of an image`);
  }
}

function broken(name: string, reason: string): AppError {
  return brokenDocument(LIST_FILE, name, reason);
}
