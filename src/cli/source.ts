/** What `--source` of sync names: an archive or a folder that is there, else a registry. */
import { existsSync } from "node:fs";
import { parsePartPath, partsBeside } from "../archive/parts.ts";
import { AppError } from "../errors.ts";
import { requireFiles } from "./reading.ts";

/** What is no registry, even where nothing is there. */
const PATH = /^[./~]|\.(?:tar|tgz|tar\.gz|tar\.zstd?|zip)(?:\.part\d+)?$/;

/**
 * The paths of an archive or a folder: a value that is there as a file, as a folder or in parts, or several values. Undefined
 * for a registry: any other value, one with `oci://` before it, or none. Throws NOT_FOUND for what looks like a path and is not
 * there, USAGE for `-`. `onWarning` hears of a registry whose name might be that of a folder.
 */
export async function archiveOf(
  values: readonly string[],
  onWarning: (message: string) => void,
): Promise<readonly string[] | undefined> {
  requireFiles(values);
  const [value = ""] = values;
  if (values.length > 1) return values;
  if (value === "" || /^[a-z]+:\/\//.test(value)) return undefined;
  if (existsSync(value) || (await partsBeside(parsePartPath(value)?.archive ?? value)).size > 0) return values;
  if (PATH.test(value))
    throw new AppError("NOT_FOUND", `Cannot open "${value}": there is no such file`, {
      hint: "-s names an archive, a folder, or a registry; the name of a registry may have oci:// before it",
    });
  if (!/[.:]|^localhost\b/.test(value.split("/", 1)[0]!))
    onWarning(`there is no file or folder "${value}": taking it for a registry`);
  return undefined;
}
