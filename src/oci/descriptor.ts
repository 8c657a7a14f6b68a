/** Descriptors: how content is pointed at. OCI image-spec v1.1 descriptor.md. */
import { type Digest, isDigest } from "./digest.ts";
import { isIndexType, isManifestType } from "./media-types.ts";
import type { Platform } from "./platform.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
}

/** Whether the content lives under `/manifests/` in a registry. */
export function isManifest(descriptor: Descriptor): boolean {
  return isManifestType(descriptor.mediaType);
}

/** Whether the content lists other manifests. */
export function isIndex(descriptor: Descriptor): boolean {
  return isIndexType(descriptor.mediaType);
}

/** `value` as a descriptor, or undefined where a required field is absent or absurd. Unknown fields are dropped. */
export function parseDescriptor(value: unknown): Descriptor | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { mediaType, digest, size, platform, annotations, artifactType } = value as Record<string, unknown>;
  if (typeof mediaType !== "string" || !isDigest(digest)) return undefined;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
  return {
    mediaType,
    digest,
    size,
    ...(isPlatform(platform) ? { platform } : {}),
    ...(isStringRecord(annotations) ? { annotations } : {}),
    ...(typeof artifactType === "string" ? { artifactType } : {}),
  };
}

function isPlatform(value: unknown): value is Platform {
  if (typeof value !== "object" || value === null) return false;
  const { os, architecture, variant, "os.version": version } = value as Record<string, unknown>;
  return (
    typeof os === "string" &&
    typeof architecture === "string" &&
    (variant === undefined || typeof variant === "string") &&
    (version === undefined || typeof version === "string")
  );
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null && Object.values(value).every((v) => typeof v === "string");
}
