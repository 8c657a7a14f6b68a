/** What reading images may take of the memory. */

/** Bytes of manifests and configs that one image may have, with all that is attached to it. */
export const IMAGE_BYTES: number = 8 << 20;

/** Descriptors that those may have: of manifests, configs and layers. */
export const IMAGE_DESCRIPTORS = 4_000;

/** What walks of one image share, and use up. */
export interface Allowance {
  bytes: number;
  descriptors: number;
}

export function allowanceOfImage(): Allowance {
  return { bytes: IMAGE_BYTES, descriptors: IMAGE_DESCRIPTORS };
}

/** Bytes of all manifests and configs that one run holds although they could be read again, and of one: most have less. */
const RUN_HELD: number = 8 << 20;
const HELD: number = 16 << 10;

/** Bytes of manifests and configs that one run reads of a local store, those that it reads again counted: minutes of work. */
const RUN_READ: number = 4 * 2 ** 30;

/** What walks of one run share. */
export interface Holding {
  /** Whether a document of so many bytes may be held, which it is then. */
  take(bytes: number): boolean;
  /** Whether so many bytes more may be read. */
  mayRead(bytes: number): boolean;
}

export function holdingOfRun(): Holding {
  let left = RUN_HELD;
  let unread = RUN_READ;
  return {
    mayRead(bytes) {
      unread -= bytes;
      return unread >= 0;
    },
    take(bytes) {
      const isHeld = bytes <= Math.min(HELD, left);
      if (isHeld) left -= bytes;
      return isHeld;
    },
  };
}
