/** Turns what the user asked for into images: roots, manifests and the blobs they need. Small reads only; nothing moves. */
import { ordered } from "../bytes/pool.ts";
import { AppError, asAppError } from "../errors.ts";
import type { ImageName } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isDigest } from "../oci/digest.ts";
import type { Selection } from "../oci/platform.ts";
import type { Call, Sink, Source } from "../store/store.ts";
import { type Holding, holdingOfRun } from "./allowance.ts";
import { withAttachments } from "./attachments.ts";
import { isComposed } from "./composed.ts";
import { isMerged } from "./merge-by-platform.ts";
import { createSharing, type Share, withShared } from "./sharing.ts";
import { type Image, startWalk } from "./walk.ts";

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
  /** The platforms that the root was made of, where the source does not have the original: they join those of the tag. */
  readonly madeOf?: readonly Descriptor[] | undefined;
}

/** What planning made of one wanted image. */
export type Planned = { readonly wanted: Wanted } & (
  | { readonly result: "image"; readonly image: Image }
  /** The destination's tag has the source's digest, or what the source has of the image. */
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

/**
 * Plans every wanted image, ahead of whoever consumes the results; they come in order. A failure is a result, not an
 * exception.
 */
export function plan(wanted: Iterable<Wanted>, options: PlanOptions): AsyncGenerator<Planned> {
  const { concurrency, ahead, signal } = options;
  const shared = createSharing();
  const holding = holdingOfRun();
  function work(one: Wanted, signal: AbortSignal): Promise<Planned> {
    return planOne(one, { ...options, share: one.from.isLocal && shared, holding, signal });
  }
  return ordered(wanted, work, { concurrency, ahead, signal });
}

/** Plans one image. A failure is a result here too. */
export async function planOne(
  wanted: Wanted,
  options: Omit<PlanOptions, "concurrency" | "ahead"> & {
    readonly share?: Share | undefined;
    readonly holding?: Holding | undefined;
  },
): Promise<Planned> {
  const { from, to, tag, reference, origin, madeOf } = wanted;
  const source = isDigest(reference) ? `${origin}@${reference}` : `${origin}:${reference}`;
  try {
    const [there, root] = await Promise.all([
      tag === undefined ? undefined : to.resolve(tag, options),
      from.resolve(reference, options),
    ]);
    if (!root) throw new AppError("NOT_FOUND", `Cannot find "${source}": "${from.place.space}" does not have it`);
    if (there && there.digest === root.digest) return { wanted, result: "unchanged", root };
    const start = await startWalk(from, root, options);
    if (start && there && !madeOf && (await isComposed(to, there, start, options)))
      return { wanted, result: "unchanged", root: there };
    const image = await start?.end();
    if (image && there && madeOf && (await isMerged(to, there, { image, madeOf }, options)))
      return { wanted, result: "unchanged", root: there };
    if (image) {
      const whole = options.referrers === false ? image : await withAttachments(from, image, options);
      return { wanted, result: "image", image: options.share ? withShared(whole, source, options.share) : whole };
    }
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
