/**
 * Content digests: their grammar, their hashing.
 * OCI image-spec v1.1 descriptor.md "Digests". Only the registered algorithms that every peer checks are accepted.
 */
import { createHash, type Hash } from "node:crypto";

export type Digest = `sha256:${string}` | `sha512:${string}`;
export type Algorithm = "sha256" | "sha512";

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Whether `text` is a digest that we can verify: a known algorithm, lower-case hex of the exact length. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && DIGEST.test(text);
}

/** The two halves of a digest: both are safe as file and URL parts, because {@link isDigest} checked them. */
export function splitDigest(digest: Digest): { algorithm: Algorithm; hex: string } {
  const colon = digest.indexOf(":");
  return { algorithm: digest.slice(0, colon) as Algorithm, hex: digest.slice(colon + 1) };
}

/** The digest that the end of a path spells, as layouts name the files of content: `blobs/sha256/<hex>`. */
export function digestOfPath(path: string): Digest | undefined {
  const [, algorithm, hex] = /(?:^|\/)([a-z0-9]+)\/([0-9a-f]+)$/.exec(path) ?? [];
  const digest = `${algorithm}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

/** A running hash of the algorithm that `digest` names. */
export function hashFor(digest: Digest): Hash {
  return createHash(splitDigest(digest).algorithm);
}

/** The digest of bytes that are all here. */
export function digestOf(bytes: Uint8Array, algorithm: Algorithm = "sha256"): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

/** First characters of a digest, for messages and progress. */
export function shortDigest(digest: Digest): string {
  return digest.slice(0, digest.indexOf(":") + 13);
}
