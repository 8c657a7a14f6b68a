/** Made-up images laid out as other tools do. */
import { encode } from "../../src/bytes/stream.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { parseManifest } from "../../src/oci/manifest.ts";
import type { Files } from "./memory-tree.ts";
import { type Artifact, type Part, platformOf } from "./random-image.ts";

/** An image of several platforms under a name, `registry/repository` and a tag. */
export interface NamedArtifact {
  readonly name: string;
  readonly tag: string;
  readonly artifact: Artifact;
}

type MutableFiles = { -readonly [Path in keyof Files]: Files[Path] };

/** An OCI layout. `annotations` says how a descriptor is named; default: containerd's way. */
export function ociFiles(
  images: readonly NamedArtifact[],
  annotations: (image: NamedArtifact) => Record<string, string> = ({ name, tag }) => ({
    "io.containerd.image.name": `${name}:${tag}`,
  }),
): MutableFiles {
  const files: MutableFiles = { "oci-layout": '{"imageLayoutVersion":"1.0.0"}' };
  for (const { artifact } of images) Object.assign(files, blobs(artifact, "blobs"));
  const manifests = images.map((image) => {
    const { mediaType, digest, size } = image.artifact.root;
    return { mediaType, digest, size, annotations: annotations(image) };
  });
  return { ...files, "index.json": JSON.stringify({ schemaVersion: 2, manifests }) };
}

/** What Hangar 1.3-1.6 writes, for artifacts that are indexes. */
export function hangarFiles(images: readonly NamedArtifact[]): MutableFiles {
  const files: MutableFiles = {};
  const list = images.map(({ name, tag, artifact }) => {
    Object.assign(files, blobs(artifact, "share"));
    const platforms = platformsOf(artifact).map((part, at) => {
      const { mediaType, digest, size, platform } = part.descriptor;
      const folder = `${digest.slice(7, 20)}${at}`;
      files[`${folder}/oci-layout`] = '{"imageLayoutVersion": "1.0.0"}';
      files[`${folder}/index.json`] = JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, digest, size }] });
      return { Digest: `sha256:${"0".repeat(64)}`, ...fields(platform), Folder: folder };
    });
    return { Source: name, Tag: tag, ArchList: ["amd64"], Images: platforms };
  });
  files["saved-images-list.json"] = JSON.stringify({
    List: list,
    Version: "v1.1.0",
    SavedTime: "2024-01-02T03:04:05Z",
  });
  return files;
}

/** What image-tools 1.0 writes, for artifacts that are lists of Docker images. */
export function imageToolsFiles(images: readonly NamedArtifact[]): MutableFiles {
  const files: MutableFiles = {};
  const list = images.map(({ name, tag, artifact }) => {
    const platforms = platformsOf(artifact).map((part, at) => {
      const folder = `${part.descriptor.digest.slice(7, 20)}${at}`;
      files[`${folder}/version`] = "Directory Transport Version: 1.1\n";
      files[`${folder}/manifest.json`] = part.bytes;
      for (const blob of blobsOf(artifact, part)) files[`${folder}/${blob.descriptor.digest.slice(7)}`] = blob.bytes;
      return { ...fields(part.descriptor.platform), Folder: folder };
    });
    return { Source: name, Tag: tag, ArchList: ["amd64"], Images: platforms };
  });
  files["saved-images-list.json"] = JSON.stringify({ List: list, Version: "1.0.0", SavedTime: "2022-01-02T03:04:05Z" });
  return files;
}

/** What Hangar 1.7-1.9 writes into its zips. */
export function hangarZipFiles(images: readonly NamedArtifact[]): MutableFiles {
  const files: MutableFiles = {};
  const list = images.map(({ name, tag, artifact }) => {
    Object.assign(files, blobs(artifact, "share"));
    const platforms = platformsOf(artifact).map(({ descriptor: { digest, mediaType, platform } }) => {
      const { OS: os, Arch: arch, Variant: variant } = fields(platform);
      return { arch, os, variant, mediaType, layers: [], digest };
    });
    return { source: name, tag, archList: ["amd64"], osList: ["linux"], images: platforms };
  });
  return { ...files, "index.json": JSON.stringify({ list, version: "v1.2.0", time: "2024-01-02T03:04:05Z" }) };
}

/** What `docker save` writes, for images of one platform. */
export function dockerFiles(images: readonly NamedArtifact[]): MutableFiles {
  const files: MutableFiles = {};
  const list = images.map(({ name, tag, artifact }) => {
    const [config, ...layers] = blobsOf(artifact, artifact.manifests.at(-1)!);
    const path = `${config!.descriptor.digest.slice(7)}.json`;
    files[path] = config!.bytes;
    const paths = layers.map(({ descriptor, bytes }) => {
      const layer = `${descriptor.digest.slice(7)}/layer.tar`;
      files[layer] = bytes;
      return layer;
    });
    return { Config: path, RepoTags: [`${name}:${tag}`], Layers: paths };
  });
  return { ...files, "manifest.json": JSON.stringify(list) };
}

/** The config and the layers of a manifest, in its order. */
function blobsOf({ blobs }: Artifact, { descriptor, bytes }: Part): Part[] {
  const view = parseManifest(descriptor, bytes);
  const wanted = view.kind === "image" ? [...(view.config ? [view.config] : []), ...view.layers] : [];
  return wanted.map(({ digest }) => blobs.find((blob) => blob.descriptor.digest === digest)!);
}

function platformsOf({ manifests, root }: Artifact): readonly Part[] {
  return manifests.filter(({ descriptor }) => descriptor.digest !== root.digest || manifests.length === 1);
}

function blobs({ manifests, blobs }: Artifact, folder: string): Files {
  return Object.fromEntries(
    [...manifests, ...blobs].map(({ descriptor, bytes }) => [
      `${folder}/${descriptor.digest.replace(":", "/")}`,
      bytes,
    ]),
  );
}

function fields({ os, architecture, variant } = platformOf("linux/amd64")) {
  return { OS: os, Arch: architecture, ...(variant ? { Variant: variant } : {}) };
}

/** The files without that content, wherever it lies, and whatever it is called. */
export function without(files: Files, hex: string): Files {
  const isOther = ([path, content]: readonly [string, Files[string]]): boolean =>
    !path.endsWith(hex) && digestOf(typeof content === "string" ? encode(content) : content).slice(7) !== hex;
  return Object.fromEntries(Object.entries(files).filter(isOther));
}
