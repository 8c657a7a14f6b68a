/** The links of a registry's storage folder: small files that say which blobs a repository has and what its tags name. */
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import { type Digest, isDigest, splitDigest } from "../oci/digest.ts";
import { isRepository, isTag } from "../oci/reference.ts";
import { makePublicFolder, writePublicFile } from "./public-files.ts";

export type LinkKind = "manifest" | "blob";

/** The links of one repository. */
export interface RegistryLinks {
  has(kind: LinkKind, digest: Digest): Promise<boolean>;
  add(kind: LinkKind, digest: Digest): Promise<void>;
  remove(kind: LinkKind, digest: Digest): Promise<void>;
  /** What a tag names. */
  tagged(tag: string): Promise<Digest | undefined>;
  tag(tag: string, digest: Digest): Promise<void>;
  /** In lexical order. */
  tags(): AsyncIterable<string>;
}

/** The links in `folder`, the one of the repository. Nothing is written before something is added. */
export function openRegistryLinks(folder: string): RegistryLinks {
  const tags = join(folder, "_manifests", "tags");
  function fileOf(kind: LinkKind, digest: Digest): string {
    const { algorithm, hex } = splitDigest(digest);
    return join(folder, kind === "blob" ? "_layers" : join("_manifests", "revisions"), algorithm, hex, "link");
  }
  const has = async (kind: LinkKind, digest: Digest): Promise<boolean> =>
    (await readLink(fileOf(kind, digest))) === digest;
  const tagged = (tag: string): Promise<Digest | undefined> => readLink(join(tags, tag, "current", "link"));
  return {
    has,
    tagged,
    async add(kind, digest) {
      if (await has(kind, digest)) return;
      // The catalog of version 2 looks for the one folder, that of version 3 for the other.
      await makePublicFolder(join(folder, "_layers"));
      await makePublicFolder(join(folder, "_manifests"));
      await writePublicFile(fileOf(kind, digest), digest);
    },
    remove: (kind, digest) => rm(fileOf(kind, digest), { force: true }),
    async tag(tag, digest) {
      const isNew = await makePublicFolder(join(tags, tag));
      if (!isNew && !(await readdir(tags)).includes(tag))
        throw new AppError("STORAGE", `Cannot tag "${tag}": the file system takes it for another tag in capitals`, {
          hint: "use a file system that tells capitals from small letters",
        });
      const { algorithm, hex } = splitDigest(digest);
      await writePublicFile(join(tags, tag, "index", algorithm, hex, "link"), digest);
      await writePublicFile(join(tags, tag, "current", "link"), digest);
    },
    async *tags() {
      for (const name of await foldersIn(tags)) if (isTag(name) && (await tagged(name))) yield name;
    },
  };
}

/** Paths of the repositories below `folder`, those within others too, in lexical order of their parts. */
export async function* repositoriesIn(folder: string, path = ""): AsyncIterable<string> {
  const names = await foldersIn(join(folder, path));
  if (names.includes("_manifests") && isRepository(path)) yield path;
  for (const name of names) {
    const inner = path === "" ? name : `${path}/${name}`;
    if (isRepository(inner)) yield* repositoriesIn(folder, inner);
  }
}

/** The digest in a link file; undefined where there is none, or something else. */
async function readLink(path: string): Promise<Digest | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  return isDigest(text) ? text : undefined;
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
