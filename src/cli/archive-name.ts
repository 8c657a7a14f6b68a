/** The name and the format of what save and compress write. */
import type { Format } from "../archive/format.ts";
import { AppError } from "../errors.ts";

export interface ArchiveName {
  readonly path: string;
  readonly format: Format | "dir";
  /** What the name promises and the file will not keep. */
  readonly warning?: string;
}

const SUFFIXES: readonly (readonly [suffix: string, format: Format])[] = [
  [".tar.gz", "gzip"],
  [".tgz", "gzip"],
  [".tar.zst", "zstd"],
  [".tar.zstd", "zstd"],
  [".tar", "tar"],
];
/** Of what is never written. */
const FOREIGN = /\.(?:zip|7z|rar|jar|(?:tar\.)?(?:xz|bz2|lz4?|lzma|Z|br)|txz|tbz2?)$/i;

const DEFAULTS = {
  gzip: "saved-images.tar.gz",
  zstd: "saved-images.tar.zstd",
  tar: "saved-images.tar",
  dir: "saved-images",
} as const;

/**
 * `--compress` decides, else the suffix of the destination, else `otherwise`. A destination without a dot gets the suffix;
 * a folder is never guessed. Throws USAGE for a format that does not exist.
 */
export function nameArchive(
  destination: string | undefined,
  compress: string | undefined,
  otherwise: Format = "gzip",
): ArchiveName {
  if (compress !== undefined && !Object.hasOwn(DEFAULTS, compress))
    throw new AppError("USAGE", `Cannot compress with "${compress}": there is no such format`, {
      hint: "gzip, zstd, tar or dir",
    });
  const guessed = SUFFIXES.find(([suffix]) => destination?.endsWith(suffix))?.[1];
  const format = (compress as ArchiveName["format"] | undefined) ?? guessed ?? otherwise;
  if (destination === undefined || destination === "") return { path: DEFAULTS[format], format };
  if (format === "dir") return { path: destination.replace(/(?<=.)\/+$/, ""), format };
  if (destination.endsWith("/"))
    throw new AppError("USAGE", `Cannot write "${destination}": that is a folder`, {
      hint: "give a file name, or -c dir for a folder",
    });
  const proper = DEFAULTS[format].slice(DEFAULTS[format].indexOf("."));
  const path = destination + (destination.includes(".") ? "" : proper);
  if (FOREIGN.test(path) || (guessed !== undefined && guessed !== format))
    return { path, format, warning: `"${path}" will be ${format} all the same: ${proper} would say so` };
  return { path, format };
}
