/** Who refers to a manifest, wherever a registry keeps that: its own list, the fallback tag, or both. OCI distribution-spec v1.1 "Listing Referrers". */
import { createTurns } from "../../bytes/turns.ts";
import { AppError } from "../../errors.ts";
import { type Descriptor, isIndex } from "../../oci/descriptor.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { OCI_INDEX } from "../../oci/media-types.ts";
import { fallbackTag, referralOf, withReferrer } from "../../oci/referrer.ts";
import { contentOf, inMemory, MANIFEST_LIMIT, readAll } from "../../store/read.ts";
import type { Call, Content } from "../../store/store.ts";
import type { Client } from "../client.ts";
import { download } from "../download.ts";
import { putManifest, resolveManifest } from "../manifests.ts";
import { askReferrers } from "./referrers-endpoint.ts";
import { createTagFinder, type TagFinder } from "./tag-finder.ts";

/** Milliseconds for which a registry is believed to have no list of its own. */
const MEMORY = 300_000;
/** Writes of one fallback list; another is needed when somebody else wrote at the same time. */
const WRITES = 3;

/** What the repositories of one registry share. */
export interface Referrers {
  /** Those of `subject`, distinct: from the registry's list and the fallback tag, since registries that got the one keep the other. */
  list(path: string, subject: Digest, options?: Call): Promise<readonly Descriptor[]>;
  /**
   * Puts a manifest under a tag or its digest. Where it has a subject and the registry keeps no list, it is entered into the
   * fallback tag's; one writer for each subject. Idempotent. Throws NETWORK where others overwrite the list again and again.
   */
  put(path: string, name: string, manifest: Content, options?: Call): Promise<void>;
  /** Those of the tags that are there, with what they stand for. */
  readonly find: TagFinder["find"];
}

/** Nothing is known of the registry yet. No I/O. */
export function createReferrers(client: Client): Referrers {
  const finder = createTagFinder(client);
  const ask = createAsking(client);
  const inTurn = createTurns<string>();
  return {
    async list(path, subject, options = {}) {
      const tag = fallbackTag(subject);
      const [own, tags] = await Promise.all([ask(path, subject, options), finder.find(path, [tag], options)]);
      const root = tags.get(tag);
      const kept = root && isIndex(root) ? await childrenOf(root, contentAt(client, path, root), options) : [];
      return [...new Map([...kept, ...own].map((one) => [one.digest, one])).values()];
    },
    async put(path, name, manifest, options = {}) {
      const { descriptor } = manifest;
      // Once: it may come from a registry that counts.
      const bytes = await readAll(manifest, MANIFEST_LIMIT, options);
      const answer = await putManifest(client, path, name, inMemory(descriptor, bytes), options);
      if (!isDigest(name)) finder.forget(path);
      if (answer.has("oci-subject")) return;
      const referral = referralOf(descriptor, bytes);
      if (!referral) return;
      const { subject, referrer } = referral;
      await inTurn(`${path}@${subject}`, options.signal, () => enter(client, path, subject, referrer, options));
      finder.forget(path);
    },
    find: finder.find,
  };
}

/** Asks the registry for its own list: none of its referrers where it has no such thing. */
function createAsking(client: Client) {
  /** Places (the first part of a path: a project, a proxied registry) that have the endpoint, or until when they are not asked. */
  const places = new Map<string, number>();
  const inTurn = createTurns<string>();
  async function ask(path: string, subject: Digest, options: Call): Promise<readonly Descriptor[]> {
    const place = path.split("/", 1)[0]!;
    const listed = await askReferrers(client, path, subject, options);
    if ("referrers" in listed) places.set(place, 0);
    // Who may not, may not here: that says nothing of the neighbours.
    else if (listed.refused !== 401 && listed.refused !== 403 && places.get(place) !== 0)
      places.set(place, Date.now() + MEMORY);
    return "referrers" in listed ? listed.referrers : [];
  }
  return async function asking(path: string, subject: Digest, options: Call): Promise<readonly Descriptor[]> {
    const place = path.split("/", 1)[0]!;
    if ((places.get(place) ?? 0) > Date.now()) return [];
    if (places.get(place) === 0) return ask(path, subject, options);
    // The first one finds out for those who come at the same time.
    let found: readonly Descriptor[] | undefined;
    await inTurn(place, options.signal, async () => {
      if (!places.has(place) || isOver(places.get(place)!)) found = await ask(path, subject, options);
    });
    return found ?? asking(path, subject, options);
  };
}

function isOver(until: number): boolean {
  return until !== 0 && until <= Date.now();
}

/** Enters a referrer into the list under the fallback tag, and looks whether it stayed there. */
async function enter(
  client: Client,
  path: string,
  subject: Digest,
  referrer: Descriptor,
  options: Call,
): Promise<void> {
  const tag = fallbackTag(subject);
  const what = `Cannot add "${referrer.digest}" to the list "${client.host}/${path}:${tag}"`;
  let written: Digest | undefined;
  for (let writes = 0; ; writes++) {
    const root = await resolveManifest(client, path, tag, options);
    if (root && root.digest === written) return;
    if (root && root.mediaType !== OCI_INDEX)
      throw new AppError("UNSUPPORTED", `${what}: something else has that tag`, {
        hint: "remove the tag, or leave referrers out with --no-referrers",
      });
    const before = root && (await readAll(contentAt(client, path, root), MANIFEST_LIMIT, options));
    const after = withReferrer(before, referrer);
    if (!after) return;
    if (writes === WRITES) throw new AppError("NETWORK", `${what}: others write it at the same time`);
    const list = contentOf(OCI_INDEX, after);
    written = list.descriptor.digest;
    await putManifest(client, path, tag, list, options);
  }
}

function contentAt(client: Client, path: string, descriptor: Descriptor): Content {
  return { descriptor, open: (options) => download(client, path, descriptor, options) };
}

async function childrenOf(root: Descriptor, content: Content, options: Call): Promise<readonly Descriptor[]> {
  const view = parseManifest(root, await readAll(content, MANIFEST_LIMIT, options));
  return view.kind === "index" ? view.children : [];
}
