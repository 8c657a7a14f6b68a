/** The images of an archive that the lines of a list mean, also where it was saved from a mirror. */
import { AppError } from "../errors.ts";
import { formatName, parseName, type Reference } from "../oci/reference.ts";
import type { Choice } from "../operations/chosen.ts";
import type { StoredImage } from "../operations/stored.ts";
import type { NumberedList } from "./list.ts";
import type { Listed } from "./report.ts";

export interface FoundLines {
  /** What the user wrote, by the name of the image that it means. */
  readonly lines: ReadonlyMap<string, string>;
  /** Lines that mean none, with the reason. */
  readonly absent: readonly Listed[];
}

/** Images that a message names. */
const MOST_NAMED = 3;

/**
 * A line means the image of its whole name. Where there is none, it means what `--source` makes of that: the only image of this
 * repository and tag, at whatever registry, that no other line has named in full. What `isMeant` refuses is left out, image or
 * line.
 */
export function findLines(
  { listed, valid }: NumberedList<Reference>,
  images: readonly StoredImage[],
  isMeant: Choice,
): FoundLines {
  const lines = new Map<string, string>();
  const errors = new Map(listed.map((one) => [one, one.error]));
  const take = ({ line }: Listed, found: readonly StoredImage[]): void => {
    for (const one of found) if (isMeant(one) && !lines.has(one.name.name)) lines.set(one.name.name, line);
  };
  const byName = indexOf(images, ({ path }) => path);
  const byRepository = indexOf(images, ({ path }) => parseName(path).repository);
  const named = new Set<StoredImage>();
  const missing = valid.filter(({ listed, value }) => {
    const found = byName.get(`${formatName(value)}${versionOf(value)}`) ?? [];
    for (const one of found) named.add(one);
    take(listed, found);
    return found.length === 0;
  });
  for (const { listed, value } of missing) {
    const key = `${value.repository}${versionOf(value)}`;
    const same = (byRepository.get(key) ?? []).filter((one) => !named.has(one));
    if (new Set(same.map(({ path }) => path)).size === 1) take(listed, same);
    else if (isMeant(imageOf(value)))
      errors.set(listed, absent(listed, same.length > 0 ? same : below(key, byRepository)));
  }
  return { lines, absent: listed.flatMap((one) => (errors.get(one) ? [{ ...one, error: errors.get(one) }] : [])) };
}

type Index = ReadonlyMap<string, readonly StoredImage[]>;

/** Images by their place, with their tag and with their digest. */
function indexOf(images: readonly StoredImage[], placeOf: (image: StoredImage) => string): Index {
  const index = new Map<string, StoredImage[]>();
  for (const one of images)
    for (const version of one.tag === undefined ? [`@${one.root.digest}`] : [`:${one.tag}`, `@${one.root.digest}`]) {
      const key = `${placeOf(one)}${version}`;
      const known = index.get(key);
      if (known) known.push(one);
      else index.set(key, [one]);
    }
  return index;
}

/** A digest fetches where there is one; a tag beside it is a name. */
function versionOf({ tag, digest }: Reference): string {
  return digest === undefined ? `:${tag}` : `@${digest}`;
}

/** What is called so below a path of another registry. */
function below(key: string, byRepository: Index): readonly StoredImage[] {
  return [...byRepository].flatMap(([known, images]) => (known.endsWith(`/${key}`) ? images : []));
}

/** As a store would have it. */
function imageOf(reference: Reference): Parameters<Choice>[0] {
  const { tag, digest = `sha256:${"0".repeat(64)}` } = reference;
  return { path: formatName(reference), tag, root: { mediaType: "", digest, size: 0 } };
}

function absent({ image: { name } }: Listed, others: readonly StoredImage[]): AppError {
  const names = others.slice(0, MOST_NAMED).map((one) => `"${one.name.name}"`);
  const hint = names.length > 0 ? `the archive calls it ${names.join(" or ")}` : undefined;
  return new AppError("NOT_FOUND", `Cannot find "${name}": it is not in the archive`, { hint });
}
