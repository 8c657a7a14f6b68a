/**
 * Images of which a list names the platforms one by one, as Hangar and image-tools of all versions do: gathered by their tags,
 * without what a run that failed left unfinished.
 */
import type { Bytes } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { type ManifestView, parseManifest } from "../oci/manifest.ts";
import { isForeignType } from "../oci/media-types.ts";
import { formatPlatform, type Platform, parseConfigPlatform } from "../oci/platform.ts";
import { isTag, parseName } from "../oci/reference.ts";
import { MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Call, StoreReference, Tree } from "../store/store.ts";
import { brokenDocument, fieldsOf } from "./document.ts";
import { type Documents, platformRoot } from "./platform-root.ts";
import { contentIn } from "./tree-store.ts";

/** The fields of one platform in a list, unchecked. */
export type Fields = Readonly<Record<string, unknown>>;

/** One platform of one image, as a list names it. */
export interface ListedPlatform {
  /** `registry/repository`. */
  readonly path: string;
  readonly tag: string;
  readonly platform: Platform;
  /** Finds the manifest, and whatever else lies where it does. Throws where there is none, or none that can be read. */
  readonly find: (call: Call) => Promise<Descriptor>;
}

export interface ListedOptions extends Call {
  /** What messages call the archive. */
  readonly name: string;
  readonly pathOf: (digest: Digest) => string | undefined;
  /** Hears of platforms that are listed and not whole. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** The images in the order of the list, and the indexes that were made for them. */
export interface ListedImages {
  readonly references: readonly StoreReference[];
  readonly documents: Documents;
  /** The manifests of all their platforms. */
  readonly platforms: ReadonlySet<Digest>;
}

/**
 * Every image that has a platform which is all there. Platforms of one tag belong together wherever they are listed; of two
 * entries with one manifest the last one's platform counts. A platform whose files are missing is left out with a warning;
 * one whose bytes are wrong is kept: it fails where it is read.
 */
export async function gatherListed(
  listed: readonly ListedPlatform[],
  tree: Tree,
  options: ListedOptions,
): Promise<ListedImages> {
  const views = new Map<Digest, Promise<ManifestView | undefined>>();
  const images = new Map<string, { path: string; tag: string; platforms: Map<Digest, Descriptor> }>();
  for (const { path, tag, platform, find } of listed) {
    const key = `${path}:${tag}`;
    try {
      const manifest = await find(options);
      const whole = views.get(manifest.digest) ?? requireWhole(manifest, tree, options);
      views.set(manifest.digest, whole);
      const view = await whole;
      const image = images.get(key) ?? { path, tag, platforms: new Map<Digest, Descriptor>() };
      image.platforms.set(manifest.digest, { ...manifest, platform: await withBuild(platform, view, tree, options) });
      images.set(key, image);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "NOT_FOUND") throw error;
      const what = `"${key}" for ${formatPlatform(platform)}`;
      options.onWarning?.(`"${options.name}" lists ${what}, and does not have it: ${reasonOf(error)}`);
    }
  }
  const documents = new Map<Digest, Bytes>();
  const references = [...images.values()].map(({ path, tag, platforms }): StoreReference => {
    const { root, bytes } = platformRoot([...platforms.values()]);
    if (bytes) documents.set(root.digest, bytes);
    return { path, tag, root };
  });
  const all = new Set([...images.values()].flatMap(({ platforms }) => [...platforms.keys()]));
  return { references, documents, platforms: all };
}

/** Throws NOT_FOUND where a file of the image is missing. What is there and wrong shows when it is read. */
async function requireWhole(
  manifest: Descriptor,
  tree: Tree,
  { name, pathOf, signal }: ListedOptions,
): Promise<ManifestView | undefined> {
  const content = contentIn(tree, manifest, pathOf(manifest.digest), name);
  let view: ManifestView;
  try {
    view = parseManifest(manifest, await readAll(content, MANIFEST_LIMIT, { signal }));
  } catch (error) {
    if (error instanceof AppError && error.code !== "NOT_FOUND" && error.code !== "STORAGE") return undefined;
    throw error;
  }
  if (view.kind === "index") return view;
  for (const blob of [...(view.config ? [view.config] : []), ...view.layers]) {
    const path = pathOf(blob.digest);
    if (isForeignType(blob.mediaType) || (path !== undefined && tree.file(path))) continue;
    throw new AppError("NOT_FOUND", `Cannot read "${manifest.digest}": "${blob.digest}" of it is missing`);
  }
  return view;
}

/** Older lists do not tell the builds of Windows, without which nobody finds the right one in an index. The configs do. */
async function withBuild(
  platform: Platform,
  view: ManifestView | undefined,
  tree: Tree,
  { name, pathOf, signal }: ListedOptions,
): Promise<Platform> {
  const config = view?.kind === "image" ? view.config : undefined;
  if (platform.os !== "windows" || platform["os.version"] !== undefined || !config) return platform;
  try {
    const content = contentIn(tree, config, pathOf(config.digest), name);
    const found = parseConfigPlatform(await readAll(content, MANIFEST_LIMIT, { signal }));
    return found?.os === "windows" && found["os.version"]
      ? { ...platform, "os.version": found["os.version"] }
      : platform;
  } catch (error) {
    if (error instanceof AppError && error.code !== "STORAGE") return platform;
    throw error;
  }
}

/** `find` for each folder once: hostile lists name one as often as they can. */
export function onceForEach(find: (folder: string, call: Call) => Promise<Descriptor>): typeof find {
  const found = new Map<string, Promise<Descriptor>>();
  return (folder, call) => {
    const known = found.get(folder) ?? find(folder, call);
    found.set(folder, known);
    return known;
  };
}

/**
 * The platforms of a list as Hangar and image-tools write them, with the field names of Hangar 1.3. `finder` says how the manifest of one is found, from its fields. Throws INTEGRITY, naming `document`, where an entry cannot be one.
 */
export function listedPlatforms(
  entries: readonly unknown[],
  document: string,
  archive: string,
  finder: (fields: Fields) => ListedPlatform["find"],
): readonly ListedPlatform[] {
  return entries.flatMap((entry) => {
    const { Source: source, Tag: tag, Images: images = [] } = fieldsOf(entry);
    const path = typeof source === "string" ? fullName(source) : undefined;
    if (path === undefined)
      throw brokenDocument(document, archive, `${JSON.stringify(source)} is not the name of an image`);
    if (typeof tag !== "string" || !isTag(tag))
      throw brokenDocument(document, archive, `${JSON.stringify(tag)} is not a tag`);
    if (!Array.isArray(images ?? [])) throw brokenDocument(document, archive, `the images of "${source}" are no list`);
    return ((images as unknown[] | null) ?? []).map((image): ListedPlatform => {
      const fields = fieldsOf(image);
      return { path, tag, platform: platformOf(fields), find: finder(fields) };
    });
  });
}

function fullName(source: string): string | undefined {
  try {
    const { registry, repository } = parseName(source);
    return `${registry}/${repository}`;
  } catch {
    return undefined;
  }
}

/** Empty fields mean nothing. */
function platformOf({ OS, Arch, Variant, OsVersion }: Fields): Platform {
  const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
  const [variant, version, architecture = "unknown"] = [text(Variant), text(OsVersion), text(Arch)];
  return {
    os: text(OS) ?? "linux",
    architecture,
    // The first image-tools took the architecture for the variant.
    ...(variant && variant !== architecture ? { variant } : {}),
    ...(version ? { "os.version": version } : {}),
  };
}
