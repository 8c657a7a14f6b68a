/**
 * Manifests as views over their raw bytes; the only file that knows how media types link to children.
 * OCI image-spec v1.1 manifest.md and image-index.md; Docker image manifest v2 schema 2. Nothing here re-serialises.
 */
import { AppError, IntegrityError, reasonOf } from "../errors.ts";
import { type Descriptor, isIndex, parseDescriptor } from "./descriptor.ts";
import { isDigest } from "./digest.ts";
import { parseJson } from "./json.ts";
import { DOCKER_SCHEMA1, isSchema1Type, OCI_INDEX, OCI_MANIFEST } from "./media-types.ts";

/** Manifests that an index may list; the most that real ones do is some hundreds. */
const MOST_CHILDREN = 10_000;

/** Layers that a manifest may have. Runtimes take 127; artifacts have one for each file. */
const MOST_LAYERS = 1000;

/** Made once: an archive has thousands of manifests. */
const STRICT = new TextDecoder("utf-8", { fatal: true });

/** A list of manifests. */
export interface IndexView {
  readonly kind: "index";
  readonly children: readonly Descriptor[];
}

/** One image or artifact: a config (absent in some artifacts) and layers. */
export interface ImageView {
  readonly kind: "image";
  readonly config: Descriptor | undefined;
  readonly layers: readonly Descriptor[];
}

export type ManifestView = IndexView | ImageView;

/**
 * What a manifest says. Throws INTEGRITY for bytes that are no manifest or that claim to be two kinds at once, UNSUPPORTED
 * for Docker's schema 1 and for more children or layers than are read; the message names `descriptor.digest`.
 */
export function parseManifest(descriptor: Descriptor, bytes: Uint8Array): ManifestView {
  const json = parseObject(descriptor, bytes);
  if (json.schemaVersion === 1 || "fsLayers" in json || isSchema1Type(descriptor.mediaType))
    throw schema1Error(descriptor.digest);
  const { mediaType } = json;
  if (mediaType !== undefined && mediaType !== descriptor.mediaType)
    throw malformed(
      descriptor,
      `its media type is "${String(mediaType)}", its descriptor says "${descriptor.mediaType}"`,
    );
  const isList = "manifests" in json;
  if (isList && ("layers" in json || "config" in json))
    throw malformed(descriptor, "it is an index and an image at once");
  if (isList !== isIndex(descriptor)) throw malformed(descriptor, `it is not a "${descriptor.mediaType}"`);
  if (isList) return { kind: "index", children: descriptors(descriptor, json.manifests, MOST_CHILDREN) };
  const config = json.config === undefined ? [] : descriptors(descriptor, [json.config], 1);
  const layers = descriptors(descriptor, json.layers ?? json.blobs ?? [], MOST_LAYERS);
  return { kind: "image", config: config[0], layers };
}

/** What a manifest needs beside itself: its config, where it has one, and its layers. */
export function blobsOf({ config, layers }: ImageView): readonly Descriptor[] {
  return config ? [config, ...layers] : layers;
}

/** Docker's schema 1, refused with what to do about it. */
export function schema1Error(name: string): AppError {
  return new AppError("UNSUPPORTED", `Cannot read "${name}": it is a schema 1 image, which registries no longer take`, {
    hint: "rebuild the image, or pull and push it with a tool of 2017 to 2023, and list the new one",
  });
}

/** The media type of a manifest from its bytes, for servers and files that do not say it. OCI image-spec v1.1, "mediaType". */
export function sniffMediaType(bytes: Uint8Array): string | undefined {
  let json: unknown;
  try {
    json = parseJson(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null) return undefined;
  const { mediaType, manifests, layers, config, schemaVersion, fsLayers } = json as Record<string, unknown>;
  if (schemaVersion === 1 || fsLayers !== undefined) return DOCKER_SCHEMA1;
  if (typeof mediaType === "string") return mediaType;
  if (manifests !== undefined) return OCI_INDEX;
  if (layers !== undefined || config !== undefined) return OCI_MANIFEST;
  return undefined;
}

/** An index's JSON with only the children that `keep` names, in its order, all else as it was. */
export function filterIndex(bytes: Uint8Array, keep: ReadonlySet<string>): Uint8Array<ArrayBuffer> {
  const json = JSON.parse(new TextDecoder().decode(bytes)) as { manifests: { digest: string }[] };
  const manifests = json.manifests.filter(({ digest }) => keep.has(digest));
  return new TextEncoder().encode(JSON.stringify({ ...json, manifests })) as Uint8Array<ArrayBuffer>;
}

export interface ComposedIndex {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The original bytes, because all children are there: the digest is the original one. */
  readonly restored: boolean;
  /** Children of the present index that the original does not name, and that its new bytes leave out. */
  readonly dropped: readonly Descriptor[];
}

/**
 * The index to put where `present` (if anything) is now: children of `original` that are `kept` or present already, or the
 * original bytes when that is all of them. Pure.
 */
export function composeIndex(
  original: { descriptor: Descriptor; bytes: Uint8Array<ArrayBuffer> },
  kept: ReadonlySet<string>,
  present: readonly Descriptor[] = [],
): ComposedIndex {
  const view = parseManifest(original.descriptor, original.bytes);
  const children = view.kind === "index" ? view.children : [];
  const known = new Set<string>(children.map(({ digest }) => digest));
  const have = new Set([...kept, ...present.map(({ digest }) => digest)]);
  const dropped = present.filter(({ digest }) => !known.has(digest));
  if (children.every(({ digest }) => have.has(digest))) return { bytes: original.bytes, restored: true, dropped };
  return { bytes: filterIndex(original.bytes, have), restored: false, dropped };
}

function parseObject(descriptor: Descriptor, bytes: Uint8Array): Record<string, unknown> {
  let json: unknown;
  try {
    json = parseJson(STRICT.decode(bytes));
  } catch (cause) {
    throw malformed(descriptor, cause instanceof TypeError ? "it is not JSON" : reasonOf(cause), cause);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw malformed(descriptor, "it is not a JSON object");
  return json as Record<string, unknown>;
}

function descriptors(owner: Descriptor, value: unknown, most: number): readonly Descriptor[] {
  if (!Array.isArray(value)) throw malformed(owner, "a list of descriptors is not a list");
  if (value.length > most) {
    const reason = `it lists ${value.length} descriptors, and ${most} are the most`;
    throw new AppError("UNSUPPORTED", `Cannot read manifest "${owner.digest}": ${reason}`);
  }
  return value.map((item: unknown) => {
    const child = parseDescriptor(item);
    if (child) return child;
    const digest = (item as { digest?: unknown } | null)?.digest;
    const reason = isDigest(digest) ? `the descriptor of "${digest}" is not valid` : "a descriptor has no valid digest";
    throw malformed(owner, reason);
  });
}

function malformed({ digest, mediaType }: Descriptor, reason: string, cause?: unknown): IntegrityError {
  return new IntegrityError(`Cannot read manifest "${digest}": ${reason}`, {
    expected: mediaType,
    actual: reason,
    cause,
  });
}
