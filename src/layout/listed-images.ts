/**
 * Images of which a list names the platforms one by one, as Hangar and image-tools of all versions do: gathered by their tags,
 * also those that a run of theirs failed at.
 */
import { encode, failing } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { blobsOf, type ImageView, parseManifest } from "../oci/manifest.ts";
import { isForeignType, OCI_MANIFEST } from "../oci/media-types.ts";
import { formatPlatform, type Platform, parseConfigPlatform } from "../oci/platform.ts";
import { isTag, parseName } from "../oci/reference.ts";
import { MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Call, Content, StoreReference, Tree } from "../store/store.ts";
import { brokenDocument, checkCount, fieldsOf } from "./document.ts";
import { type Documents, platformRoot } from "./platform-root.ts";
import { contentIn } from "./tree-store.ts";

/** Images that a message names. */
const MOST_NAMED = 20;

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

export interface ListOptions extends Call {
  /** What messages call the archive. */
  readonly name: string;
  /** Hears of images that are listed without any platform. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

interface GatherOptions extends ListOptions {
  readonly pathOf: (digest: Digest) => string | undefined;
}

/** The images in the order of the list. */
export interface ListedImages {
  readonly references: readonly StoreReference[];
  /** The indexes that were made for them, and what fails in the place of platforms that are missing. */
  readonly documents: Documents;
}

/** What the list has under one tag. */
interface Gathering {
  readonly path: string;
  readonly tag: string;
  readonly there: Map<Digest, Descriptor>;
  readonly missing: Missing[];
}

/** A platform of which something is not there. */
interface Missing {
  readonly platform: Platform;
  /** Where that much of it was found. */
  readonly manifest: Descriptor | undefined;
  readonly error: AppError;
}

/**
 * Every image of the list. Platforms of one tag belong together wherever they are listed; of two entries with one manifest the
 * last one's platform counts. A platform of which a file is missing, and a wrong one, fails with NOT_FOUND and INTEGRITY where
 * its manifest is read, so that an image can be had for the other platforms; what was listed again and is there then, is not
 * missing.
 */
export async function gatherListed(
  listed: readonly ListedPlatform[],
  tree: Tree,
  options: GatherOptions,
): Promise<ListedImages> {
  const configs = new Map<Digest, Promise<Config | undefined>>();
  const images = new Map<string, Gathering>();
  for (const { path, tag, platform, find } of listed) {
    const key = `${path}:${tag}`;
    const image: Gathering = images.get(key) ?? { path, tag, there: new Map(), missing: [] };
    images.set(key, image);
    let manifest: Descriptor | undefined;
    try {
      manifest = await find(options);
      const whole = configs.get(manifest.digest) ?? requireWhole(manifest, tree, options);
      configs.set(manifest.digest, whole);
      const config = await whole;
      image.there.set(manifest.digest, { ...manifest, platform: await withBuild(platform, config, tree, options) });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "NOT_FOUND") throw error;
      image.missing.push({ platform, manifest, error });
    }
  }
  return imagesOf([...images.values()]);
}

function imagesOf(gathered: readonly Gathering[]): ListedImages {
  const documents = new Map<Digest, Content>();
  const references = gathered.map((image): StoreReference => {
    const { path, tag, there } = image;
    const all = new Map(there);
    for (const content of absentFrom(image)) {
      const { descriptor } = content;
      documents.set(descriptor.digest, content);
      all.set(descriptor.digest, descriptor);
    }
    // Of an image without any platform, no selection makes something.
    const madeOf = there.size > 0 ? [...all.values()] : [...all.values()].slice(0, 1);
    const { root, document } = platformRoot(madeOf);
    if (document) documents.set(root.digest, document);
    return { path, tag, root, madeOf };
  });
  return { references, documents };
}

/** What stands in an image for its platforms that are missing: whoever reads it hears why. */
function absentFrom({ path, tag, there, missing }: Gathering): readonly Content[] {
  const [first] = there.values();
  const found = new Set([...there.values()].map(({ platform }) => platform && formatPlatform(platform)));
  const hint = first && "choose the platforms that are there with --arch and --os";
  return missing.flatMap(({ platform, manifest, error }) => {
    const what = `"${path}:${tag}" for ${formatPlatform(platform)}`;
    if (found.has(formatPlatform(platform))) return [];
    // Where not even its digest is known, one that no content has.
    const named = { mediaType: first?.mediaType ?? OCI_MANIFEST, digest: digestOf(encode(what)), size: 0 };
    const reason = new AppError("NOT_FOUND", `Cannot read ${what}: it is listed, and not there: ${reasonOf(error)}`, {
      cause: error,
      hint,
    });
    return { descriptor: { ...(manifest ?? named), platform }, open: () => failing(reason) };
  });
}

/** As much of a config's descriptor as finds it: those of all images are held. */
type Config = Pick<Descriptor, "mediaType" | "digest" | "size">;

/** The config of the manifest. Throws NOT_FOUND where a file of the image is missing. What is there and wrong shows when it is read. */
async function requireWhole(
  manifest: Descriptor,
  tree: Tree,
  { name, pathOf, signal }: GatherOptions,
): Promise<Config | undefined> {
  const content = contentIn(tree, manifest, pathOf(manifest.digest), name);
  let view: ImageView;
  try {
    const parsed = parseManifest(manifest, await readAll(content, MANIFEST_LIMIT, { signal }));
    if (parsed.kind === "index") return undefined;
    view = parsed;
  } catch (error) {
    if (error instanceof AppError && error.code !== "NOT_FOUND" && error.code !== "STORAGE") return undefined;
    throw error;
  }
  for (const blob of blobsOf(view)) {
    const path = pathOf(blob.digest);
    if (isForeignType(blob.mediaType) || (path !== undefined && tree.file(path))) continue;
    throw new AppError("NOT_FOUND", `Cannot read "${manifest.digest}": "${blob.digest}" of it is missing`);
  }
  if (!view.config) return undefined;
  const { mediaType, digest, size } = view.config;
  return { mediaType, digest, size };
}

/** Older lists do not tell the builds of Windows, without which nobody finds the right one in an index. The configs do. */
async function withBuild(
  platform: Platform,
  config: Config | undefined,
  tree: Tree,
  { name, pathOf, signal }: GatherOptions,
): Promise<Platform> {
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
 * The platforms of a list as Hangar and image-tools write them, with the field names of Hangar 1.3. `finder` says how the
 * manifest of one is found, from its fields. Images without platforms are none: whoever wrote the list failed at them, or was
 * asked for platforms that they do not have. Throws INTEGRITY, naming `document`, where an entry cannot be one.
 */
export function listedPlatforms(
  entries: readonly unknown[],
  document: string,
  { name: archive, onWarning }: ListOptions,
  finder: (fields: Fields) => ListedPlatform["find"],
): readonly ListedPlatform[] {
  const names = new Set<string>();
  const listed = entries.flatMap((entry) => {
    const { Source: source, Tag: tag, Images: images = [] } = fieldsOf(entry);
    const path = typeof source === "string" ? fullName(source) : undefined;
    if (path === undefined)
      throw brokenDocument(document, archive, `${JSON.stringify(source)} is not the name of an image`);
    if (typeof tag !== "string" || !isTag(tag))
      throw brokenDocument(document, archive, `${JSON.stringify(tag)} is not a tag`);
    names.add(`${path}:${tag}`);
    if (!Array.isArray(images ?? [])) throw brokenDocument(document, archive, `the images of "${source}" are no list`);
    return ((images as unknown[] | null) ?? []).map((image): ListedPlatform => {
      const fields = fieldsOf(image);
      return { path, tag, platform: platformOf(fields), find: finder(fields) };
    });
  });
  checkCount(document, archive, listed.length, "platforms");
  for (const { path, tag } of listed) names.delete(`${path}:${tag}`);
  const others = names.size > MOST_NAMED ? ` and ${names.size - MOST_NAMED} others` : "";
  if (names.size > 0)
    onWarning?.(
      `"${archive}" has no platform of "${[...names].slice(0, MOST_NAMED).join('", "')}"${others}, which it lists`,
    );
  return listed;
}

function fullName(source: string): string | undefined {
  try {
    const { registry, repository } = parseName(source);
    return `${registry}/${repository}`;
  } catch {
    return undefined;
  }
}

/** What a list says that something is for. Empty fields mean nothing. */
export function platformOf({ OS, Arch, Variant, OsVersion }: Fields): Platform {
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
