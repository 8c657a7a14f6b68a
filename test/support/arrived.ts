/** What has arrived in a store: every image with its platforms, digests and unpacked layers, all of it read and verified. */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { type Bytes, concat } from "../../src/bytes/stream.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { parseManifest } from "../../src/oci/manifest.ts";
import { isImageConfigType } from "../../src/oci/media-types.ts";
import { formatPlatform, parseConfigPlatform } from "../../src/oci/platform.ts";
import { MANIFEST_LIMIT, read, readAll } from "../../src/store/read.ts";
import type { Source, Store } from "../../src/store/store.ts";

export interface ArrivedPlatform {
  /** `linux/arm/v7`; `none` of what has no platform. arm64 has no variant here, Windows no build. */
  readonly platform: string;
  /** Of the manifest. */
  readonly digest: string;
  /** The digests of the unpacked layers: they are the same however an image is packed. Of an artifact, those of its blobs. Empty where nobody looked. */
  readonly layers: readonly string[];
}

export interface Arrived {
  /** What the tag stands for. */
  readonly digest: string;
  /** Sorted by platform, then by layers, or where they are not known by digest. */
  readonly platforms: readonly ArrivedPlatform[];
}

/** By `repository:tag`, without a registry. */
export type Arrivals = Readonly<Record<string, Arrived>>;

/** Reads all that a store has. `nameOf` says how the image is called whose path has a registry in front. */
export async function arrivedIn(store: Store, nameOf = (path: string): string => path): Promise<Arrivals> {
  const images: Record<string, Arrived> = {};
  for await (const { path, tag, root } of store.references())
    images[`${nameOf(path)}:${tag}`] = await imageIn(store.repository(path), root);
  return images;
}

/** The images of a local store: their names begin with a registry. */
export function arrivedInArchive(store: Store): Promise<Arrivals> {
  return arrivedIn(store, (path) => path.replace(/^[^/]*\//, ""));
}

async function imageIn(source: Source, root: Descriptor): Promise<Arrived> {
  const platforms: ArrivedPlatform[] = [];
  for (const child of await leavesOf(source, root)) platforms.push(await platformIn(source, child));
  return { digest: root.digest, platforms: sorted(platforms) };
}

/** What is no index, below a root: an index may have others in it. */
async function leavesOf(source: Source, root: Descriptor): Promise<readonly Descriptor[]> {
  const view = parseManifest(root, await readAll(source.get(root), MANIFEST_LIMIT));
  if (view.kind !== "index") return [root];
  return (await Promise.all(view.children.map((child) => leavesOf(source, child)))).flat();
}

export function sorted(platforms: readonly ArrivedPlatform[]): readonly ArrivedPlatform[] {
  return platforms.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function keyOf({ platform, digest, layers }: ArrivedPlatform): string {
  return `${platform} ${layers.length > 0 ? layers.join(" ") : digest}`;
}

async function platformIn(source: Source, descriptor: Descriptor): Promise<ArrivedPlatform> {
  const { digest } = descriptor;
  const view = parseManifest(descriptor, await readAll(source.get(descriptor), MANIFEST_LIMIT));
  if (view.kind === "index" || !view.config) throw new Error(`${digest} is no image of one platform`);
  const config = await readAll(source.get(view.config), MANIFEST_LIMIT);
  const layers: string[] = [];
  if (!isImageConfigType(view.config.mediaType)) {
    for (const one of view.layers) layers.push(digestOf(await bytesOf(source, one)));
    return { platform: "none", digest, layers };
  }
  for (const one of view.layers) layers.push(digestOf(unpacked(await bytesOf(source, one))));
  const { rootfs } = JSON.parse(new TextDecoder().decode(config)) as { rootfs: { diff_ids: string[] } };
  if (rootfs.diff_ids.join() !== layers.join()) throw new Error(`${digest} has layers that its config does not know`);
  return {
    platform: plainPlatform(formatPlatform(descriptor.platform ?? parseConfigPlatform(config)!)),
    digest,
    layers,
  };
}

/** Writers disagree about the variant that arm64 has anyway, and most leave Windows' builds out. */
export function plainPlatform(platform: string): string {
  return platform.replace(/:.*/, "").replace("arm64/v8", "arm64");
}

async function bytesOf(source: Source, descriptor: Descriptor): Promise<Bytes> {
  return concat(await Array.fromAsync(read(source.get(descriptor)), (chunk) => chunk.slice()));
}

function unpacked(bytes: Bytes): Bytes {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return new Uint8Array(gunzipSync(bytes));
  if (bytes[0] === 0x28 && bytes[1] === 0xb5) return new Uint8Array(zstdDecompressSync(bytes));
  return bytes;
}
