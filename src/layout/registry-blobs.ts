/** The blob files of a registry's storage folder, which all its repositories share: `blobs/sha256/<2 digits>/<digits>/data`. */
import { chmod, lstat, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { readFile } from "../bytes/file.ts";
import { createTurns } from "../bytes/turns.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, splitDigest } from "../oci/digest.ts";
import { ingest } from "../store/ingest.ts";
import type { Call, Content } from "../store/store.ts";
import { makePublicFolder } from "./public-files.ts";

export interface RegistryBlobs {
  /** The bytes of a digest as they lie there; undefined where they do not. */
  find(digest: Digest): Promise<Content | undefined>;
  /** Lazy: a file that is missing shows when it is opened. */
  get(descriptor: Descriptor): Content;
  /** Stores verified bytes. Idempotent, and safe to call for one digest several times at once. */
  put(content: Content, call: Call): Promise<void>;
  remove(digest: Digest): Promise<void>;
}

/** The blobs below `folder`. Unfinished ones are in `partials`, on the same file system. */
export function openRegistryBlobs(folder: string, partials: string): RegistryBlobs {
  const inTurn = createTurns<Digest>();
  function folderOf(digest: Digest): string {
    const { algorithm, hex } = splitDigest(digest);
    return join(folder, algorithm, hex.slice(0, 2), hex);
  }
  function get(descriptor: Descriptor): Content {
    const path = join(folderOf(descriptor.digest), "data");
    return { descriptor, open: (range) => readFile(path, descriptor.size, range) };
  }
  async function find(digest: Digest): Promise<Content | undefined> {
    // Not stat(): what a link of the file system names may be anywhere.
    const found = await lstat(join(folderOf(digest), "data")).catch(() => undefined);
    return found?.isFile() ? get({ mediaType: "application/octet-stream", digest, size: found.size }) : undefined;
  }
  async function land(content: Content, call: Call): Promise<void> {
    const { digest, size } = content.descriptor;
    if ((await find(digest))?.descriptor.size === size) return;
    const path = join(folderOf(digest), "data");
    const partial = join(partials, splitDigest(digest).hex);
    await makePublicFolder(folderOf(digest));
    await makePublicFolder(partials);
    try {
      await ingest(content, path, partial, call);
    } catch (error) {
      if (content.once) await rm(partial, { force: true });
      await rmdir(folderOf(digest)).catch(() => undefined);
      throw error;
    }
    await chmod(path, 0o644);
  }
  return {
    find,
    get,
    // One writer for each blob, since they would share its partial file. Whoever waited looks again.
    put: (content, call) => inTurn(content.descriptor.digest, call.signal, () => land(content, call)),
    remove: (digest) => rm(join(folderOf(digest), "data"), { force: true }),
  };
}
