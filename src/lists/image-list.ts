/** The image list of save and sync: one reference a line. */
import { AppError } from "../errors.ts";
import { parseReference, type Reference, type RegistryPrefix, underPrefix } from "../oci/reference.ts";
import { type Parsed, parseLines } from "./lines.ts";

/** Parses an image list. `source` names it in messages; `from` takes the place of every registry that the list names. */
export function parseImageList(text: string, source: string, from?: RegistryPrefix): readonly Parsed<Reference>[] {
  return parseLines(text, source, (line) => moved(parseImage(line), from));
}

function parseImage(line: string): Reference {
  if (/\s/.test(line))
    throw new AppError("USAGE", `Cannot understand image "${line}": there is a space in it`, {
      hint: "one image a line; lines of SOURCE DESTINATION TAG are for dray mirror",
    });
  return parseReference(line);
}

/** The same image at another registry. */
export function moved(reference: Reference, to: RegistryPrefix | undefined): Reference {
  if (to === undefined) return reference;
  return { ...reference, registry: to.registry, repository: underPrefix(to, reference.repository) };
}
