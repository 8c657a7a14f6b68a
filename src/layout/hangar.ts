/**
 * Hangar's cache layout, template v1.1.0, as documents: what `save` writes for its images, so that Hangar 1.3-1.6, every
 * reader of OCI layouts, and Dray itself find them. Pure: paths and bytes, no I/O.
 */
import { createHash } from "node:crypto";
import type { Bytes } from "../bytes/stream.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, splitDigest } from "../oci/digest.ts";
import { normalizePlatform, type Platform } from "../oci/platform.ts";
import type { Content } from "../store/store.ts";
import { formatDocument } from "./document.ts";
import { LAYOUT_FILE, rootIndex } from "./oci-documents.ts";

/** The folder that every path of an archive begins with. */
export const ROOT = "saved-image-cache";
export const LIST_FILE = "saved-images-list.json";
export const VERSION = "v1.1.0";

/** What the layout needs to know of an image in order to name its files. */
export interface LaidImage {
  /** `registry/repository`, in full. */
  readonly name: string;
  /** Absent where the image is only known by its digest. */
  readonly tag: string | undefined;
  /** The manifest or index that the name stands for, with its original bytes. */
  readonly root: Content;
  /** What an OCI layout can offer: the root, or an index of those children only that are here. */
  readonly offered: Content;
  readonly platforms: readonly LaidPlatform[];
  /** The children of the root that are here; undefined where that is all of them. */
  readonly kept: readonly Digest[] | undefined;
  /** The platforms that the root was made of, where nobody here ever had what the name stood for; see StoreReference. */
  readonly madeOf?: readonly Descriptor[] | undefined;
  /** What is attached to it, subjects first. */
  readonly referrers: readonly LaidReferrer[];
  /** All that it is made of, and all that is attached to it: manifests and blobs. */
  readonly contents: readonly Digest[];
  /** Whether Hangar's loader can push it: platform images only, no zstd layers, no index inside an index. */
  readonly forHangar: boolean;
}

/** A manifest that is attached to the image, or to another that is. */
export interface LaidReferrer {
  readonly subject: Digest;
  /** With its artifact type, where it has one. */
  readonly descriptor: Descriptor;
  /** The tag that cosign finds it by. */
  readonly tag: string | undefined;
}

export interface LaidPlatform {
  readonly descriptor: Descriptor;
  readonly platform: Platform;
}

/** A document of the layout. */
export interface LayoutFile {
  /** Relative to the layout's root. */
  readonly path: string;
  readonly bytes: Bytes;
}

/** One image of `saved-images-list.json`. `Root`, `Kept`, `MadeOf` and `Referrers` are ours; the rest is what Hangar writes. */
export interface ListEntry {
  Source: string;
  Tag?: string;
  ArchList?: string[];
  OsList?: string[];
  Images?: ListImage[];
  Root?: { MediaType: string; Digest: Digest; Size: number };
  /** Ours, where the root is an index of which only some children were saved: those. */
  Kept?: readonly Digest[];
  /** Ours, where the root was made because an archive of others did not have the original: of these. */
  MadeOf?: readonly ListPart[];
  /** Ours: what is attached to the image. */
  Referrers?: readonly ListReferrer[];
}

/** A platform that a root was made of, with Hangar's names for what it is for. */
export interface ListPart {
  MediaType: string;
  Digest: Digest;
  Size: number;
  Arch?: string;
  OS?: string;
  OsVersion?: string;
  Variant?: string;
}

export interface ListReferrer {
  MediaType: string;
  Digest: Digest;
  Size: number;
  ArtifactType?: string;
  Subject: Digest;
  /** The tag that cosign finds it by. */
  Tag?: string;
}

export interface ListImage {
  Digest: Digest;
  Arch: string;
  OS: string;
  OsVersion?: string;
  Variant?: string;
  Folder: string;
}

/** `saved-images-list.json`. `Artifacts` is ours: what Hangar cannot push stands there, so that its `load` has nothing to fail on. */
export interface SavedList {
  List: ListEntry[];
  Version: string;
  SavedTime: string;
  Artifacts?: ListEntry[];
}

/** Where a blob or manifest is, below the layout's root. */
export function blobPath(digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return `share/${algorithm}/${hex}`;
}

/** The folders of the documents of these images, which are to be there before them. */
export function* layoutFolders(images: readonly LaidImage[]): Generator<string> {
  for (const image of images) for (const { folder } of foldersOf(image)) yield folder;
}

/**
 * The documents of the layout but for the list, for images in this order, each made when it is asked for. Same images: same
 * bytes.
 */
export function* layoutFiles(images: readonly LaidImage[]): Generator<LayoutFile> {
  yield { path: "oci-layout", bytes: LAYOUT_FILE };
  yield indexFile(images);
  for (const image of images)
    for (const { folder, descriptor } of foldersOf(image)) {
      const { mediaType, digest, size } = descriptor;
      const index = `${folder}/index.json`;
      yield { path: `${folder}/oci-layout`, bytes: LAYOUT_FILE };
      yield {
        path: index,
        bytes: formatDocument(index, { schemaVersion: 2, manifests: [{ mediaType, digest, size }] }),
      };
    }
}

/** `saved-images-list.json` of these images. */
export function listFile(images: readonly LaidImage[], savedTime: Date): LayoutFile {
  const artifacts = images.filter((image) => !image.forHangar);
  const fields = {
    List: images
      .filter((image) => image.forHangar)
      .values()
      .map(listEntry),
    Version: VERSION,
    SavedTime: savedTime.toISOString().replace(/\.\d+Z$/, "Z"),
    ...(artifacts.length > 0 ? { Artifacts: artifacts.values().map(listEntry) } : {}),
  };
  return { path: LIST_FILE, bytes: formatDocument(LIST_FILE, fields) };
}

/** The index of the OCI layout. */
export function indexFile(images: readonly LaidImage[]): LayoutFile {
  return { path: "index.json", bytes: formatDocument("index.json", rootIndex(inListOrder(images))) };
}

/** As whoever reads the list finds them, so that a folder which is read and named again stays as it is. */
function inListOrder(images: readonly LaidImage[]): readonly LaidImage[] {
  return [...images.filter((image) => image.forHangar), ...images.filter((image) => !image.forHangar)];
}

function listEntry(image: LaidImage): ListEntry {
  const platforms = image.platforms.map(({ platform }) => normalizePlatform(platform));
  const { mediaType, digest, size } = image.root.descriptor;
  return {
    Source: image.name,
    ...(image.tag === undefined ? {} : { Tag: image.tag }),
    ArchList: [...new Set(platforms.map(({ architecture }) => architecture))],
    OsList: [...new Set(platforms.map(({ os }) => os))],
    Images: image.platforms.map((laid) => listImage(image, laid)),
    Root: { MediaType: mediaType, Digest: digest, Size: size },
    ...(image.kept ? { Kept: image.kept } : {}),
    ...(image.madeOf ? { MadeOf: image.madeOf.map(listPart) } : {}),
    ...(image.referrers.length > 0 ? { Referrers: image.referrers.map(listReferrer) } : {}),
  };
}

function listPart({ mediaType, digest, size, platform }: Descriptor): ListPart {
  return { MediaType: mediaType, Digest: digest, Size: size, ...(platform ? listPlatform(platform) : {}) };
}

function listPlatform({ os, architecture, variant, "os.version": version }: Platform) {
  return {
    Arch: architecture,
    OS: os,
    ...(version ? { OsVersion: version } : {}),
    ...(variant ? { Variant: variant } : {}),
  };
}

function listReferrer({ subject, descriptor, tag }: LaidReferrer): ListReferrer {
  const { mediaType, digest, size, artifactType } = descriptor;
  return {
    MediaType: mediaType,
    Digest: digest,
    Size: size,
    ...(artifactType === undefined ? {} : { ArtifactType: artifactType }),
    Subject: subject,
    ...(tag === undefined ? {} : { Tag: tag }),
  };
}

function listImage(image: LaidImage, { descriptor, platform }: LaidPlatform): ListImage {
  return { Digest: descriptor.digest, ...listPlatform(platform), Folder: folderName(image, descriptor.digest) };
}

/** Hangar's loader takes any name from the list; the digest in it keeps two variants of one architecture apart. */
function folderName(image: LaidImage, digest: Digest): string {
  return createHash("sha256").update(`${image.name}:${image.tag}@${digest}`).digest("hex");
}

/** Of each platform that Hangar is to push. */
function foldersOf(image: LaidImage): readonly { folder: string; descriptor: Descriptor }[] {
  if (!image.forHangar) return [];
  return image.platforms.map(({ descriptor }) => ({ folder: folderName(image, descriptor.digest), descriptor }));
}
