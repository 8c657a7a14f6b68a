/** Opens archives that Dray wrote, by the index at their end: nothing is unpacked, any range is read where it stands. */
import { AppError } from "../errors.ts";
import type { Call, Tree, TreeFile } from "../store/store.ts";
import type { Codec } from "./codec.ts";
import { codecFor } from "./codec-for.ts";
import { type Placed, parseIndex } from "./contents.ts";
import { documentContent, type Opened } from "./entry-content.ts";
import { mayStand, refusedEntry } from "./entry-names.ts";
import { corrupt, type Footer, footerLength, parseFooter } from "./footer.ts";
import { type Format, SNIFFED, sniffFormat } from "./format.ts";
import { indexContent } from "./index-entry.ts";
import { findParts } from "./parts.ts";
import { firstParts, openVolume, placeOf, type Volume, type VolumeOptions } from "./volume.ts";

export interface Archive extends Tree {
  readonly format: Format;
  /** Everything that the archive holds, in its order: directories, links, and what a later entry of the same path replaced. */
  readonly entries: readonly Placed[];
  /** Where the index is. */
  readonly footer: Footer;
  /** What the entries are read from. Disposed with the archive. */
  readonly opened: Opened;
}

export interface OpenOptions extends Call, VolumeOptions {
  /** Hears of parts that lie there and are not of this archive. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Opens an archive for readers of any number and order, and holds it open until it is disposed. `paths` are its own, those
 * of any of its parts, or of its parts in several folders. Of what was amended at its end the last is seen; links and
 * directories are not files. Content is checked for its length and framing, not against digests. Throws NOT_FOUND,
 * STORAGE; UNSUPPORTED where it is no archive; and INTEGRITY, also from the streams of its files, where it is corrupt or cut
 * short.
 */
export async function openArchive(paths: string | readonly string[], options: OpenOptions = {}): Promise<Archive> {
  const found = await findParts(typeof paths === "string" ? [paths] : paths, options);
  return archiveIn(await openVolume(found.paths, found.name, options), options);
}

/** The same of a volume, which it owns from now on, also where it throws. */
export async function archiveIn(volume: Volume, options: OpenOptions = {}): Promise<Archive> {
  try {
    return await readArchive(await withoutStale(volume, options), options);
  } catch (error) {
    await volume[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * The volume up to the part that the archive ends in: a shorter archive may have been written over the parts of a longer one
 * by hand. Throws INTEGRITY for a part that has not the size of the others.
 */
export async function withoutStale(volume: Volume, { onWarning, ...call }: OpenOptions): Promise<Volume> {
  const { parts } = volume;
  for (let count = parts.length; count > 1; count--) {
    const shorter = firstParts(volume, count);
    if (!(await findFooter(shorter, call))) continue;
    checkSizes(shorter);
    if (count < parts.length)
      onWarning?.(
        `"${volume.name}" ends in part ${count - 1}: what lies behind it is of another archive, and is not read`,
      );
    return shorter;
  }
  checkSizes(volume);
  return volume;
}

/** Throws INTEGRITY for a part that has not the size of the others. */
export function checkSizes({ parts }: Volume): void {
  const [first] = parts;
  for (const [index, { path, size }] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (isLast ? size <= first!.size : size === first!.size) continue;
    throw corrupt(path, `it has ${size} bytes, and the first part has ${first!.size}`);
  }
}

async function readArchive(volume: Volume, options: Call): Promise<Archive> {
  const { codec, entries, footer } = await readContents(volume, options);
  const placed = new Map<string, Placed>();
  for (const entry of entries) {
    const { path, type } = entry;
    if (!mayStand(path, type, placed.get(path)?.type)) throw refusedEntry(volume.name, path, "it is there twice");
    placed.set(path, entry);
  }
  const files = new Map([...placed].filter(([, { type }]) => type === "file"));
  return {
    format: codec.format,
    entries,
    footer,
    opened: { volume, codec },
    paths: () => files.keys(),
    file: (path) => treeFile({ volume, codec }, files.get(path)),
    [Symbol.asyncDispose]: () => volume[Symbol.asyncDispose](),
  };
}

export async function readContents(volume: Volume, options: Call) {
  const { name } = volume;
  const found = await findFooter(volume, options);
  if (!found)
    throw new AppError("INTEGRITY", `Cannot open "${name}": it has no Dray index at its end`, {
      hint: "it was cut short on its way, its last part is missing, or another tool wrote it",
    });
  const { codec, footer } = found;
  const index = indexContent({ volume, codec }, footer, options);
  return { codec, footer, entries: await parseIndex(codec, index, footer, name) };
}

/** The footer at the end of the volume; undefined where there is none. Throws UNSUPPORTED for what is no archive at all. */
async function findFooter(volume: Volume, options: Call): Promise<{ codec: Codec; footer: Footer } | undefined> {
  const { name, size } = volume;
  const format = sniffFormat(await volume.read(0, Math.min(SNIFFED, size), options));
  if (!format) throw new AppError("UNSUPPORTED", `Cannot open "${name}": it is no gzip, zstd or tar file`);
  const codec = codecFor(format);
  const from = size - footerLength(codec);
  const footer = from < 0 ? undefined : parseFooter(codec, await volume.read(from, size, options), size, name);
  return footer && { codec, footer };
}

function treeFile(archive: Opened, entry: Placed | undefined): TreeFile | undefined {
  if (!entry) return undefined;
  const { offset, length, size } = entry;
  return {
    size,
    where: () => placeOf(archive.volume, offset, offset + length),
    open: (options) => documentContent(archive, entry, options),
  };
}
