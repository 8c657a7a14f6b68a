/** Every image of a store, read as far as an archive or a list needs to know it. */
import { ordered } from "../bytes/pool.ts";
import { asAppError } from "../errors.ts";
import type { ImageName } from "../events.ts";
import type { LaidImage } from "../layout/hangar.ts";
import type { Selection } from "../oci/platform.ts";
import type { Call, Source, Store } from "../store/store.ts";
import { holdingOfRun } from "./allowance.ts";
import { withAttachments } from "./attachments.ts";
import { layOut } from "./lay-out.ts";
import { noPlatform } from "./plan.ts";
import { createSharing, withShared } from "./sharing.ts";
import { imagesOf } from "./stored.ts";
import type { Tally } from "./summary.ts";
import { type Image, walk } from "./walk.ts";

export interface Gathered {
  readonly name: ImageName;
  readonly image: Image;
  readonly laid: LaidImage;
  /** Where its blobs are. */
  readonly from: Source;
}

export interface GatherOptions extends Call {
  readonly selection: Selection;
  readonly strict: boolean;
  readonly jobs: number;
  /** Whether what is attached to the images is theirs. Default true. */
  readonly referrers?: boolean | undefined;
}

/** The images of a store that can be read and are selected; the others are settled at once. */
export async function gather(
  store: Store,
  { selection, strict, jobs, referrers = true, signal }: GatherOptions,
  settle: Tally["settle"],
): Promise<readonly Gathered[]> {
  const found: Gathered[] = [];
  const share = createSharing();
  const holding = holdingOfRun();
  const walked = ordered(
    await imagesOf(store, { signal }),
    async ({ path, tag, root, madeOf, name }, signal) => {
      try {
        const from = store.repository(path);
        const bare = await walk(from, root, { selection, configs: true, holding, signal });
        const image = bare && referrers ? await withAttachments(from, bare, { configs: true, holding, signal }) : bare;
        return { name, path, tag, madeOf, image: image && withShared(image, name.name, share) };
      } catch (thrown) {
        signal.throwIfAborted();
        return { name, error: asAppError(thrown, "STORAGE", `Cannot read "${name.name}"`) };
      }
    },
    { concurrency: jobs, signal },
  );
  for await (const one of walked) {
    if ("error" in one) settle(one.name, "failed", { error: one.error });
    else if (one.image === undefined)
      settle(one.name, strict ? "failed" : "skipped", { error: noPlatform(one.name.name) });
    else {
      const { image, name, path, tag, madeOf } = one;
      found.push({ name, image, laid: await layOut(path, tag, image, madeOf), from: store.repository(path) });
    }
  }
  return found;
}
