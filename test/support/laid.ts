/** Made-up artifacts as the layout and the operations want to see them. */
import type { LaidImage } from "../../src/layout/hangar.ts";
import { EVERYTHING, type Selection } from "../../src/oci/platform.ts";
import { layOut } from "../../src/operations/lay-out.ts";
import type { Wanted } from "../../src/operations/plan.ts";
import { walk } from "../../src/operations/walk.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Sink, Source } from "../../src/store/store.ts";
import { pushTo } from "./push.ts";
import type { Artifact } from "./random-image.ts";

/** An artifact laid out under a name, as far as `selection` takes it. */
export async function laidOut(
  artifact: Artifact,
  name: string,
  tag: string | undefined,
  selection: Selection = EVERYTHING,
): Promise<LaidImage> {
  const repository = memoryStore().repository("made-up");
  await pushTo(repository, artifact);
  const image = await walk(repository, artifact.root, { selection });
  if (!image) throw new Error("nothing of it is selected");
  return layOut(name, tag, image);
}

/** An image that somebody wants, numbered as in a list. */
export function wantedImage(
  id: number,
  from: Source,
  to: Sink,
  reference: string,
  tag: string | undefined = reference,
): Wanted {
  const origin = `docker.io/${from.place.path}`;
  return { name: { id, name: `${origin}:${reference}` }, origin, reference, from, to, tag };
}
