/** Looks for tags that are mostly not there, with as few requests as that takes. OCI distribution-spec v1.1 "Listing Tags". */
import { createTurns } from "../../bytes/turns.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isTag } from "../../oci/reference.ts";
import type { Call } from "../../store/store.ts";
import type { Client } from "../client.ts";
import { ABSENT } from "../endpoint.ts";
import { resolveManifest } from "../manifests.ts";
import { firstTags, readTags, TAGS_PAGE } from "../tags.ts";

/** Repositories whose tags are kept in mind: the next images are mostly of the same ones. */
const MOST_KNOWN = 256;

export interface TagFinder {
  /** Those of the tags that are there, with what they stand for. */
  find(path: string, tags: readonly string[], options?: Call): Promise<ReadonlyMap<string, Descriptor>>;
  /** A tag of this repository was written: what was listed is no longer so. */
  forget(path: string): void;
}

/**
 * A finder for the repositories of a registry. The first look at a repository lists its tags; where that is one page, nothing
 * is asked for what is not in it from then on. Where it is more, or not allowed, each tag is asked for by HEAD.
 */
export function createTagFinder(client: Client): TagFinder {
  const known = new Map<string, ReadonlySet<string> | undefined>();
  const inTurn = createTurns<string>();
  async function listed(path: string, options: Call): Promise<ReadonlySet<string> | undefined> {
    if (!known.has(path))
      await inTurn(path, options.signal, async () => {
        if (!known.has(path)) remember(path, await firstPage(client, path, options));
      });
    return known.get(path);
  }
  function remember(path: string, tags: ReadonlySet<string> | undefined): void {
    known.set(path, tags);
    if (known.size > MOST_KNOWN) known.delete(known.keys().next().value!);
  }
  return {
    async find(path, tags, options = {}) {
      const all = await listed(path, options);
      const candidates = all ? tags.filter((tag) => all.has(tag)) : tags;
      const found = await Promise.all(
        candidates.map((tag) => resolveManifest(client, path, tag, { ...options, hasty: all === undefined })),
      );
      return new Map(candidates.flatMap((tag, at) => (found[at] ? [[tag, found[at]] as const] : [])));
    },
    forget: (path) => void known.delete(path),
  };
}

/** All tags where they are so few; undefined where there are more, or nobody tells. Only those that name a digest are kept. */
async function firstPage(client: Client, path: string, options: Call): Promise<ReadonlySet<string> | undefined> {
  const { response, tags } = await readTags(client, path, firstTags(path), ABSENT, options);
  if (!response.ok || response.headers.has("link")) return undefined;
  // A page that is just full may be cut without a word; an empty one is no list of a repository that was read from.
  if (!tags || tags.length === 0 || tags.length === TAGS_PAGE) return undefined;
  return new Set(tags.filter((tag): tag is string => typeof tag === "string" && isTag(tag) && /^sha\d+-/.test(tag)));
}
