/** Walks an image from its root to its blobs. */
import { runAll } from "../bytes/pool.ts";
import type { Bytes } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import { type Descriptor, isManifest } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { blobsOf, type ImageView, type ManifestView, parseManifest } from "../oci/manifest.ts";
import { isForeignType, isImageConfigType, isZstdType } from "../oci/media-types.ts";
import {
  formatPlatform,
  isKnownPlatform,
  type Platform,
  parseConfigPlatform,
  type Selection,
  selects,
} from "../oci/platform.ts";
import { isAttestation, selectChildren } from "../oci/selection.ts";
import { inMemory, MANIFEST_LIMIT, readAll, verified } from "../store/read.ts";
import type { Call, Content, Source } from "../store/store.ts";
import {
  type Allowance,
  allowanceOfImage,
  type Holding,
  holdingOfRun,
  IMAGE_BYTES,
  IMAGE_DESCRIPTORS,
} from "./allowance.ts";
import { requireSize } from "./require-size.ts";

/** Manifests of one index that are read at once. */
const CHILDREN = 4;

/** Deeper than any real image; an index inside an index is 2. */
const MAX_DEPTH = 8;

/** One root with all it needs. Manifests are raw bytes; blobs have not been read, but for the configs in `documents`. */
export interface Image {
  readonly root: Content;
  /** The kept manifests below the root, children before those who list them. */
  readonly manifests: readonly Content[];
  /** Digests of the root's own children that are kept; for a single manifest, none. */
  readonly kept: ReadonlySet<Digest>;
  /** The images among the manifests, with the machine they are for. */
  readonly platforms: readonly PlatformImage[];
  /** Distinct, in the order of their first use. Without foreign layers. */
  readonly blobs: readonly Descriptor[];
  /** Blobs that were read on the way: configs. */
  readonly documents: ReadonlyMap<Digest, Content>;
  /** Layers that stay with their publisher. */
  readonly foreign: readonly Descriptor[];
  /**
   * Signatures and whatever else refers to these manifests, subjects before those who refer to them. Their blobs are among
   * `blobs`.
   */
  readonly attachments: readonly Attachment[];
  /** What refers to these manifests too, and is nothing that can be carried. */
  readonly unknown: readonly Descriptor[];
  /** Only platform images (and their attestations) with layers that every runtime reads, none of it in a nested index. */
  readonly plain: boolean;
}

/** A manifest that is attached to another. */
export interface Attachment {
  readonly subject: Digest;
  readonly root: Content;
  /** The manifests below it, children first. */
  readonly manifests: readonly Content[];
  /** What cosign calls it, where that is how it is found. */
  readonly tag?: string;
}

export interface PlatformImage {
  readonly descriptor: Descriptor;
  readonly platform: Platform;
  /** Its config and layers, each once. */
  readonly blobs: readonly Digest[];
}

export interface WalkOptions extends Call {
  readonly selection: Selection;
  readonly configs?: boolean | undefined;
  /** What the image that this belongs to may still have. Default: this is the image. */
  readonly allowance?: Allowance | undefined;
  /** What the run that this belongs to may still hold. Default: this is the run. */
  readonly holding?: Holding | undefined;
}

/**
 * The image of `root`, without what is attached to it; undefined where it has platforms and none of them is selected. An
 * index inside it is kept whole, or left out. Throws UNSUPPORTED where it would take more memory than an image may.
 */
export async function walk(from: Source, root: Descriptor, options: WalkOptions): Promise<Image | undefined> {
  return (await startWalk(from, root, options))?.end();
}

/** A walk that has seen the root, and nothing else that it could do without. */
export interface Walk {
  readonly root: Content;
  /** As an Image has it. */
  readonly kept: ReadonlySet<Digest>;
  /** Goes on to the end. To be called once. */
  end(): Promise<Image>;
}

/** Begins what walk() does. Children are read only where the root does not say which platforms they are for. */
export async function startWalk(from: Source, root: Descriptor, options: WalkOptions): Promise<Walk | undefined> {
  const walker = createWalker(from, options);
  const node = await walker.read(root, 0);
  const { content, view } = node;
  if (view.kind === "image") {
    const platform = await walker.platformOf(view);
    if (isKnownPlatform(platform) && !selects(options.selection, platform)) return undefined;
    return {
      root: content,
      kept: new Set(),
      async end() {
        await walker.take(node, platform);
        return walker.image(content, []);
      },
    };
  }
  const children: Descriptor[] = [];
  for (const child of view.children)
    if ((await from.carries?.(child, { signal: options.signal, index: root })) ?? true) children.push(child);
  const platforms = await walker.childPlatforms(children);
  const { kept, missed } = selectChildren(children, options.selection, (child) => platforms.get(child) ?? []);
  if (missed) return undefined;
  return {
    root: content,
    kept: new Set(kept.map(({ digest }) => digest)),
    async end() {
      await runAll(kept.filter(isManifest), (child) => walker.read(child, 1), {
        concurrency: CHILDREN,
        signal: options.signal,
      });
      for (const child of kept) await walker.descend(child, platforms.get(child)?.[0]);
      return walker.image(content, kept);
    },
  };
}

interface Node {
  readonly content: Content;
  readonly view: ManifestView;
  readonly depth: number;
}

/** What is found on the way, and the reading of it. Manifests that were read once are not read again. */
function createWalker(from: Source, options: WalkOptions) {
  const nodes = new Map<Digest, Promise<Node>>();
  const inside = new Map<Digest, Promise<readonly Platform[]>>();
  const manifests = new Map<Digest, Content>();
  const blobs = new Map<Digest, Descriptor>();
  const documents = new Map<Digest, Content>();
  const foreign = new Map<Digest, Descriptor>();
  const platforms: PlatformImage[] = [];
  const { allowance = allowanceOfImage(), holding = holdingOfRun() } = options;
  let plain = true;

  function read(descriptor: Descriptor, depth: number): Promise<Node> {
    const known = nodes.get(descriptor.digest);
    if (known !== undefined) return known;
    const node = readNode(descriptor, depth);
    nodes.set(descriptor.digest, node);
    return node;
  }
  async function readNode(descriptor: Descriptor, depth: number): Promise<Node> {
    if (depth > MAX_DEPTH)
      throw new AppError(
        "UNSUPPORTED",
        `Cannot read "${descriptor.digest}": indexes are nested more than ${MAX_DEPTH} deep`,
      );
    const bytes = await readSmall(descriptor);
    const view = parseManifest(descriptor, bytes);
    allowance.descriptors -= view.kind === "index" ? view.children.length : view.layers.length + 1;
    if (allowance.descriptors < 0) throw tooMuch(descriptor, `${IMAGE_DESCRIPTORS} layers and manifests`);
    return { content: contentWith(descriptor, bytes), view, depth };
  }
  /** Whatever else a descriptor says is held by nobody: annotations can be megabytes. */
  function contentWith({ mediaType, digest, size }: Descriptor, bytes: Bytes): Content {
    const descriptor = { mediaType, digest, size };
    return !from.isLocal || holding.take(bytes.length)
      ? inMemory(descriptor, bytes)
      : verified(from.get(descriptor), MANIFEST_LIMIT);
  }
  async function readSmall(descriptor: Descriptor): Promise<Bytes> {
    if (descriptor.size <= MANIFEST_LIMIT) allowance.bytes -= descriptor.size;
    if (allowance.bytes < 0) throw tooMuch(descriptor, `${IMAGE_BYTES} bytes of manifests and configs`);
    if (from.isLocal && !holding.mayRead(descriptor.size)) throw endless(descriptor);
    return readAll(from.get(descriptor), MANIFEST_LIMIT, options);
  }
  async function document(descriptor: Descriptor): Promise<Content> {
    const content = contentWith(descriptor, await readSmall(descriptor));
    documents.set(descriptor.digest, content);
    return content;
  }
  /** Of a single image: from its config. Artifacts have none. */
  async function platformOf({ config }: ImageView): Promise<Platform | undefined> {
    if (!config || !isImageConfigType(config.mediaType) || config.size > MANIFEST_LIMIT) return undefined;
    const content = documents.get(config.digest) ?? (await document(config));
    return parseConfigPlatform(await readAll(content, MANIFEST_LIMIT));
  }
  /** The platforms that each child stands for: its descriptor's, else those found in it. */
  async function childPlatforms(children: readonly Descriptor[]): Promise<Map<Descriptor, readonly Platform[]>> {
    const found = new Map<Descriptor, readonly Platform[]>();
    async function find(child: Descriptor): Promise<void> {
      if (child.platform) found.set(child, isKnownPlatform(child.platform) ? [child.platform] : []);
      else if (isManifest(child) && !isAttestation(child)) found.set(child, await platformsIn(child, 1));
    }
    await runAll(children, find, { concurrency: CHILDREN, signal: options.signal });
    return found;
  }
  /** Each is looked into once, however often and by how many indexes it is listed. */
  function platformsIn(descriptor: Descriptor, depth: number): Promise<readonly Platform[]> {
    const found = inside.get(descriptor.digest) ?? findPlatforms(descriptor, depth);
    inside.set(descriptor.digest, found);
    return found;
  }
  async function findPlatforms(descriptor: Descriptor, depth: number): Promise<readonly Platform[]> {
    const { view } = await read(descriptor, depth);
    if (view.kind === "image") {
      const platform = await platformOf(view);
      return platform ? [platform] : [];
    }
    const below = await Promise.all(
      view.children.map((child) => {
        if (child.platform) return isKnownPlatform(child.platform) ? [child.platform] : [];
        return isManifest(child) && !isAttestation(child) ? platformsIn(child, depth + 1) : [];
      }),
    );
    return [...new Map(below.flat().map((platform) => [formatPlatform(platform), platform])).values()];
  }
  /** Takes a child of the root with everything below it. */
  async function descend(child: Descriptor, platform: Platform | undefined, depth = 1): Promise<void> {
    if (!isManifest(child)) {
      blobs.set(child.digest, child);
      plain = false;
      return;
    }
    if (manifests.has(child.digest)) return;
    const node = await read(child, depth);
    if (node.view.kind === "index") {
      plain = false;
      for (const below of node.view.children) await descend(below, below.platform, depth + 1);
    } else await take(node, isAttestation(child) ? undefined : platform, isAttestation(child));
    manifests.set(child.digest, node.content);
  }
  /** Takes a manifest's config and layers. */
  async function take({ content, view }: Node, platform: Platform | undefined, attestation = false): Promise<void> {
    if (view.kind !== "image") return;
    // What else layers say of themselves is held by nobody: an image can have thousands.
    const own = blobsOf(view).map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
    for (const blob of own) requireSize(blob, from.sizeOf?.(blob.digest));
    for (const blob of own)
      if (isForeignType(blob.mediaType)) foreign.set(blob.digest, blob);
      else if (!blobs.has(blob.digest)) blobs.set(blob.digest, blob);
    if (isKnownPlatform(platform))
      platforms.push({
        descriptor: content.descriptor,
        platform,
        blobs: [...new Set(own.map(({ digest }) => digest))],
      });
    else if (!attestation) plain = false;
    if (own.some(({ mediaType }) => isZstdType(mediaType))) plain = false;
    const { config } = view;
    if (options.configs && config && config.size <= MANIFEST_LIMIT && !documents.has(config.digest))
      await document(config);
  }
  function image(root: Content, kept: readonly Descriptor[]): Image {
    manifests.delete(root.descriptor.digest);
    return {
      root,
      manifests: [...manifests.values()],
      kept: new Set(kept.map(({ digest }) => digest)),
      platforms,
      blobs: [...blobs.values()],
      documents,
      foreign: [...foreign.values()],
      attachments: [],
      unknown: [],
      plain,
    };
  }
  return { read, platformOf, childPlatforms, descend, take, image };
}

function endless({ digest }: Descriptor): AppError {
  return new AppError("UNSUPPORTED", `Cannot read "${digest}": too much was read of all images before it`, {
    hint: "take fewer images at once",
  });
}

function tooMuch({ digest }: Descriptor, most: string): AppError {
  return new AppError("UNSUPPORTED", `Cannot read "${digest}": with it, its image has more than ${most}`);
}
