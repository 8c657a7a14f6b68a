/** The images that a cache folder names, for runs that add to them. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type LaidImage, LIST_FILE } from "../layout/hangar.ts";
import { EVERYTHING } from "../oci/platform.ts";
import { formatTagged } from "../oci/reference.ts";
import type { Call } from "../store/store.ts";
import { gather } from "./gather.ts";
import { openStore } from "./open.ts";

export interface NamedOptions extends Call {
  /** Images that are read at once. */
  readonly jobs: number;
  readonly onWarning: (message: string) => void;
}

/** The images of the folder's list; none where it has no list. One that cannot be read any more is left out, with a warning. */
export async function namedImages(
  folder: string,
  { jobs, onWarning, signal }: NamedOptions,
): Promise<readonly LaidImage[]> {
  const hasList = await stat(join(folder, LIST_FILE)).then(
    () => true,
    () => false,
  );
  if (!hasList) return [];
  await using store = await openStore(folder, { signal });
  const options = { selection: EVERYTHING, strict: false, jobs, signal };
  const found = await gather(store, options, (image, _result, { error } = {}) => {
    onWarning(`leaves "${image.name}" out of the list of "${folder}": ${error?.message ?? "it cannot be read"}`);
  });
  return found.map(({ laid }) => laid);
}

/** All of them; a new image takes the place of one of the same name. */
export function withNew(before: readonly LaidImage[], after: readonly LaidImage[]): readonly LaidImage[] {
  const byName = new Map([...before, ...after].map((image) => [nameOf(image), image]));
  return [...byName.values()];
}

function nameOf({ name, tag, root }: LaidImage): string {
  return formatTagged(name, tag, root.descriptor.digest);
}
