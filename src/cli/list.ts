/** From the text of a list to the images that a run is about. */
import { AppError } from "../errors.ts";
import type { Parsed } from "../lists/lines.ts";
import { formatTagged } from "../oci/reference.ts";
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
  /** What messages call it. Of lines with the same name, the first counts. */
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
  const listed: Listed[] = [];
  const valid: Numbered<T>[] = [];
  for (const [index, one] of parsed.entries()) {
    const id = index + 1;
    if ("error" in one) {
      listed.push({ image: { id, name: one.line.text }, line: one.line.text, error: one.error });
      continue;
    }
    const name = nameOf(one.value);
    const known = names.get(keyOf(one.value));
    if (known === name) continue;
    names.set(keyOf(one.value), name);
    const image: Listed = { image: { id, name }, line: one.line.text };
    if (known !== undefined) {
      const error = new AppError("USAGE", `Cannot take "${name}": the list has "${known}" under the same name`);
      listed.push({ ...image, error });
      continue;
    }
    listed.push(image);
    valid.push({ listed: image, value: one.value });
  }
  return { listed, valid };
}

/** What a store has, as if a list had named it. Throws USAGE where that is nothing. */
export async function listStore(store: Store, options: Call): Promise<readonly Listed[]> {
  const listed: Listed[] = [];
  for await (const { path, tag, root } of store.references(options)) {
    const name = formatTagged(path, tag, root.digest);
    listed.push({ image: { id: listed.length + 1, name }, line: name });
  }
  if (listed.length === 0) throw new AppError("USAGE", "Cannot go on: there is no image in it");
  return listed;
}
