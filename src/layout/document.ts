/** The JSON documents of a layout, read whole. */
import { collect, decode } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import type { Call, Tree } from "../store/store.ts";

/** The largest document that names images, in bytes: what containerd takes. */
const LIMIT: number = 20 << 20;

/** The document at `path`; undefined where there is none. Throws INTEGRITY for what is no JSON, or larger than 20 MiB. */
export async function readDocument(tree: Tree, path: string, name: string, call: Call = {}): Promise<unknown> {
  const file = tree.file(path);
  if (!file) return undefined;
  const bytes = file.size > LIMIT ? undefined : await collect(file.open(call), LIMIT);
  if (!bytes) throw brokenDocument(path, name, `it is larger than ${LIMIT} bytes`);
  try {
    return JSON.parse(decode(bytes)) as unknown;
  } catch (cause) {
    throw brokenDocument(path, name, "it is not JSON", cause);
  }
}

/** An INTEGRITY error that names the document and the archive. */
export function brokenDocument(path: string, name: string, reason: string, cause?: unknown): AppError {
  return new AppError("INTEGRITY", `Cannot read ${path} of "${name}": ${reason}`, { cause });
}

/** The fields of what should be an object; none where it is not. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
