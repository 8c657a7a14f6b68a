/** One repository of a registry as a Sink: the endpoints of the OCI distribution-spec v1.1, one family in each file beside. */
import { AppError } from "../errors.ts";
import { type Descriptor, isManifest } from "../oci/descriptor.ts";
import { ACCEPT_MANIFESTS } from "../oci/media-types.ts";
import { isRepository } from "../oci/reference.ts";
import type { Call, Sink } from "../store/store.ts";
import type { Client } from "./client.ts";
import { download } from "./download.ts";
import { contentPath, pullScope } from "./endpoint.ts";
import { putManifest, resolveManifest } from "./manifests.ts";
import { listTags } from "./tags.ts";
import { mountBlob, type Sessions, uploadBlob } from "./upload.ts";
import { drain } from "./wire/drain.ts";

/** A repository of `client`'s registry. No I/O. Throws USAGE for a path that is none. */
export function openRepository(client: Client, path: string): Sink {
  if (!isRepository(path))
    throw new AppError("USAGE", `Cannot open "${client.host}/${path}": it is not a repository name`);
  const sessions: Sessions = new Map();
  return {
    place: { space: client.host, path },
    resolve: (name, options) => resolveManifest(client, path, name, options),
    get: (descriptor) => ({ descriptor, open: (options) => download(client, path, descriptor, options) }),
    has: (descriptor, options) => hasContent(client, path, descriptor, options),
    put(content, options) {
      const { descriptor } = content;
      if (isManifest(descriptor)) return putManifest(client, path, descriptor.digest, content, options);
      return uploadBlob(client, path, content, sessions, options);
    },
    tag: (tag, manifest, options) => putManifest(client, path, tag, manifest, options),
    async mount(descriptor, from, options) {
      if (from.space !== client.host || isManifest(descriptor) || !isRepository(from.path)) return false;
      return mountBlob(client, path, descriptor, from.path, sessions, options);
    },
    async *tags(options) {
      yield* await listTags(client, path, options);
    },
  };
}

/** Asked by HEAD. A registry that refuses to say counts as "no": the upload that follows has better words. */
async function hasContent(
  client: Client,
  path: string,
  descriptor: Descriptor,
  { signal }: Call = {},
): Promise<boolean> {
  const what = `Cannot look for "${client.host}/${path}@${descriptor.digest}"`;
  const response = await client.send(what, "HEAD", contentPath(path, descriptor), {
    headers: isManifest(descriptor) ? { accept: ACCEPT_MANIFESTS } : {},
    scopes: pullScope(path),
    expect: [400, 403, 404, 405, 501],
    signal,
  });
  await drain(response);
  const length = response.headers.get("content-length");
  return response.ok && (length === null || Number(length) === descriptor.size);
}
