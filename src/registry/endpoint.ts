/** Where things are below a registry, what a token must allow there, and which statuses say "none". OCI distribution-spec v1.1 "Endpoints". */
import { type Descriptor, isManifest } from "../oci/descriptor.ts";

/** The statuses of a registry that has no such endpoint, or none for us. */
export const ABSENT: readonly number[] = [400, 401, 403, 404, 405, 406, 501];

/** Where content of a descriptor is. */
export function contentPath(path: string, descriptor: Descriptor): string {
  return `/v2/${path}/${isManifest(descriptor) ? "manifests" : "blobs"}/${descriptor.digest}`;
}

/** To read. Token scopes are of the distribution project's token authentication. */
export function pullScope(path: string): readonly string[] {
  return [`repository:${path}:pull`];
}

/** To write: what is written is looked for first. */
export function pushScope(path: string): readonly string[] {
  return [`repository:${path}:pull,push`];
}

/** To mount from another repository. The one to push to comes first: some registries look at no other. */
export function mountScope(path: string, from: string): readonly string[] {
  return [...pushScope(path), `repository:${from}:pull`];
}

/** Where uploads to a repository begin. */
export function uploadsPath(path: string): string {
  return `/v2/${path}/blobs/uploads/`;
}
