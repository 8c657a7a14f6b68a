/** The JSON documents of a layout that name images, each as a whole. */
import { jsonText } from "../bytes/json-text.ts";
import { type Bytes, collect, concat, decode } from "../bytes/stream.ts";
import { textChunks } from "../bytes/text-chunks.ts";
import { AppError, reasonOf } from "../errors.ts";
import { parseJson } from "../oci/json.ts";
import type { Call, Tree } from "../store/store.ts";

/** The largest one, in bytes: what containerd takes. */
export const DOCUMENT_LIMIT: number = 20 << 20;

/** Images that one may name: as many as a hundred thousand entries hold with ten layers each. */
export const MOST_IMAGES = 7_000;

/** Platforms that one may name apart from each other. */
export const MOST_PLATFORMS = 10_000;

/** Bytes of memory that what it says may take. */
const MEMORY_LIMIT: number = 64 << 20;

/** The document at `path`; undefined where there is none. Throws INTEGRITY for what is no JSON, or larger than 20 MiB. */
export async function readDocument(tree: Tree, path: string, name: string, call: Call = {}): Promise<unknown> {
  const file = tree.file(path);
  if (!file) return undefined;
  const bytes = file.size > DOCUMENT_LIMIT ? undefined : await collect(file.open(call), DOCUMENT_LIMIT);
  if (!bytes) throw brokenDocument(path, name, `it is larger than ${DOCUMENT_LIMIT} bytes`);
  try {
    return parseJson(decode(bytes), MEMORY_LIMIT);
  } catch (cause) {
    throw brokenDocument(path, name, cause instanceof TypeError ? "it is not JSON" : reasonOf(cause), cause);
  }
}

/** Throws INTEGRITY where a document names more images, or platforms, than are read. */
export function checkCount(path: string, name: string, count: number, what: "images" | "platforms" = "images"): void {
  const most = what === "images" ? MOST_IMAGES : MOST_PLATFORMS;
  if (count > most) throw brokenDocument(path, name, `it names ${count} ${what}, and ${most} are the most`);
}

/** Throws UNSUPPORTED for more images than would be read. */
export function requireFew(images: number): void {
  if (images > MOST_IMAGES)
    throw new AppError("UNSUPPORTED", `Cannot list ${images} images: ${MOST_IMAGES} are the most`, {
      hint: "make several archives, of fewer images each",
    });
}

/**
 * The document that says `value`, whose lists may be iterables: ten thousand images at once would take ten times as much memory
 * as what is said of them. Throws UNSUPPORTED where it would be larger than what is read.
 */
export function formatDocument(path: string, value: unknown): Bytes {
  const text = textChunks(DOCUMENT_LIMIT, () => {
    const message = `Cannot write ${path}: it would be larger than ${DOCUMENT_LIMIT} bytes`;
    return new AppError("UNSUPPORTED", message, { hint: "make several archives, of fewer images each" });
  });
  for (const piece of jsonText(value)) text.add(piece);
  return concat(text.end());
}

/** An INTEGRITY error that names the document and the archive. */
export function brokenDocument(path: string, name: string, reason: string, cause?: unknown): AppError {
  return new AppError("INTEGRITY", `Cannot read ${path} of "${name}": ${reason}`, { cause });
}

/** The fields of what should be an object; none where it is not. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
