/** Moments of a run, told by what it has done by then and not by a clock. */
import { randomNumbers, type Seed } from "./random-layer.ts";

/** Requests that were made, bytes that were served, calls to the disk, such calls since the first sync, renames of the result. */
export type Kind = "requests" | "served" | "calls" | "last calls" | "renames";

/** From 0, the first of its kind, to 100, the last one of an undisturbed run. */
export interface Moment {
  readonly kind: Kind;
  readonly percent: number;
}

/** `count` moments of these kinds, in turn, evenly spread but for some luck. */
export function momentsOf(seed: Seed, kinds: readonly Kind[], count: number): readonly Moment[] {
  const luck = randomNumbers(seed);
  const each = Math.ceil(count / kinds.length);
  return Array.from({ length: count }, (_, number) => {
    const kind = kinds[number % kinds.length]!;
    return { kind, percent: Math.round((100 * (Math.floor(number / kinds.length) + luck(1000) / 1000)) / each) };
  });
}
