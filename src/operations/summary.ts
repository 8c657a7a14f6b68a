/** What became of the images of a run, counted as they are settled. */
import type { AppError } from "../errors.ts";
import type { ImageName, OnEvent } from "../events.ts";

export type Result = "done" | "unchanged" | "skipped" | "failed";

export interface Summary {
  /** Images by result. */
  readonly done: number;
  readonly unchanged: number;
  /** They have none of the platforms asked for. */
  readonly skipped: number;
  readonly failed: number;
  /** Blobs by how they came to their destination; once for each repository there. */
  readonly copied: number;
  readonly mounted: number;
  readonly present: number;
  /** Bytes that were copied. */
  readonly bytes: number;
  /** Some image failed because its bytes were not what they should be. */
  readonly damaged: boolean;
  /** Bytes of the archive; absent where none was written. */
  readonly archived?: number | undefined;
}

export interface SettledDetail {
  /** Of the root at its destination. */
  readonly digest?: string;
  readonly error?: AppError;
  /** Which of the image's platforms failed, from 1. */
  readonly number?: number | undefined;
}

/** A summary in the making. */
export interface Tally {
  /** Counts an image, and tells of it. */
  settle(image: ImageName, result: Result, detail?: SettledDetail): void;
  /** Counts a blob. */
  moved(how: "copied" | "mounted" | "present", size: number): void;
  now(): Summary;
}

export function startSummary(onEvent: OnEvent): Tally {
  const images = { done: 0, unchanged: 0, skipped: 0, failed: 0 };
  const blobs = { copied: 0, mounted: 0, present: 0 };
  let bytes = 0;
  let damaged = false;
  return {
    settle(image, result, detail = {}) {
      images[result]++;
      if (detail.error?.code === "INTEGRITY") damaged = true;
      onEvent({ type: "image", image, result, ...detail });
    },
    moved(how, size) {
      blobs[how]++;
      if (how === "copied") bytes += size;
    },
    now: () => ({ ...images, ...blobs, bytes, damaged }),
  };
}
