/**
 * What `docker save`, `podman save`, skopeo and crane write for `docker load`, as a store: configs and layers, of which
 * manifests are made here. Docker image spec v1.2, "Combined Image JSON + Filesystem Changeset Format".
 */
import { type Bytes, collect, encode } from "../bytes/stream.ts";
import { type AppError, reasonOf } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, hashFor, isDigest } from "../oci/digest.ts";
import { parseJson } from "../oci/json.ts";
import { DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_MANIFEST } from "../oci/media-types.ts";
import { type Platform, parseConfigPlatform } from "../oci/platform.ts";
import { contentOf, MANIFEST_LIMIT } from "../store/read.ts";
import type { Call, Content, Store, StoreReference, Tree, TreeFile } from "../store/store.ts";
import { brokenDocument, checkCount, fieldsOf, MOST_IMAGES, readDocument } from "./document.ts";
import { nameOfArchive, wholeReference } from "./image-name.ts";
import { treeStore } from "./tree-store.ts";

export const DOCKER_ARCHIVE_FILE = "manifest.json";

/** Layers of all images of an archive, each as often as it is listed: more than any has. */
const MOST_LAYERS = 50_000;

export interface DockerArchiveOptions extends Call {
  /** What messages call the archive; images without a name are below its base name. */
  readonly name: string;
}

/** A layer file, as far as a manifest needs to know it. */
interface Layer {
  readonly digest: Digest;
  readonly size: number;
  readonly compression: "gzip" | "zstd" | undefined;
}

/**
 * Opens the archive. A layer that is a plain tar has the digest that its config promises, checked where it is read; one that
 * is compressed is hashed now. The same archive gives the same manifests: Docker's, or OCI's where a layer is zstd. Owns the
 * tree once it has returned. Throws INTEGRITY where the documents are no such thing, or name files that are missing.
 */
export async function openDockerArchive(tree: Tree, options: DockerArchiveOptions): Promise<Store> {
  const { name } = options;
  const list = await readDocument(tree, DOCKER_ARCHIVE_FILE, name, options);
  if (!Array.isArray(list)) throw broken(name, "it is no list of images");
  checkCount(DOCKER_ARCHIVE_FILE, name, list.length);
  const found: Found = { paths: new Map(), documents: new Map(), layers: new Map(), configs: new Map(), count: 0 };
  const references: StoreReference[] = [];
  for (const image of list as unknown[]) {
    for (const reference of await readImage(image, tree, options, found)) references.push(reference);
    checkCount(DOCKER_ARCHIVE_FILE, name, references.length);
  }
  // The rest of what was found need not be held for as long as the store is.
  const { paths, documents } = found;
  return treeStore(tree, name, { references, documents, pathOf: (digest) => paths.get(digest) });
}

/** What was found so far, and where. */
interface Found {
  readonly paths: Map<Digest, string>;
  readonly documents: Map<Digest, Content>;
  /** By where their paths lead: hostile lists name one as often as they can. Of a plain tar, without the digest. */
  readonly layers: Map<string, Omit<Layer, "digest"> & { readonly digest: Digest | undefined }>;
  readonly configs: Map<string, Config>;
  /** Layers of all images. */
  count: number;
}

async function readImage(
  image: unknown,
  tree: Tree,
  options: DockerArchiveOptions,
  found: Found,
): Promise<readonly StoreReference[]> {
  const { Config, RepoTags, Layers } = fieldsOf(image);
  if (typeof Config !== "string" || !isTextList(Layers)) throw broken(options.name, "an image has no config or layers");
  const config = await readConfig(plain(Config), tree, options, found);
  const { diffIds } = config;
  found.count += Layers.length;
  if (found.count > MOST_LAYERS) throw broken(options.name, `it lists more than ${MOST_LAYERS} layers`);
  if (diffIds.length !== Layers.length)
    throw broken(options.name, `"${Config}" is of ${diffIds.length} layers, and ${Layers.length} are listed`);
  found.paths.set(config.digest, plain(Config));
  const layers: Layer[] = [];
  for (const [at, path] of Layers.entries())
    layers.push(await readLayer(plain(path), diffIds[at]!, tree, options, found));
  const root = manifestOf(config, layers, found);
  const madeOf = [config.platform ? { ...root, platform: config.platform } : root];
  return namesOf(RepoTags, options.name).map(({ path, tag }) => ({ path, tag, root, madeOf }));
}

interface Config {
  readonly digest: Digest;
  readonly platform: Platform | undefined;
  readonly size: number;
  readonly diffIds: readonly Digest[];
}

async function readConfig(
  path: string,
  tree: Tree,
  options: DockerArchiveOptions,
  { configs }: Found,
): Promise<Config> {
  const file = fileOf(path, tree, options.name);
  const key = file.target ?? path;
  const config = configs.get(key) ?? (await parseConfig(path, file, options));
  configs.set(key, config);
  return config;
}

async function parseConfig(path: string, file: TreeFile, options: DockerArchiveOptions): Promise<Config> {
  const bytes = await collectConfig(path, file, options);
  let json: unknown;
  try {
    json = parseJson(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw broken(options.name, `"${path}" cannot be read: ${reasonOf(cause)}`, cause);
  }
  const { diff_ids: diffIds = [] } = fieldsOf(fieldsOf(json).rootfs);
  if (!isTextList(diffIds) || !diffIds.every(isDigest))
    throw broken(options.name, `"${path}" does not tell its layers`);
  return { digest: digestOf(bytes), size: bytes.length, platform: parseConfigPlatform(bytes), diffIds };
}

async function collectConfig(path: string, file: TreeFile, { name, signal }: DockerArchiveOptions): Promise<Bytes> {
  const bytes = file.size > MANIFEST_LIMIT ? undefined : await collect(file.open({ signal }), MANIFEST_LIMIT);
  if (!bytes) throw broken(name, `"${path}" is larger than ${MANIFEST_LIMIT} bytes`);
  return bytes;
}

async function readLayer(
  path: string,
  diffId: Digest,
  tree: Tree,
  { name, signal }: DockerArchiveOptions,
  { paths, layers }: Found,
): Promise<Layer> {
  const file = fileOf(path, tree, name);
  const key = file.target ?? path;
  const layer = layers.get(key) ?? (await examine(file, { signal }));
  layers.set(key, layer);
  // Another image may promise another digest of a plain tar: then one of the two is wrong, and found to be.
  const digest = layer.digest ?? diffId;
  paths.set(digest, path);
  return { ...layer, digest };
}

async function examine(file: TreeFile, { signal }: Call) {
  const first = await collect(file.open({ end: Math.min(4, file.size), signal }), 4);
  const compression = compressionOf(first!);
  return { size: file.size, compression, digest: compression && (await hash(file, { signal })) };
}

async function hash(file: TreeFile, call: Call): Promise<Digest> {
  const running = hashFor("sha256:");
  for await (const chunk of file.open({ ...call, reuse: true })) running.update(chunk);
  return `sha256:${running.digest("hex")}`;
}

function compressionOf([one, two, three, four]: Uint8Array): Layer["compression"] {
  if (one === 0x1f && two === 0x8b) return "gzip";
  return one === 0x28 && two === 0xb5 && three === 0x2f && four === 0xfd ? "zstd" : undefined;
}

/** The manifest of an image; Docker's format knows no zstd. */
function manifestOf({ digest, size }: Config, layers: readonly Layer[], { documents }: Found): Descriptor {
  const isOci = layers.some(({ compression }) => compression === "zstd");
  const mediaType = isOci ? OCI_MANIFEST : DOCKER_MANIFEST;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: isOci ? OCI_CONFIG : DOCKER_CONFIG, digest, size },
    layers: layers.map((layer) => ({
      mediaType: isOci ? ociType(layer) : dockerType(layer),
      digest: layer.digest,
      size: layer.size,
    })),
  };
  const document = contentOf(mediaType, encode(JSON.stringify(manifest)));
  documents.set(document.descriptor.digest, document);
  return document.descriptor;
}

function ociType({ compression }: Layer): string {
  return `application/vnd.oci.image.layer.v1.tar${compression === undefined ? "" : `+${compression}`}`;
}

function dockerType({ compression }: Layer): string {
  return `application/vnd.docker.image.rootfs.diff.tar${compression === undefined ? "" : `.${compression}`}`;
}

/** Saved by its id, an image has no names. */
function namesOf(tags: unknown, archive: string): readonly { path: string; tag: string | undefined }[] {
  if (tags === null || tags === undefined) return [{ path: nameOfArchive(archive), tag: undefined }];
  if (Array.isArray(tags)) checkCount(DOCKER_ARCHIVE_FILE, archive, tags.length);
  if (!isTextList(tags)) throw broken(archive, "the names of an image are no list");
  if (tags.length === 0) return namesOf(undefined, archive);
  return tags.map((text) => {
    const reference = wholeReference(text);
    if (!reference) throw broken(archive, `${JSON.stringify(text)} is not the name of an image`);
    return { path: `${reference.registry}/${reference.repository}`, tag: reference.tag };
  });
}

function fileOf(path: string, tree: Tree, name: string): TreeFile {
  const file = tree.file(path);
  if (!file) throw broken(name, `${JSON.stringify(path)} is listed, and missing`);
  return file;
}

function plain(path: string): string {
  return path.replace(/^(?:\.\/)+/, "");
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MOST_IMAGES && value.every((one) => typeof one === "string");
}

function broken(name: string, reason: string, cause?: unknown): AppError {
  return brokenDocument(DOCKER_ARCHIVE_FILE, name, reason, cause);
}
