/** Seeds the storage folder of Debian's registry: its own layout on disk, which takes images faster than its API does. */
import { createHash } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface Storage {
  /** Bytes as a blob of `repository`. */
  blob(repository: string, mediaType: string, bytes: Uint8Array): Promise<Blob>;
  /** A file as a blob, moved into the storage; it may then be linked into further repositories. */
  adopt(path: string, blob: Blob): Promise<void>;
  link(repository: string, blob: Blob): Promise<void>;
  manifest(repository: string, mediaType: string, document: object, tag?: string): Promise<Blob>;
}

/** Writes below `root`, which no registry may be using yet. */
export function seedStorage(root: string): Storage {
  const base = join(root, "docker", "registry", "v2");
  const dataOf = (digest: string): string => {
    const hex = digest.slice("sha256:".length);
    return join(base, "blobs", "sha256", hex.slice(0, 2), hex, "data");
  };
  const linkTo = (digest: string, ...folder: string[]): Promise<void> => write(join(...folder, "link"), digest);
  const inRepository = (repository: string, ...names: string[]): string =>
    join(base, "repositories", repository, ...names);
  const hexOf = (digest: string): string[] => digest.split(":");

  async function store(mediaType: string, bytes: Uint8Array): Promise<Blob> {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    await write(dataOf(digest), bytes);
    return { mediaType, digest, size: bytes.length };
  }
  const link: Storage["link"] = (repository, { digest }) =>
    linkTo(digest, inRepository(repository, "_layers", ...hexOf(digest)));

  return {
    link,
    async blob(repository, mediaType, bytes) {
      const blob = await store(mediaType, bytes);
      await link(repository, blob);
      return blob;
    },
    async adopt(path, { digest }) {
      await mkdir(dirname(dataOf(digest)), { recursive: true });
      await rename(path, dataOf(digest));
    },
    async manifest(repository, mediaType, document, tag) {
      const text = JSON.stringify({ schemaVersion: 2, mediaType, ...document });
      const blob = await store(mediaType, new TextEncoder().encode(text));
      const { digest } = blob;
      await linkTo(digest, inRepository(repository, "_manifests", "revisions", ...hexOf(digest)));
      if (tag !== undefined) {
        await linkTo(digest, inRepository(repository, "_manifests", "tags", tag, "current"));
        await linkTo(digest, inRepository(repository, "_manifests", "tags", tag, "index", ...hexOf(digest)));
      }
      return blob;
    },
  };
}

async function write(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}
