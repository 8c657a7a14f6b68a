/** The mirror list: `SOURCE DESTINATION TAG`, or `NAME:TAG`, a line. */
import { AppError } from "../errors.ts";
import { parseName, parseReference, type Reference, type RegistryPrefix } from "../oci/reference.ts";
import { moved } from "./image-list.ts";
import { type Parsed, parseLines } from "./lines.ts";

/** Where an image is, and where it goes. */
export interface Relocation {
  readonly source: Reference;
  readonly destination: Reference;
}

/**
 * Parses a mirror list: `SOURCE DESTINATION TAG`, or `NAME:TAG` for an image that keeps its name. `from` and `to` take the
 * place of the registries that the lines name; without `to` a destination without a registry is on Docker Hub. Throws USAGE
 * where `to` is what all lines lack.
 */
export function parseMirrorList(
  text: string,
  source: string,
  { from, to }: { from?: RegistryPrefix | undefined; to?: RegistryPrefix | undefined },
): readonly Parsed<Relocation>[] {
  const parsed = parseLines(text, source, (line) => {
    const fields = line.split(/\s+/);
    if (fields.length === 3) return relocated(fields as [string, string, string], from, to);
    if (fields.length !== 1)
      throw new AppError("USAGE", `Cannot understand "${line}": it has ${fields.length} fields`, {
        hint: "expected SOURCE DESTINATION TAG, or NAME:TAG",
      });
    const reference = parseReference(line);
    if (to === undefined) throw homeless(`"${line}"`, "it names no destination");
    return { source: moved(reference, from), destination: moved(reference, to) };
  });
  const isNowhere = to === undefined && parsed.length > 0 && parsed.every(({ line }) => !/\s/.test(line.text));
  if (isNowhere) throw homeless(`the images of ${source}`, "no line names a destination");
  return parsed;
}

function homeless(what: string, reason: string): AppError {
  return new AppError("USAGE", `Cannot mirror ${what}: ${reason}`, {
    hint: "give the destination registry with -d, or write SOURCE DESTINATION TAG",
  });
}

function relocated(
  [name, target, tag]: readonly [string, string, string],
  from: RegistryPrefix | undefined,
  to: RegistryPrefix | undefined,
): Relocation {
  const source = parseReference(name);
  const pinned = source.digest !== undefined || /:[^/]*$/.test(name);
  const { registry, repository } = parseName(target);
  const named = parseReference(`${registry}/${repository}:${tag}`);
  return {
    source: moved(pinned ? source : { ...source, tag }, from),
    destination: moved(named, to),
  };
}
