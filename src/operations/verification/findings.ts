/** What is wrong with an archive or folder, and with which images because of it: in a report that has a bound. */
import type { Flaw } from "../../archive/inspect.ts";
import { partAt, type Volume } from "../../archive/volume.ts";
import { LIST_FILE } from "../../layout/hangar.ts";
import { type Digest, digestOfPath } from "../../oci/digest.ts";
import type { Held } from "../inventory.ts";

/** Flaws, blobs that are not there, and images that cannot be read: of each as many are told one by one. */
export const MOST_TOLD = 1_000;

/** Images that are named with one finding. */
export const MOST_NAMED = 100;

/** One thing that is wrong, or all that there is no room for. */
export interface Finding {
  /**
   * `part`: a file of the archive; `structure`: what stands around the content; `content`: bytes of an image; `image`: it
   * lacks something.
   */
  readonly kind: "part" | "structure" | "content" | "image";
  /** The file, and the byte in it where the damaged thing begins, where that is known. */
  readonly file?: string | undefined;
  readonly offset?: number | undefined;
  /** The entry of the archive. */
  readonly entry?: string | undefined;
  readonly digest?: Digest | undefined;
  /** The first 100 of the images that are not whole because of it. */
  readonly images: readonly string[];
  /** How many more images are not. */
  readonly moreImages?: number | undefined;
  readonly problem: string;
  /** How many things it stands for, where that is not one. */
  readonly count?: number | undefined;
}

/** An image as far as it matters here: there may be many. */
export interface HeldImage extends Pick<Held, "name" | "reference" | "contents"> {
  /** Why it is not whole, in one line. */
  readonly problem: string | undefined;
}

/** What images need and do not have, by digest: why, for those that are told. */
export type Lacking = ReadonlyMap<Digest, string>;

export interface Findings {
  /** One for each flaw in the order of the archive, and one for all that are beyond the first 1,000. */
  readonly flaws: readonly Finding[];
  /** What images lack beyond the flaws. */
  readonly others: readonly Finding[];
  /** The names of all images that are not whole, in the order of the list. */
  readonly damaged: readonly string[];
}

/** Images that need a damaged thing. */
interface Users {
  readonly images: string[];
  moreImages: number;
}

/** Whether a flaw is in the content of a digest, which a registry may have; else it is in what is around all content. */
export function isContent({ digest, path }: Pick<Flaw, "digest" | "path">): boolean {
  if (digest === undefined) return false;
  const hex = digest.slice(digest.indexOf(":") + 1);
  return path.endsWith(hex) && path.at(-hex.length - 1) === "/";
}

/** Whether a flaw is in the list of images. */
export function isList({ path }: Flaw): boolean {
  return path.endsWith(`/${LIST_FILE}`);
}

/** Looks at each image once, however many flaws there are. `volume` has the flaws. */
export function findingsOf(
  held: readonly HeldImage[],
  flaws: readonly Flaw[],
  lacking: Lacking,
  volume: Volume | undefined,
): Findings {
  const flawed = usersOfFlaws(flaws);
  const lacked = usersOfLacking(lacking);
  const unread = { told: [] as Finding[], rest: noUsers() };
  const damaged = new Set<string>();
  const everybody = flaws.some(isList) ? noUsers() : undefined;
  for (const one of held) {
    const { name, problem } = one;
    const needed = needsOf(one);
    const inFlaws = usersAmong(flawed.all, needed);
    const inLacking = usersAmong(lacked.all, needed);
    for (const users of [...inFlaws, ...inLacking]) add(users, name);
    if (everybody) add(everybody, name);
    const isUnread = problem !== undefined && inFlaws.size === 0 && !everybody;
    if (isUnread && unread.told.length >= MOST_TOLD) add(unread.rest, name);
    else if (isUnread) unread.told.push({ kind: "image", images: [name], problem });
    if (isUnread || everybody || inFlaws.size + inLacking.size > 0) damaged.add(name);
  }
  const usersOf = (flaw: Flaw): Users => (isList(flaw) ? everybody : flawed.all.get(flaw.digest ?? "")) ?? noUsers();
  return {
    flaws: [
      ...flaws.slice(0, MOST_TOLD).map((flaw) => flawFinding(flaw, usersOf(flaw), volume)),
      ...restOf("content", flaws.length - MOST_TOLD, "more are not as they were written", flawed.rest),
    ],
    others: [
      ...lacked.told.map(([digest, users]) =>
        finding({ kind: "content", digest, problem: lacking.get(digest)! }, users),
      ),
      ...restOf("image", lacking.size - MOST_TOLD, "more blobs of theirs are missing or wrong", lacked.rest),
      ...unread.told,
      ...restOf("image", countOf(unread.rest), "more images cannot be read", unread.rest),
    ],
    damaged: [...damaged],
  };
}

/** By digests, and by the paths of documents. All that are not told have the same users. */
function usersOfFlaws(flaws: readonly Flaw[]) {
  const all = new Map<string, Users>();
  const rest = noUsers();
  let told = 0;
  for (const flaw of flaws) {
    const { digest, path } = flaw;
    const isTold = told++ < MOST_TOLD;
    if (digest === undefined) continue;
    const users = all.get(digest) ?? (isTold ? noUsers() : rest);
    all.set(digest, users);
    if (!isContent(flaw)) all.set(path, users);
  }
  return { all, rest };
}

function usersOfLacking(lacking: Lacking) {
  const all = new Map<string, Users>();
  const told: (readonly [Digest, Users])[] = [];
  const rest = noUsers();
  for (const digest of lacking.keys()) {
    const users = told.length < MOST_TOLD ? noUsers() : rest;
    if (users !== rest) told.push([digest, users]);
    all.set(digest, users);
  }
  return { all, told, rest };
}

/** Each once: an image may need several things of the rest. */
function usersAmong(all: ReadonlyMap<string, Users>, needed: Iterable<string>): ReadonlySet<Users> {
  const found = new Set<Users>();
  if (all.size === 0) return found;
  for (const one of needed) {
    const users = all.get(one);
    if (users) found.add(users);
  }
  return found;
}

function* needsOf({ contents, reference, problem }: HeldImage): Generator<string> {
  if (contents) for (const { digest } of contents) yield digest;
  else {
    yield reference.root.digest;
    if (problem !== undefined) yield* namedIn(problem);
  }
}

/** Digests and paths that the message of an error names: of an image that cannot be read, they tell what stands in the way. */
export function* namedIn(message: string): Generator<string> {
  for (const [digest] of message.matchAll(/sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}/g)) yield digest;
  for (const [, path = ""] of message.matchAll(/"([^"]*)"/g)) {
    yield path;
    const digest = digestOfPath(path);
    if (digest) yield digest;
  }
}

function noUsers(): Users {
  return { images: [], moreImages: 0 };
}

function add(users: Users, name: string): void {
  if (users.images.length < MOST_NAMED) users.images.push(name);
  else users.moreImages++;
}

function countOf({ images, moreImages }: Users): number {
  return images.length + moreImages;
}

function flawFinding(flaw: Flaw, users: Users, volume: Volume | undefined): Finding {
  const part = volume && partAt(volume, flaw.offset);
  const { path: entry, digest, reason: problem } = flaw;
  const kind = isContent(flaw) ? "content" : "structure";
  return finding({ kind, file: part?.path, offset: part && flaw.offset - part.start, entry, digest, problem }, users);
}

function finding(one: Omit<Finding, "images">, { images, moreImages }: Users): Finding {
  return { ...one, images, ...(moreImages > 0 ? { moreImages } : {}) };
}

function restOf(kind: Finding["kind"], count: number, problem: string, users: Users): readonly Finding[] {
  return count > 0 ? [finding({ kind, problem: `${count} ${problem}`, count }, users)] : [];
}
