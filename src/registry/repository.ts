/** One repository of a registry as a Sink: the endpoints of the OCI distribution-spec v1.1, one family in each file beside. */
import { AppError } from "../errors.ts";
import { embeddedBytes, isManifest } from "../oci/descriptor.ts";
import { isRepository } from "../oci/reference.ts";
import { inMemory } from "../store/read.ts";
import type { Sink } from "../store/store.ts";
import type { Client } from "./client.ts";
import { download } from "./download.ts";
import { resolveManifest } from "./manifests.ts";
import { hasContent } from "./presence.ts";
import { createReferrers, type Referrers } from "./referrers/referrers.ts";
import { listTags } from "./tags.ts";
import { mountBlob } from "./upload/mount.ts";
import { uploadBlob } from "./upload/upload.ts";
import { createUploads, type Uploads } from "./upload/uploads.ts";

/**
 * A repository of `client`'s registry. Those of a run share `uploads` and `referrers`, in which what was learned is kept;
 * default: new ones. No I/O. Throws USAGE for a path that is none.
 */
export function openRepository(
  client: Client,
  path: string,
  uploads: Uploads = createUploads(),
  referrers: Referrers = createReferrers(client),
): Sink {
  if (!isRepository(path))
    throw new AppError("USAGE", `Cannot open "${client.host}/${path}": it is not a repository name`);
  return {
    place: { space: client.host, path },
    resolve: (name, options) => resolveManifest(client, path, name, options),
    get(descriptor) {
      const embedded = embeddedBytes(descriptor);
      if (embedded) return inMemory(descriptor, embedded);
      return { descriptor, open: (options) => download(client, path, descriptor, options) };
    },
    has: (descriptor, options) => hasContent(client, path, descriptor, options),
    put(content, options) {
      const { descriptor } = content;
      if (isManifest(descriptor)) return referrers.put(path, descriptor.digest, content, options);
      return uploadBlob(client, path, content, uploads, options);
    },
    tag: (tag, manifest, options) => referrers.put(path, tag, manifest, options),
    async mount(descriptor, from, options) {
      if (from.space !== client.host || isManifest(descriptor) || !isRepository(from.path)) return false;
      return mountBlob(client, path, descriptor, from.path, uploads, options);
    },
    referrers: (subject, options) => referrers.list(path, subject, options),
    find: (tags, options) => referrers.find(path, tags, options),
    async *tags(options) {
      yield* await listTags(client, path, options);
    },
  };
}
