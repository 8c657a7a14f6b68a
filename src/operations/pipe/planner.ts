/** Plans images as their manifests come out of a pipe: each when its root is here, and a bounded number at once. */
import { AppError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Call } from "../../store/store.ts";
import { type Planned, type PlanOptions, planOne, type Wanted } from "../plan.ts";
import { createSharing, type Share } from "../sharing.ts";
import type { Image } from "../walk.ts";
import type { Arrivals } from "./arrivals.ts";

/** Images that are being planned at once, those not counted that wait for content. */
const AT_ONCE = 32;

/** Bytes of memory that an image takes while it is planned, each of its manifests, and each byte of those when it is parsed. */
const PLANNING: number = 30 << 10;
const MANIFEST: number = 2 << 10;
const PARSED = 3;

/** Bytes of memory that images take while they are planned: no more are begun, and no more are borne. */
const BEGUN: number = 32 << 20;
const BORNE: number = 96 << 20;

/** Bytes of manifests that are held until names are given: a pipe cannot be read again. */
export const MANIFESTS: number = 64 << 20;

const NONE: Image["documents"] = new Map();

export interface Roots {
  /** Images by the digest of their root. */
  readonly expected: Map<Digest, Wanted[]>;
  /** Those that have none. */
  readonly ready: Set<Wanted>;
}

/** Looks up the roots of images. Whatever but an abort keeps one from being looked up is told when it is planned. */
export async function rootsOf(wanted: readonly Wanted[], call: Call): Promise<Roots> {
  const expected = new Map<Digest, Wanted[]>();
  const ready = new Set<Wanted>();
  for (const image of wanted) {
    const root = await image.from.resolve(image.reference, call).catch(() => undefined);
    call.signal?.throwIfAborted();
    const same = root && expected.get(root.digest);
    if (same) same.push(image);
    else if (root) expected.set(root.digest, [image]);
    else ready.add(image);
  }
  return { expected, ready };
}

export interface Planner {
  /** Images that are not planned yet. */
  readonly left: number;
  /** Whether images are being planned. */
  readonly isAtWork: boolean;
  /** Whether every image that is being planned waits for something that has not come. */
  readonly isQuiet: boolean;
  /** Whether none can be begun, although its root is here: too many wait already. */
  readonly isStuck: boolean;
  /** Whether images are known by this root that have not been begun. */
  isExpected(digest: Digest): boolean;
  /** Begins what that is the root of. */
  arrived(digest: Digest): void;
  /** Nothing more comes: begins what is left. */
  end(): void;
}

export interface PlannerOptions extends Call, Pick<PlanOptions, "selection" | "strict" | "referrers"> {
  /** What messages call the pipe. */
  readonly name: string;
  /** Takes what became of an image. Its configs are not among the documents: what is wanted of them is here until then. */
  onPlanned(planned: Planned): Promise<void>;
  /** Hears whenever one begins to wait, or is planned. */
  onChange(): void;
  /** Hears what must end the run. */
  onError(error: unknown): void;
}

/** Begins with the images that nothing need come for, to tell that they fail. */
export function createPlanner({ expected, ready }: Roots, arrivals: Arrivals, options: PlannerOptions): Planner {
  const { name, selection, strict, referrers, signal, onPlanned, onChange, onError } = options;
  let share: Share | undefined = sharingUntil(onError);
  let left = [...expected.values()].reduce((sum, { length }) => sum + length, ready.size);
  let planning = 0;
  let waiting = 0;
  let memory = 0;

  function begin(): void {
    for (const image of ready) {
      if (signal?.aborted) return;
      if (planning > 0 && (planning - waiting >= AT_ONCE || memory >= BEGUN)) return;
      ready.delete(image);
      planning++;
      void plan(image);
    }
  }
  /** Never rejects. */
  async function plan(image: Wanted): Promise<void> {
    let own = 0;
    let isWaiting = false;
    function take(bytes: number): void {
      own += bytes;
      memory += bytes;
      if (memory > BORNE) onError(tooManyWait(name));
      if (arrivals.readBytes > MANIFESTS) onError(refusedPipe(name, `its manifests have more than ${MANIFESTS} bytes`));
    }
    function onWait(count: number): void {
      if (count > 0 === isWaiting) return;
      isWaiting = count > 0;
      waiting += isWaiting ? 1 : -1;
      begin();
      onChange();
    }
    const reader = arrivals.reader(image.from, { onWait, onRead: (bytes) => take(MANIFEST + bytes * PARSED) });
    let kept: readonly Digest[] = [];
    take(PLANNING);
    try {
      const one = { ...image, from: reader.source };
      const planned = await planOne(one, { selection, strict, referrers, share, signal });
      if (planned.result === "image") kept = manifestsOf(planned.image);
      await onPlanned(leaner({ ...planned, wanted: { ...image, from: arrivals.through(image.from) } }));
    } catch (error) {
      onError(error);
    }
    reader.close(kept);
    memory -= own;
    planning--;
    if (--left === 0) share = undefined;
    begin();
    onChange();
  }
  begin();
  return {
    get left() {
      return left;
    },
    get isAtWork() {
      return planning > 0;
    },
    get isQuiet() {
      return planning === waiting;
    },
    get isStuck() {
      return planning === waiting && ready.size > 0;
    },
    isExpected: (digest) => expected.has(digest),
    arrived(digest) {
      for (const image of expected.get(digest) ?? []) ready.add(image);
      if (expected.delete(digest)) begin();
    },
    end() {
      for (const image of [...expected.values()].flat()) ready.add(image);
      expected.clear();
      begin();
    },
  };
}

/** Too many blobs end the run: from here on each image would fail, and all that were planned wait for the end of the pipe. */
function sharingUntil(onError: (error: unknown) => void): Share {
  const share = createSharing();
  return (name, descriptors) => {
    try {
      return share(name, descriptors);
    } catch (error) {
      onError(error);
      throw error;
    }
  };
}

function manifestsOf({ root, manifests, attachments }: Image): readonly Digest[] {
  const attached = attachments.flatMap((one) => [one.root, ...one.manifests]);
  return [root, ...manifests, ...attached].map(({ descriptor }) => descriptor.digest);
}

/** Configs are blobs as well: they are taken from the pipe once more, and gone then. */
function leaner(planned: Planned): Planned {
  return planned.result === "image" ? { ...planned, image: { ...planned.image, documents: NONE } } : planned;
}

export function tooManyWait(name: string): AppError {
  return refusedPipe(name, "too many of its images wait for manifests that come later");
}

/** A pipe that would take too much memory; a file could be read again, and in any order. */
export function refusedPipe(name: string, reason: string): AppError {
  return new AppError("UNSUPPORTED", `Cannot read "${name}": ${reason}`, {
    hint: "save it to a file, and load that",
  });
}
