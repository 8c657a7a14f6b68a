/** The platform of an image that readers of docker-archives are offered. */
import type { DockerImage } from "../layout/oci-archive.ts";
import { type ImageView, parseManifest } from "../oci/manifest.ts";
import { isForeignType, isImageConfigType } from "../oci/media-types.ts";
import { MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Image, PlatformImage } from "./walk.ts";

/** What docker load and its like unpack: plain tars and gzipped ones. */
const LAYER =
  /^application\/vnd\.(?:oci\.image\.layer\.v1\.tar(?:\+gzip)?|docker\.image\.rootfs\.diff\.tar(?:\.gzip)?)$/;

/**
 * linux/amd64 where there is one, else linux/arm64, else the first of linux, else the first; the same on every machine. Only
 * what such a reader can take: undefined for artifacts, and where all platforms have foreign, encrypted or zstd layers.
 */
export async function dockerImage(image: Image): Promise<DockerImage | undefined> {
  const manifests = new Map([...image.manifests, image.root].map((content) => [content.descriptor.digest, content]));
  for (const { descriptor } of image.platforms.toSorted((a, b) => rank(a) - rank(b))) {
    const content = manifests.get(descriptor.digest);
    if (!content) continue;
    const view = parseManifest(content.descriptor, await readAll(content, MANIFEST_LIMIT));
    const found = view.kind === "image" ? loadable(view) : undefined;
    if (found) return found;
  }
  return undefined;
}

function rank({ platform: { os, architecture } }: PlatformImage): number {
  if (os !== "linux") return 3;
  return architecture === "amd64" ? 0 : architecture === "arm64" ? 1 : 2;
}

function loadable({ config, layers }: ImageView): DockerImage | undefined {
  if (!config || !isImageConfigType(config.mediaType) || layers.length === 0) return undefined;
  if (!layers.every(({ mediaType }) => LAYER.test(mediaType) && !isForeignType(mediaType))) return undefined;
  return { config: config.digest, layers: layers.map(({ digest }) => digest) };
}
