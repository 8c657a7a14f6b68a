/**
 * The storage folder of the distribution project's registry, so that `registry:2` and `registry:3` serve what Dray writes and
 * Dray what they wrote. Layout: distribution, "filesystem" storage driver, `docker/registry/v2`.
 */
import { rmdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { AppError } from "../errors.ts";
import { type Descriptor, isManifest } from "../oci/descriptor.ts";
import { isDigest } from "../oci/digest.ts";
import { sniffMediaType } from "../oci/manifest.ts";
import { isSchema1Type } from "../oci/media-types.ts";
import { isRepository, isTag } from "../oci/reference.ts";
import { MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Call, Content, Sink, Store, StoreReference } from "../store/store.ts";
import { openRegistryBlobs, type RegistryBlobs } from "./registry-blobs.ts";
import { type LinkKind, openRegistryLinks, type RegistryLinks, repositoriesIn } from "./registry-links.ts";

/** What all repositories of the folder share. */
interface Storage {
  /** An absolute path. */
  readonly root: string;
  /** Where the links of the repositories are. */
  readonly repositories: string;
  readonly blobs: RegistryBlobs;
}

/**
 * The storage folder below `root`, which may be empty or absent. Files get mode 0644 and folders 0755, because the registry
 * that serves them runs as another user. A tag is the last thing written: a reader never follows a link to nothing.
 * repository() throws USAGE for what is no repository name. Disposing removes an empty `.partial`.
 */
export function openRegistryStorage(root: string): Store<Sink> {
  const base = join(resolve(root), "docker", "registry", "v2");
  const partials = join(resolve(root), ".partial");
  const storage = {
    root: resolve(root),
    repositories: join(base, "repositories"),
    blobs: openRegistryBlobs(join(base, "blobs"), partials),
  };
  return {
    repository: (path) => openRepository(storage, path),
    async *references(call = {}) {
      for await (const path of repositoriesIn(storage.repositories)) {
        call.signal?.throwIfAborted();
        yield* references(openRepository(storage, path), call);
      }
    },
    blob: (digest) => storage.blobs.find(digest),
    async [Symbol.asyncDispose]() {
      await rmdir(partials).catch(() => undefined);
    },
  };
}

async function* references(repository: Sink, call: Call): AsyncIterable<StoreReference> {
  const { path } = repository.place;
  for await (const tag of repository.tags?.(call) ?? []) {
    const root = await repository.resolve(tag, call);
    if (root) yield { path, tag, root };
  }
}

function openRepository({ root, repositories, blobs }: Storage, path: string): Sink {
  const space = `storage:${root}`;
  const links = linksOf(repositories, path);
  async function store(content: Content, kind: LinkKind, call: Call): Promise<void> {
    await blobs.put(content, call);
    await links.add(kind, content.descriptor.digest);
  }
  async function lies({ digest, size }: Descriptor): Promise<boolean> {
    return (await blobs.find(digest))?.descriptor.size === size;
  }
  return {
    place: { space, path },
    async resolve(name, call = {}) {
      const digest = isDigest(name) ? name : isTag(name) ? await links.tagged(name) : undefined;
      if (!digest || !(await links.has("manifest", digest))) return undefined;
      const content = await blobs.find(digest);
      return content && describe(content, call);
    },
    get: (descriptor) => blobs.get(descriptor),
    has: async (descriptor) => (await links.has(kindOf(descriptor), descriptor.digest)) && lies(descriptor),
    put: (content, call = {}) => store(content, kindOf(content.descriptor), call),
    async tag(tag, manifest, call = {}) {
      if (!isTag(tag)) throw new AppError("USAGE", `Cannot tag "${path}": "${tag}" is not a tag`);
      await store(manifest, "manifest", call);
      await links.tag(tag, manifest.descriptor.digest);
    },
    async mount(descriptor, from) {
      if (from.space !== space) return false;
      const kind = kindOf(descriptor);
      const lent = await linksOf(repositories, from.path).has(kind, descriptor.digest);
      if (!lent || !(await lies(descriptor))) return false;
      await links.add(kind, descriptor.digest);
      return true;
    },
    async discard(descriptor) {
      await links.remove(kindOf(descriptor), descriptor.digest);
      await blobs.remove(descriptor.digest);
    },
    tags: () => links.tags(),
  };
}

function linksOf(repositories: string, path: string): RegistryLinks {
  if (!isRepository(path)) throw new AppError("USAGE", `Cannot open repository "${path}": it is not a repository name`);
  return openRegistryLinks(join(repositories, path));
}

/** What the registry would say that it is: the type is not stored but read from the bytes. */
async function describe(content: Content, call: Call): Promise<Descriptor | undefined> {
  const { digest, size } = content.descriptor;
  const mediaType = sniffMediaType(await readAll(content, MANIFEST_LIMIT, call));
  return mediaType === undefined ? undefined : { mediaType, digest, size };
}

function kindOf(descriptor: Descriptor): LinkKind {
  return isManifest(descriptor) || isSchema1Type(descriptor.mediaType) ? "manifest" : "blob";
}
