/** Turns what the user asked for into images: roots, manifests and the blobs they need. Small reads only; nothing moves. */
import { ordered } from "../bytes/pool.ts";
import { AppError, asAppError } from "../errors.ts";
import type { ImageName } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isDigest } from "../oci/digest.ts";
import type { Selection } from "../oci/platform.ts";
import type { Call, Sink, Source } from "../store/store.ts";
import { withAttachments } from "./attachments.ts";
import { type Image, walk } from "./walk.ts";

/** One image that the user asked for, both ends chosen already. */
export interface Wanted {
  readonly name: ImageName;
  /** Its whole name without tag and digest: `docker.io/library/nginx`. */
  readonly origin: string;
  /** What finds it at the source: a tag or a digest. */
  readonly reference: string;
  readonly from: Source;
  readonly to: Sink;
  /** The name at the destination; undefined for an image that is only known by its digest. */
  readonly tag: string | undefined;
}

/** What planning made of one wanted image. */
export type Planned = { readonly wanted: Wanted } & (
  | { readonly result: "image"; readonly image: Image }
  /** The destination's tag has the source's digest. */
  | { readonly result: "unchanged"; readonly root: Descriptor }
  /** It has none of the platforms asked for. */
  | { readonly result: "skipped"; readonly error: AppError }
  | { readonly result: "failed"; readonly error: AppError }
);

export interface PlanOptions extends Call {
  readonly selection: Selection;
  /** An image that has none of the selected platforms fails, instead of being skipped. Default false. */
  readonly strict?: boolean | undefined;
  /** Lines that are looked up at once. */
  readonly concurrency: number;
  /** Planned images that may wait for their consumer. Default: all of them. */
  readonly ahead?: number | undefined;
  /** Whether the configs are read too, for those who need them before any layer. Default false. */
  readonly configs?: boolean | undefined;
  /** Whether signatures and whatever else is attached to an image travel with it. Default true. */
  readonly referrers?: boolean | undefined;
}

/** Plans every wanted image, ahead of whoever consumes the results; they come in order. A failure is a result, not an exception. */
export function plan(wanted: Iterable<Wanted>, options: PlanOptions): AsyncGenerator<Planned> {
  const { concurrency, ahead, signal } = options;
  return ordered(wanted, (one, signal) => planOne(one, { ...options, signal }), { concurrency, ahead, signal });
}

async function planOne(wanted: Wanted, options: PlanOptions): Promise<Planned> {
  const { from, to, tag, reference, origin } = wanted;
  const source = isDigest(reference) ? `${origin}@${reference}` : `${origin}:${reference}`;
  try {
    const [there, root] = await Promise.all([
      tag === undefined ? undefined : to.resolve(tag, options),
      from.resolve(reference, options),
    ]);
    if (!root) throw new AppError("NOT_FOUND", `Cannot find "${source}": "${from.place.space}" does not have it`);
    if (there && there.digest === root.digest) return { wanted, result: "unchanged", root };
    const image = await walk(from, root, options);
    if (image && options.referrers === false) return { wanted, result: "image", image };
    if (image) return { wanted, result: "image", image: await withAttachments(from, image, options) };
    return { wanted, result: options.strict ? "failed" : "skipped", error: noPlatform(source) };
  } catch (thrown) {
    options.signal?.throwIfAborted();
    return { wanted, result: "failed", error: asAppError(thrown, "NETWORK", `Cannot read "${source}"`) };
  }
}

/** Why an image is skipped. */
export function noPlatform(name: string): AppError {
  return new AppError("NOT_FOUND", `Cannot take "${name}": it has none of the platforms asked for`, {
    hint: "choose others with --arch and --os",
  });
}
