/** What operations and stores tell while they work. Plain data: whoever renders it decides what it looks like. */
import type { AppError } from "./errors.ts";
import type { Descriptor } from "./oci/descriptor.ts";

export type Event =
  /** A line of the list was resolved; its blobs (bytes in all) are now part of the work. */
  | { readonly type: "planned"; readonly image: ImageName; readonly blobs: number; readonly bytes: number }
  /** Bytes of a blob arrived at their destination. */
  | { readonly type: "moving"; readonly descriptor: Descriptor; readonly bytes: number }
  /** A blob could not be brought to some repository. */
  | { readonly type: "lost"; readonly descriptor: Descriptor }
  /** A blob is where it should be. */
  | { readonly type: "moved"; readonly descriptor: Descriptor; readonly how: "present" | "mounted" | "copied" }
  /** A registry asked for patience, or failed and is asked again after a while. `milliseconds` from now. */
  | {
      readonly type: "waiting";
      readonly host: string;
      readonly milliseconds: number;
      readonly why: "rate-limit" | "retry";
      readonly reason: string;
    }
  /**
   * Pulls that a registry allows in `window` seconds, and those that are left. Told when first heard, for each tenth of the
   * limit, and for each of the last ones.
   */
  | {
      readonly type: "quota";
      readonly host: string;
      readonly limit: number;
      readonly remaining: number;
      readonly window: number;
      /** Whom the registry counts for: an address, or the id of an account. */
      readonly source?: string | undefined;
    }
  /** One platform (or the whole, for what has no platforms) of an image is at its destination. */
  | { readonly type: "manifest"; readonly image: ImageName; readonly number: number; readonly descriptor: Descriptor }
  /** A line of the list is settled. */
  | {
      readonly type: "image";
      readonly image: ImageName;
      readonly result: "done" | "unchanged" | "skipped" | "failed";
      readonly digest?: string | undefined;
      readonly error?: AppError | undefined;
      /** The platform that failed, counted as in `manifest`. */
      readonly number?: number | undefined;
    }
  /** Something that the user should know and that stopped nothing. */
  | { readonly type: "warning"; readonly message: string; readonly image?: ImageName | undefined }
  /** So many `bytes` were compared with what they should be, of `total`, as far as that is known. */
  | { readonly type: "checked"; readonly bytes: number; readonly total: number }
  /** The archive grew to `bytes`. */
  | { readonly type: "archived"; readonly bytes: number };

/** How a line of the list is spoken of. */
export interface ImageName {
  /** Its place among the images of the list, from 1: the `M_ID` of the log. */
  readonly id: number;
  /** What the list called it, in full: `docker.io/library/nginx:1.25`. */
  readonly name: string;
}

export type OnEvent = (event: Event) => void;
