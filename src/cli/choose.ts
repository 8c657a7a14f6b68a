/** The images of a store that the user means: those of a list, of patterns, or all. */
import { AppError } from "../errors.ts";
import { formatTagged } from "../oci/reference.ts";
import { type Choice, choiceOf, chosenIn } from "../operations/chosen.ts";
import { imagesOf, type StoredImage } from "../operations/stored.ts";
import type { Call, Store } from "../store/store.ts";
import { findLines } from "./find-lines.ts";
import { readList } from "./input.ts";
import { listStore } from "./list.ts";
import type { Listed } from "./report.ts";
import { numberImages } from "./wanted.ts";

export interface ChoiceFlags {
  /** A list of images. */
  readonly file?: string | undefined;
  /** Patterns, each may be several with commas between. */
  readonly only: readonly string[];
}

export interface Chosen {
  /** The store without its other images. */
  readonly store: Store;
  /** Its images; then the patterns and the lines of the list that it has nothing for, which count as failed. */
  readonly listed: readonly Listed[];
}

/** Throws USAGE where no pattern has an image, for a list without lines, and where both together mean nothing. */
export async function chooseImages(store: Store, { file, only }: ChoiceFlags, call: Call): Promise<Chosen> {
  const patterns = [...new Set(only.flatMap((one) => one.split(",")).filter((one) => one !== ""))];
  if (file === undefined && patterns.length === 0) return { store, listed: await listStore(store, call) };
  const images = await imagesOf(store, call);
  const vain = patterns.filter((pattern) => !images.some(choiceOf([pattern])));
  if (patterns.length > 0 && vain.length === patterns.length) throw notFound(patterns, images);
  const isMeant: Choice = patterns.length === 0 ? () => true : choiceOf(patterns);
  const found =
    file === undefined ? undefined : findLines(numberImages(await readList(file, call), undefined), images, isMeant);
  const lines = found?.lines ?? new Map(images.filter(isMeant).map(({ name }) => [name.name, name.name]));
  const chosen = chosenIn(store, ({ path, tag, root }) => lines.has(formatTagged(path, tag, root.digest)));
  const listed = (await imagesOf(chosen, call)).map(({ name }) => ({ image: name, line: lines.get(name.name)! }));
  const absent = [...vain.map((pattern) => unmatched(pattern, images)), ...(found?.absent ?? [])];
  if (listed.length + absent.length === 0)
    throw new AppError("USAGE", `Cannot find an image of the list that is called "${patterns.join('", "')}"`);
  return { store: chosen, listed: [...listed, ...absent.map((one, at) => numbered(one, listed.length + at + 1))] };
}

function numbered({ image: { name }, ...one }: Listed, id: number): Listed {
  return { ...one, image: { id, name } };
}

function notFound(patterns: readonly string[], images: readonly StoredImage[]): AppError {
  return new AppError("USAGE", `Cannot find an image that is called "${patterns.join('", "')}"`, {
    hint: hintFor(patterns, images) ?? "dray ls tells the names; * stands for any characters, also slashes",
  });
}

function unmatched(pattern: string, images: readonly StoredImage[]): Listed {
  const error = new AppError("NOT_FOUND", `Cannot find "${pattern}": no image in the archive is called so`, {
    hint: hintFor([pattern], images),
  });
  return { image: { id: 0, name: pattern }, line: pattern, error };
}

function hintFor(patterns: readonly string[], images: readonly StoredImage[]): string | undefined {
  const untagged = patterns.find((one) => images.some(choiceOf([`${one}:*`])));
  return untagged === undefined ? undefined : `"${untagged}:*" takes all of its tags`;
}
