/** Whether a repository has some content. OCI distribution-spec v1.1 "Checking if content exists in the registry". */
import { type Descriptor, isManifest } from "../oci/descriptor.ts";
import { ACCEPT_MANIFESTS } from "../oci/media-types.ts";
import type { Call } from "../store/store.ts";
import type { Client } from "./client.ts";
import { contentPath, pullScope } from "./endpoint.ts";
import { drain } from "./wire/drain.ts";

/** Some registries break over a HEAD that they could answer by other means. */
const UNKNOWING = [400, 403, 404, 405, 500, 501, 502, 503, 504];

/** Asked by HEAD. A registry that refuses to say counts as "no": the upload that follows has better words. */
export async function hasContent(
  client: Client,
  path: string,
  descriptor: Descriptor,
  { signal }: Call = {},
): Promise<boolean> {
  const what = `Cannot look for "${client.host}/${path}@${descriptor.digest}"`;
  const response = await client.send(what, "HEAD", contentPath(path, descriptor), {
    headers: isManifest(descriptor) ? { accept: ACCEPT_MANIFESTS } : {},
    scopes: pullScope(path),
    expect: UNKNOWING,
    signal,
  });
  await drain(response);
  const length = response.headers.get("content-length");
  return response.ok && (length === null || Number(length) === descriptor.size);
}
