/** How images are called whose archive has no name for them, or only half of one. */
import { basename } from "node:path";
import { isRepository, parseReference, type Reference } from "../oci/reference.ts";

/** Suffixes of archives, which are no part of a name. */
const SUFFIXES = /(?:\.part\d+|\.(?:tar|tgz|gz|zstd?|tzst|zip|oci|docker))+$/i;

/** The repository that an archive's own name makes, in full: `docker.io/library/nginx` of `nginx.tar.gz`. */
export function nameOfArchive(path: string): string {
  const words = basename(path.replace(/\/+$/, ""))
    .replace(SUFFIXES, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 200);
  return `docker.io/library/${isRepository(words) ? words : "image"}`;
}

/** A whole reference; undefined where the text is none. */
export function wholeReference(text: unknown): Reference | undefined {
  try {
    return typeof text === "string" && text.length <= 1000 ? parseReference(text) : undefined;
  } catch {
    return undefined;
  }
}
