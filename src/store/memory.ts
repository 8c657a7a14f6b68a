/** A store that lives in memory: for tests, demonstrations and small things. */
import { randomUUID } from "node:crypto";
import type { Bytes } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import { type Descriptor, isManifest } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isSchema1Type } from "../oci/media-types.ts";
import { type Referral, referralOf } from "../oci/referrer.ts";
import { inMemory, readAll } from "./read.ts";
import type { Content, Place, Sink, Store } from "./store.ts";

/** What one repository holds of the content that all share. */
interface Links {
  readonly manifests: Map<Digest, Descriptor>;
  readonly blobs: Map<Digest, Descriptor>;
  readonly tags: Map<string, Descriptor>;
  /** Of those manifests that refer to another, by their own digest. */
  readonly referrals: Map<Digest, Referral>;
}

/** Everything that one store holds. */
interface Held {
  readonly content: Map<Digest, Bytes>;
  readonly repositories: Map<string, Links>;
}

const NOTHING: Links = emptyLinks();

/**
 * An empty store. Content is held once, however many repositories have it; each repository has what was put or mounted into
 * it. `space` names the store among others (default: a name of its own). Disposing empties it.
 */
export function memoryStore(space: string = `memory:${randomUUID()}`): Store<Sink> {
  const held: Held = { content: new Map(), repositories: new Map() };
  return {
    repository: (path) => memoryRepository({ space, path }, held),
    async *references() {
      for (const [path, { tags }] of held.repositories) for (const [tag, root] of tags) yield { path, tag, root };
    },
    async blob(digest) {
      const bytes = held.content.get(digest);
      return bytes && inMemory({ mediaType: "application/octet-stream", digest, size: bytes.length }, bytes);
    },
    async [Symbol.asyncDispose]() {
      held.content.clear();
      held.repositories.clear();
    },
  };
}

function memoryRepository(place: Place, { content, repositories }: Held): Sink {
  const read = (path = place.path): Links => repositories.get(path) ?? NOTHING;
  function write(kind: "manifests" | "blobs", { mediaType, digest, size }: Descriptor): void {
    if (!repositories.has(place.path)) repositories.set(place.path, emptyLinks());
    read()[kind].set(digest, { mediaType, digest, size });
    const referral = kind === "manifests" && referralOf({ mediaType, digest, size }, content.get(digest)!);
    if (referral) read().referrals.set(digest, referral);
  }
  async function store(from: Content, kind: "manifests" | "blobs", signal?: AbortSignal): Promise<void> {
    const { digest, size } = from.descriptor;
    if (content.get(digest)?.length !== size)
      content.set(digest, await readAll(from, Number.MAX_SAFE_INTEGER, { signal }));
    write(kind, from.descriptor);
  }
  function find(digest: Digest, path?: string): Bytes | undefined {
    const { manifests, blobs } = read(path);
    return manifests.has(digest) || blobs.has(digest) ? content.get(digest) : undefined;
  }
  return {
    place,
    async resolve(name) {
      return isDigest(name) ? read().manifests.get(name) : read().tags.get(name);
    },
    get: (descriptor) => ({
      descriptor,
      async *open({ start, end, signal } = {}) {
        signal?.throwIfAborted();
        const { digest } = descriptor;
        const bytes = find(digest);
        if (!bytes) throw new AppError("NOT_FOUND", `Cannot read "${digest}": "${place.path}" does not have it`);
        yield* inMemory(descriptor, bytes).open({ start, end });
      },
    }),
    has: async ({ digest, size }) => find(digest)?.length === size,
    put: (from, { signal } = {}) => store(from, kindOf(from.descriptor), signal),
    async tag(tag, manifest, { signal } = {}) {
      await store(manifest, "manifests", signal);
      const { mediaType, digest, size } = manifest.descriptor;
      read().tags.set(tag, { mediaType, digest, size });
    },
    async mount(descriptor, from) {
      if (from.space !== place.space || find(descriptor.digest, from.path)?.length !== descriptor.size) return false;
      write(kindOf(descriptor), descriptor);
      return true;
    },
    async discard({ digest }) {
      content.delete(digest);
      read().manifests.delete(digest);
      read().blobs.delete(digest);
      read().referrals.delete(digest);
    },
    async referrers(subject) {
      const { referrals } = read();
      return [...referrals.values()].filter((one) => one.subject === subject).map(({ referrer }) => referrer);
    },
    async *tags() {
      yield* [...read().tags.keys()].sort();
    },
  };
}

function emptyLinks(): Links {
  return { manifests: new Map(), blobs: new Map(), tags: new Map(), referrals: new Map() };
}

function kindOf(descriptor: Descriptor): "manifests" | "blobs" {
  return isManifest(descriptor) || isSchema1Type(descriptor.mediaType) ? "manifests" : "blobs";
}
