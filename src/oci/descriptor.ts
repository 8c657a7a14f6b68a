/** Descriptors: how content is pointed at. OCI image-spec v1.1 descriptor.md. */
import { Buffer } from "node:buffer";
import { type Digest, digestOf, isDigest, splitDigest } from "./digest.ts";
import { isIndexType, isManifestType } from "./media-types.ts";
import { isPlatformName, type Platform } from "./platform.ts";

/** Bytes that are taken from a descriptor: more than any registry lets into one. */
const MAX_EMBEDDED = 1 << 20;

/** Characters of a media type: a type and a subtype of 127 at most. RFC 6838 section 4.2. */
const LONGEST_TYPE = 255;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
  /** The content itself in base64: unchecked, see embeddedBytes(). */
  readonly data?: string;
}

/** Whether the content lives under `/manifests/` in a registry. */
export function isManifest(descriptor: Descriptor): boolean {
  return isManifestType(descriptor.mediaType);
}

/** Whether the content lists other manifests. */
export function isIndex(descriptor: Descriptor): boolean {
  return isIndexType(descriptor.mediaType);
}

/** The content that a descriptor carries in its `data`; undefined where it has none, or other bytes than it promises. */
export function embeddedBytes({ data, digest, size }: Descriptor): Uint8Array<ArrayBuffer> | undefined {
  if (data === undefined || !isLengthOf(data, size)) return undefined;
  const bytes = new Uint8Array(Buffer.from(data, "base64"));
  const { algorithm } = splitDigest(digest);
  return bytes.length === size && digestOf(bytes, algorithm) === digest ? bytes : undefined;
}

/** Whether so much base64 can stand for so many bytes: nothing else is decoded. */
function isLengthOf(data: string, size: number): boolean {
  return size <= MAX_EMBEDDED && data.length === 4 * Math.ceil(size / 3);
}

/** `value` as a descriptor, or undefined where a required field is absent or absurd. Unknown fields are dropped. */
export function parseDescriptor(value: unknown): Descriptor | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { mediaType, digest, size, platform, annotations, artifactType, data } = value as Record<string, unknown>;
  if (!isType(mediaType) || !isDigest(digest)) return undefined;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
  return {
    mediaType,
    digest,
    size,
    ...(isPlatform(platform) ? { platform } : {}),
    ...(isStringRecord(annotations) ? { annotations } : {}),
    ...(isType(artifactType) ? { artifactType } : {}),
    ...(typeof data === "string" && isLengthOf(data, size) ? { data } : {}),
  };
}

function isType(value: unknown): value is string {
  return typeof value === "string" && value.length <= LONGEST_TYPE;
}

function isPlatform(value: unknown): value is Platform {
  if (typeof value !== "object" || value === null) return false;
  const { os, architecture, variant, "os.version": version } = value as Record<string, unknown>;
  return (
    isPlatformName(os) &&
    isPlatformName(architecture) &&
    (variant === undefined || isPlatformName(variant)) &&
    (version === undefined || isPlatformName(version))
  );
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null && Object.values(value).every((v) => typeof v === "string");
}
