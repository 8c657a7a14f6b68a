/** Keeps an archive from taking the place of the list that it is made from. */
import { AppError } from "../errors.ts";
import { isSameFile, placeIn, placeOf } from "./same-file.ts";

/**
 * Throws USAGE where `list` (`-` for standard input) is `archive`, one of its parts or its checksums, under whatever name.
 * `archive` is undefined for standard output.
 */
export async function requireOtherList(list: string, archive: string | undefined): Promise<void> {
  if (archive === undefined) return;
  const [listed, written] = [await placeIn(list), await placeOf(archive)];
  const whole = { path: listed.path?.replace(/\.(?:part\d+|sha256)$/, ""), id: undefined };
  if (isSameFile(listed, written) || (whole.path !== listed.path && isSameFile(whole, { ...written, id: undefined })))
    throw new AppError("USAGE", `Cannot write "${archive}": that is the list of images`, {
      hint: "-f is the list, -d the archive",
    });
}
