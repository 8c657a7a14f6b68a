/**
 * An OCI image layout as a store, whoever wrote it: skopeo, podman, oras, regctl, buildx, containerd and Docker from version 25
 * on. OCI image-spec v1.1 image-layout.md.
 */
import { AppError } from "../errors.ts";
import { type Descriptor, isIndex, isManifest, parseDescriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { type ManifestView, parseManifest } from "../oci/manifest.ts";
import { isTag } from "../oci/reference.ts";
import { referralOf } from "../oci/referrer.ts";
import { MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Call, Store, StoreReference, Tree } from "../store/store.ts";
import { brokenDocument, checkCount, fieldsOf } from "./document.ts";
import { nameOfArchive, wholeReference } from "./image-name.ts";
import { ociBlobPath } from "./oci-documents.ts";
import { contentIn, treeStore } from "./tree-store.ts";

const DOCUMENT = "index.json";

/** What is attached to the images of a layout, and children that it does not have: more than any has, of each. */
const MOST_MANIFESTS = 200_000;

export interface OciOptions extends Call {
  /** What messages call the archive; bare tags and roots without a name are below its base name. */
  readonly name: string;
  /** Hears of roots that cannot be carried, and of platforms that were left out. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** Whether an `index.json` is that of an image layout. */
export function isOciIndex(index: unknown): boolean {
  return Array.isArray(fieldsOf(index).manifests);
}

/** A root of the layout, with its name. */
interface Root {
  readonly descriptor: Descriptor;
  readonly path: string;
  readonly tag: string | undefined;
  /** Whether the layout itself says how it is called. */
  readonly isNamed: boolean;
}

/**
 * Opens the layout whose `index.json` is `index`. Reads the manifests that it names and their children at once, all else when
 * it is asked for. What is attached to an image, and the platforms that an index lists, are no images of their own. Children
 * that are missing beside others that are there were left out by whoever wrote it; any other missing content shows when it is
 * read. Owns the tree once it has returned. Throws INTEGRITY for an index that cannot be one.
 */
export async function openOciLayout(tree: Tree, index: unknown, options: OciOptions): Promise<Store> {
  const roots = rootsOf(index, options);
  const found = createFindings(roots);
  for (const root of roots) await look(root, tree, options, found);
  const references: StoreReference[] = [];
  const hidden: StoreReference[] = [];
  for (const { descriptor, path, tag, isNamed } of roots) {
    const { mediaType, digest, size } = descriptor;
    const isPart = !isNamed && found.parts.has(digest);
    const isAttached = isPart || (tag !== undefined && isAttachedTag(tag, tree));
    (isAttached ? hidden : references).push({ path, tag, root: { mediaType, digest, size } });
  }
  // The rest of what was found need not be held for as long as the store is.
  const { referrers, absent } = found;
  return treeStore(tree, options.name, {
    references,
    hidden,
    pathOf: ociBlobPath,
    referrers: (subject) => [...(referrers.get(subject)?.values() ?? [])],
    carries: async ({ digest }) => !absent.has(digest),
  });
}

function rootsOf(index: unknown, { name, onWarning }: OciOptions): readonly Root[] {
  const { manifests } = fieldsOf(index);
  if (!Array.isArray(manifests)) throw brokenDocument(DOCUMENT, name, "it lists no manifests");
  checkCount(DOCUMENT, name, manifests.length);
  return manifests.flatMap((value: unknown) => {
    const descriptor = parseDescriptor(value);
    if (!descriptor) throw brokenDocument(DOCUMENT, name, "it has a descriptor that is not valid");
    if (isManifest(descriptor)) return [nameRoot(descriptor, name)];
    onWarning?.(`leaves "${descriptor.digest}" of "${name}": a "${descriptor.mediaType}" is no image`);
    return [];
  });
}

/** containerd writes the whole name beside a tag; others write a tag, or the whole name, where the tag belongs. */
function nameRoot(descriptor: Descriptor, archive: string): Root {
  const { "io.containerd.image.name": full, "org.opencontainers.image.ref.name": short } = descriptor.annotations ?? {};
  const isBare = short !== undefined && isTag(short);
  const reference = wholeReference(full) ?? (isBare ? undefined : wholeReference(short));
  const path = reference ? `${reference.registry}/${reference.repository}` : nameOfArchive(archive);
  const tag = reference ? reference.tag : isBare ? short : undefined;
  return { descriptor, path, tag, isNamed: reference !== undefined || isBare };
}

/** What the manifests say about each other. */
function createFindings(roots: readonly Root[]) {
  return {
    nameless: new Set(roots.flatMap(({ descriptor, isNamed }) => (isNamed ? [] : [descriptor.digest]))),
    /** Of these, the ones that an index of the layout lists, or that refer to another manifest. */
    parts: new Set<Digest>(),
    /** Children of indexes that the layout was never meant to hold. */
    absent: new Set<Digest>(),
    /** Whether those children are whole whose manifests are there: hostile indexes name one as often as they can. */
    whole: new Map<Digest, boolean>(),
    /** Roots that were looked at. */
    seen: new Set<string>(),
    /** Those that are attached, by whom they refer to. */
    referrers: new Map<Digest, Map<Digest, Descriptor>>(),
    /** How many those are. */
    attached: 0,
  };
}

type Findings = ReturnType<typeof createFindings>;

async function look(root: Root, tree: Tree, options: OciOptions, found: Findings): Promise<void> {
  const { descriptor, tag } = root;
  const key = `${subjectOfFallback(tag) ?? ""} ${descriptor.digest}`;
  if (found.seen.has(key)) return;
  found.seen.add(key);
  const read = await readManifest(descriptor, tree, options);
  if (!read) return;
  const subject = subjectOfFallback(tag) ?? descriptor.annotations?.["io.containerd.manifest.subject"];
  const referral = referralOf(descriptor, read.bytes);
  if (referral) attach(referral.subject, referral.referrer, options, found);
  else if (isDigest(subject) && !isIndex(descriptor)) attach(subject, descriptor, options, found);
  if (read.view.kind !== "index") return;
  if (tag !== undefined && subjectOfFallback(tag))
    for (const child of read.view.children) attach(subjectOfFallback(tag)!, child, options, found);
  for (const { digest } of read.view.children) if (found.nameless.has(digest)) found.parts.add(digest);
  await lookAtChildren(root, read.view.children, tree, options, found);
}

function attach(subject: Digest, referrer: Descriptor, { name }: OciOptions, found: Findings): void {
  const { mediaType, digest, size, artifactType } = referrer;
  const known = found.referrers.get(subject) ?? new Map<Digest, Descriptor>();
  found.referrers.set(subject, known);
  if (found.nameless.has(digest)) found.parts.add(digest);
  if (!known.has(digest) && ++found.attached > MOST_MANIFESTS)
    throw tooMany(name, "manifests are attached to its images");
  known.set(digest, { mediaType, digest, size, ...(artifactType === undefined ? {} : { artifactType }) });
}

function tooMany(name: string, what: string): AppError {
  return new AppError("UNSUPPORTED", `Cannot open "${name}": more than ${MOST_MANIFESTS} ${what}`, {
    hint: "make several archives, of fewer images each",
  });
}

async function lookAtChildren(
  { path, tag }: Root,
  children: readonly Descriptor[],
  tree: Tree,
  options: OciOptions,
  { absent, whole }: Findings,
): Promise<void> {
  const missing: Digest[] = [];
  for (const child of children) {
    const isThere = tree.file(ociBlobPath(child.digest)) !== undefined;
    const isPresent = isThere && (whole.get(child.digest) ?? (await isWhole(child, tree, options)));
    if (isThere) whole.set(child.digest, isPresent);
    if (!isPresent) missing.push(child.digest);
  }
  // Where nothing is there, something was lost.
  if (missing.length === 0 || missing.length === children.length) return;
  for (const digest of missing) absent.add(digest);
  if (absent.size > MOST_MANIFESTS) throw tooMany(options.name, "manifests are missing that its indexes list");
  options.onWarning?.(
    `"${options.name}" holds ${children.length - missing.length} of the ${children.length} manifests of "${path}${tag === undefined ? "" : `:${tag}`}"`,
  );
}

/** Whether a child was meant to be there whose manifest is: its config is there too. Some writers keep all manifests. */
async function isWhole(child: Descriptor, tree: Tree, options: OciOptions): Promise<boolean> {
  const view = isManifest(child) ? (await readManifest(child, tree, options))?.view : undefined;
  return view?.kind !== "image" || !view.config || tree.file(ociBlobPath(view.config.digest)) !== undefined;
}

/** Undefined where it is missing or wrong, which shows where it is needed. */
async function readManifest(
  descriptor: Descriptor,
  tree: Tree,
  { name, signal }: OciOptions,
): Promise<{ bytes: Uint8Array; view: ManifestView } | undefined> {
  try {
    const content = contentIn(tree, descriptor, ociBlobPath(descriptor.digest), name);
    const bytes = await readAll(content, MANIFEST_LIMIT, { signal });
    return { bytes, view: parseManifest(descriptor, bytes) };
  } catch (error) {
    if (error instanceof AppError && error.code !== "STORAGE") return undefined;
    throw error;
  }
}

/** `sha256-<hex>`: a list of what is attached to a digest. OCI distribution-spec v1.1 "Referrers Tag Schema". */
function subjectOfFallback(tag: string | undefined): Digest | undefined {
  const digest = /^sha256-[0-9a-f]{64}$/.test(tag ?? "") ? tag!.replace("-", ":") : undefined;
  return isDigest(digest) ? digest : undefined;
}

/** Whether a tag only says what its manifest is attached to: an image that is here as well, which takes it along. */
function isAttachedTag(tag: string, tree: Tree): boolean {
  const subject = subjectOfFallback(tag.replace(/\.(?:sig|att|sbom)$/, ""));
  return subject !== undefined && tree.file(ociBlobPath(subject)) !== undefined;
}
