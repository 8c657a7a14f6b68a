/** The media types of manifests, and what a type says about the bytes. OCI image-spec v1.1 media-types.md; Docker distribution. */

export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";

export const DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json";

const SCHEMA1 = ["application/vnd.docker.distribution.manifest.v1+prettyjws", DOCKER_SCHEMA1];

/** Every manifest type that we ask a registry for; schema 1 is named so that it can be refused by its name. */
export const ACCEPT_MANIFESTS: string = [OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST, ...SCHEMA1].join(", ");

/** A list of manifests: OCI index or Docker manifest list. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_LIST;
}

/** Anything that lives under `/manifests/` in a registry. BuildKit cache indexes list layers too: those are blobs. */
export function isManifestType(mediaType: string): boolean {
  return isIndexType(mediaType) || mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST;
}

/** Docker's first image format, which no current registry or runtime takes any more. */
export function isSchema1Type(mediaType: string): boolean {
  return SCHEMA1.includes(mediaType);
}

/** The config of a runnable image, the only kind that names a platform. */
export function isImageConfigType(mediaType: string): boolean {
  return mediaType === OCI_CONFIG || mediaType === DOCKER_CONFIG;
}

/** Whether the type says that the bytes are compressed or encrypted already, so that compressing them again is waste. */
export function isCompressedType(mediaType: string): boolean {
  return /[.+](?:gzip|gz|zstd|zst|encrypted|tgz)\b/.test(mediaType);
}

/** A layer that only zstd readers can open. */
export function isZstdType(mediaType: string): boolean {
  return /[.+]zstd?\b/.test(mediaType);
}

/** A layer that its publisher does not allow registries to hand on (Windows base layers of old). OCI image-spec v1.1 layer.md. */
export function isForeignType(mediaType: string): boolean {
  return mediaType.includes(".nondistributable.") || mediaType.includes(".foreign.");
}
