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

/** A document of the layout, or a folder (no bytes) that must come before what is in it. */
export interface LayoutFile {
  /** Relative to the layout's root. */
  readonly path: string;
  readonly bytes?: Bytes;
}

/** One image of `saved-images-list.json`. `Root`, `Kept` and `Referrers` are ours; the rest is what Hangar writes. */
export interface ListEntry {
  Source: string;
  Tag?: string;
  ArchList?: string[];
  OsList?: string[];
  Images?: ListImage[];
  Root?: { MediaType: string; Digest: Digest; Size: number };
  /** Ours, where the root is an index of which only some children were saved: those. */
  Kept?: readonly Digest[];
  /** Ours: what is attached to the image. */
  Referrers?: readonly ListReferrer[];
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

/** The documents of the layout, folders before files, for images in this order. Same images, same time: same bytes. */
export function layoutFiles(images: readonly LaidImage[], savedTime: Date): readonly LayoutFile[] {
  const folders = images.filter((image) => image.forHangar).flatMap((image) => folderFiles(image));
  return [
    { path: LIST_FILE, bytes: formatDocument(LIST_FILE, savedList(images, savedTime)) },
    { path: "oci-layout", bytes: LAYOUT_FILE },
    { path: "index.json", bytes: formatDocument("index.json", rootIndex(inListOrder(images))) },
    ...folders,
  ];
}

/** As whoever reads the list finds them, so that a folder which is read and named again stays as it is. */
function inListOrder(images: readonly LaidImage[]): readonly LaidImage[] {
  return [...images.filter((image) => image.forHangar), ...images.filter((image) => !image.forHangar)];
}

/** The list document of these images. */
export function savedList(images: readonly LaidImage[], savedTime: Date): SavedList {
  const artifacts = images.filter((image) => !image.forHangar).map(listEntry);
  return {
    List: images.filter((image) => image.forHangar).map(listEntry),
    Version: VERSION,
    SavedTime: savedTime.toISOString().replace(/\.\d+Z$/, "Z"),
    ...(artifacts.length > 0 ? { Artifacts: artifacts } : {}),
  };
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
    ...(image.referrers.length > 0 ? { Referrers: image.referrers.map(listReferrer) } : {}),
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
  const { os, architecture, variant, "os.version": version } = platform;
  return {
    Digest: descriptor.digest,
    Arch: architecture,
    OS: os,
    ...(version ? { OsVersion: version } : {}),
    ...(variant ? { Variant: variant } : {}),
    Folder: folderName(image, descriptor.digest),
  };
}

/** Hangar's loader takes any name from the list; the digest in it keeps two variants of one architecture apart. */
function folderName(image: LaidImage, digest: Digest): string {
  return createHash("sha256").update(`${image.name}:${image.tag}@${digest}`).digest("hex");
}

function folderFiles(image: LaidImage): readonly LayoutFile[] {
  return image.platforms.flatMap(({ descriptor }) => {
    const folder = folderName(image, descriptor.digest);
    const { mediaType, digest, size } = descriptor;
    const index = `${folder}/index.json`;
    return [
      { path: folder },
      { path: `${folder}/oci-layout`, bytes: LAYOUT_FILE },
      { path: index, bytes: formatDocument(index, { schemaVersion: 2, manifests: [{ mediaType, digest, size }] }) },
    ];
  });
}
