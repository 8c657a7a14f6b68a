/** What a run takes of its images, from the flags of `platformArgs` and `referrerArgs`. */
import { KNOWN_ARCHITECTURES, KNOWN_SYSTEMS, parseSelection } from "../oci/platform.ts";
import type { CopyOptions } from "../operations/copy.ts";
import { closest } from "./closest.ts";

/** The flags as they were given; a command has those that it needs. */
export interface SelectionFlags {
  readonly arch: string;
  readonly os: string;
  readonly "no-arch-os-fail"?: boolean;
  readonly referrers?: boolean;
}

/** Throws USAGE for what cannot be meant; `onWarning` hears of names that nobody knows. */
export function selectionOf(
  { arch, os, "no-arch-os-fail": strict = false, referrers = true }: SelectionFlags,
  onWarning: (message: string) => void,
): Pick<CopyOptions, "selection" | "strict" | "referrers"> {
  const selection = parseSelection(arch, os);
  for (const name of selection.architectures) warnOfUnknown("--arch", name, KNOWN_ARCHITECTURES, onWarning);
  for (const name of selection.systems) warnOfUnknown("--os", name, KNOWN_SYSTEMS, onWarning);
  return { selection, strict, referrers };
}

function warnOfUnknown(
  flag: string,
  name: string,
  known: readonly string[],
  onWarning: (message: string) => void,
): void {
  const [word] = name.split("/") as [string];
  if (known.includes(word)) return;
  const meant = closest(word, known);
  onWarning(`${flag}: "${name}" is none that images are usually made for${meant ? `; did you mean ${meant}?` : ""}`);
}
