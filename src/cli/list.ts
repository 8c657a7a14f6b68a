/** From the text of a list to the images that a run is about. */
import { AppError } from "../errors.ts";
import type { Parsed } from "../lists/lines.ts";
import { imagesOf } from "../operations/stored.ts";
import type { Call, Store } from "../store/store.ts";
import type { Listed } from "./report.ts";

/** A line that was understood, with the number that the log calls it by. */
export interface Numbered<T> {
  readonly listed: Listed;
  readonly value: T;
}

export interface NumberedList<T> {
  readonly listed: readonly Listed[];
  readonly valid: readonly Numbered<T>[];
}

export interface NumberOptions<T> {
  /** What messages call it. Of lines with the same name, the first counts; also of those that are refused. */
  readonly nameOf: (value: T) => string;
  /** What can be there once only: a second one of another name is an error. Default: its name. */
  readonly keyOf?: (value: T) => string;
}

/** Numbers the lines. Throws USAGE for a list without any: a pipe that broke must not look like success. */
export function numberLines<T>(
  parsed: readonly Parsed<T>[],
  source: string,
  { nameOf, keyOf = nameOf }: NumberOptions<T>,
): NumberedList<T> {
  if (parsed.length === 0)
    throw new AppError("USAGE", `Cannot find an image in ${source}: the list is empty`, {
      hint: "give a list with -f FILE, or pipe one in",
    });
  const names = new Map<string, string>();
  const refused = new Set<string>();
  const listed: Listed[] = [];
  const valid: Numbered<T>[] = [];
  function refuse(image: Listed): void {
    if (!refused.has(image.image.name)) listed.push(image);
    refused.add(image.image.name);
  }
  for (const [index, one] of parsed.entries()) {
    const id = index + 1;
    const line = one.line.text;
    if ("error" in one) {
      refuse({ image: { id, name: line }, line, error: one.error });
      continue;
    }
    const name = nameOf(one.value);
    const known = names.get(keyOf(one.value));
    if (known === name) continue;
    const image: Listed = { image: { id, name }, line };
    if (known !== undefined) {
      const error = new AppError("USAGE", `Cannot take "${name}": the list has "${known}" under the same name`);
      refuse({ ...image, error });
      continue;
    }
    names.set(keyOf(one.value), name);
    listed.push(image);
    valid.push({ listed: image, value: one.value });
  }
  return { listed, valid };
}

/** What a store has, as if a list had named it. Throws USAGE where that is nothing. */
export async function listStore(store: Store, call: Call): Promise<readonly Listed[]> {
  const listed = (await imagesOf(store, call)).map(({ name }) => ({ image: name, line: name.name }));
  if (listed.length === 0) throw new AppError("USAGE", "Cannot go on: there is no image in it");
  return listed;
}
