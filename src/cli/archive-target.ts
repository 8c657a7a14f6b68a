/** What save and compress write, from their flags. */
import { existsSync, lstatSync, readlinkSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { partsBeside } from "../archive/parts.ts";
import { parseSize } from "../bytes/size.ts";
import { AppError } from "../errors.ts";
import type { ArchiveTarget } from "../operations/archive-target.ts";
import { nameArchive } from "./archive-name.ts";

/** The flags as they were given. */
export interface ArchiveFlags {
  readonly destination?: string | undefined;
  readonly compress?: string | undefined;
  readonly layout: string;
  readonly level?: string | undefined;
  readonly part: boolean;
  readonly "part-size"?: string | undefined;
  readonly checksum: boolean;
}

/** A folder that takes the place of an archive. */
export interface FolderTarget {
  readonly path: string;
  readonly format: "dir";
}

/** Standard output, as far as it matters here. */
type Stdout = NonNullable<ArchiveTarget["stream"]> & { readonly isTTY?: boolean };

const LEVELS = { gzip: 9, zstd: 22 } as const;
const PART_SIZE = "2G";
/** A part is a file that is open while the archive is written, and thousands of them nobody can carry. */
const LEAST_PART_SIZE: number = 64 << 10;

/** Of `-d -`. */
const STDOUT = "standard output";

/**
 * Where the name is that of a link, the file that it leads to is meant. Throws USAGE for what does not exist, for what is
 * there and no file, and for flags that do not go together.
 */
export function parseTarget(
  flags: ArchiveFlags,
  onWarning: (message: string) => void,
  stdout: Stdout = process.stdout,
): ArchiveTarget | FolderTarget {
  const { destination, compress, checksum } = flags;
  const isStream = destination === "-";
  const layout = parseLayout(flags.layout);
  // Of the programs that read OCI layouts in a tar, some take it uncompressed only.
  const named = nameArchive(isStream ? undefined : destination, compress, layout === "oci" ? "tar" : "gzip");
  const { format, warning } = named;
  if (warning !== undefined) onWarning(warning);
  const partSize = parsePartSize(flags);
  if (isStream) requireStream(format, partSize !== undefined || checksum, stdout);
  if (format !== "dir") {
    const level = parseLevel(flags.level, format);
    const stream = isStream ? stdout : undefined;
    if (!stream) requireFile(named.path, destination);
    const path = stream ? STDOUT : behindLinks(named.path);
    return { path, stream, format, level, layout, partSize, checksum: checksum || undefined };
  }
  const useless = [
    ["--part", partSize !== undefined],
    ["--checksum", checksum],
    ["--level", flags.level !== undefined],
    ["--layout oci", layout === "oci"],
  ] as const;
  for (const [flag, isGiven] of useless)
    if (isGiven) throw new AppError("USAGE", `Cannot use ${flag} with "-c dir": a folder is no archive`);
  return { path: named.path, format };
}

/** Throws USAGE where a folder is in the way, or a device or a pipe is what the user has written: nothing may take its place. */
function requireFile(path: string, destination: string = path): void {
  if (statOf(path)?.isDirectory())
    throw new AppError("USAGE", `Cannot write "${path}": that is a folder`, {
      hint: "give a file name, or -c dir for a folder",
    });
  const there = statOf(destination);
  if (there && !there.isFile() && !there.isDirectory())
    throw new AppError("USAGE", `Cannot write "${destination}": it is no regular file`, {
      hint: "-d - writes to standard output",
    });
}

/** What the system refuses to tell, whoever writes hears of. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Where a file of that name is or would be. */
function behindLinks(path: string): string {
  try {
    if (!lstatSync(path).isSymbolicLink()) return path;
    return existsSync(path)
      ? realpathSync(path)
      : behindLinks(resolve(realpathSync(dirname(path)), readlinkSync(path)));
  } catch {
    return path;
  }
}

/** What is said about an archive of so many bytes. */
export function describeTarget({ path, partSize }: ArchiveTarget, bytes: number): string {
  const parts = partSize === undefined ? undefined : Math.ceil(bytes / partSize);
  if (parts === undefined) return `wrote ${path}`;
  return parts === 1 ? `wrote ${path}.part0` : `wrote ${path}.part0 to .part${parts - 1}`;
}

/** What is said where no archive, or no folder, was written. An earlier one of that name must not pass for this run's. */
export async function describeMissing(target: ArchiveTarget | FolderTarget): Promise<string> {
  const { path } = target;
  const nothing = target.format === "dir" ? "no folder was written" : "no archive was written";
  if (target.format !== "dir" && target.stream) return nothing;
  const isThere = existsSync(path) || (await partsBeside(path)).size > 0;
  return isThere ? `${nothing}; ${path} is that of an earlier run` : nothing;
}

function requireStream(format: string, isBeside: boolean, stdout: Stdout): void {
  const refused = (reason: string, hint: string): AppError =>
    new AppError("USAGE", `Cannot write to ${STDOUT}: ${reason}`, { hint });
  if (format === "dir") throw refused("a folder cannot go there", "choose gzip, zstd or tar");
  if (isBeside) throw refused("parts and checksums are files", "write to a file, or split the stream behind the pipe");
  if (stdout.isTTY) throw refused("it is a terminal", "name a file with -d, or redirect it");
}

function parseLayout(text: string): "hangar" | "oci" {
  if (text === "hangar" || text === "oci") return text;
  throw new AppError("USAGE", `Cannot write layout "${text}": there is no such one`, { hint: "hangar or oci" });
}

/** Undefined where nothing is split: 0 means that, as it does to Hangar. */
function parsePartSize({ part, "part-size": text }: ArchiveFlags): number | undefined {
  if (!part && text === undefined) return undefined;
  const size = parseSize(text ?? PART_SIZE);
  if (size === undefined)
    throw new AppError("USAGE", `Cannot use "${text}" as --part-size: it is no size`, {
      hint: "a number of bytes, or one like 700M, 1.5G or 2GiB; 0 does not split",
    });
  if (size > 0 && size < LEAST_PART_SIZE)
    throw new AppError("USAGE", `Cannot use "${text}" as --part-size: a part has 64K at least`);
  return size === 0 ? undefined : size;
}

function parseLevel(text: string | undefined, format: "gzip" | "zstd" | "tar"): number | undefined {
  if (text === undefined) return undefined;
  if (format === "tar") throw new AppError("USAGE", "Cannot use --level: plain tar is not compressed");
  const level = Number(text);
  if (/^\d{1,2}$/.test(text) && level >= 1 && level <= LEVELS[format]) return level;
  throw new AppError("USAGE", `Cannot use "${text}" as --level: it is not a whole number from 1 to ${LEVELS[format]}`);
}
