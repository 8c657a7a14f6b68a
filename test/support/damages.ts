/** What can happen to the parts of an archive, and what must come of it. */
import { rename, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { Format } from "../../src/archive/format.ts";
import { partIn, replacePart } from "./parted-archive.ts";

export interface Damage {
  readonly name: string;
  readonly damage: (folder: string) => Promise<void>;
  /** Those that are wrong then. */
  readonly parts: readonly number[];
  /** Whether it is known which images there are. */
  readonly isListed: boolean;
  /** What loads with --keep-going: all images that are not damaged, those that come before the damage, or none. */
  readonly keeps: "undamaged" | "first" | "nothing";
  /** Whether registries make up for it; else it is told what to copy again. */
  readonly isMended: boolean;
}

/** An index at its end, and its beginning: with the first, all that is right can be had; with the second, what comes first. */
export function damages(format: Format): readonly Damage[] {
  const inPart = (number: number) => ({ parts: [number], ...AT[number]! });
  const none = { isListed: false, keeps: "nothing", isMended: false } as const;
  const other = format === "gzip" ? "zstd" : "gzip";
  return [
    ...[0, 1, 2].flatMap((number): Damage[] => {
      const path = (folder: string): string => partIn(folder, number);
      const first = number === 0 ? none : {};
      return [
        { name: `${number} is cut short`, damage: (folder) => truncate(path(folder), 9000), ...inPart(number) },
        {
          name: `${number} is missing`,
          damage: (folder) => rm(path(folder)),
          ...inPart(number),
          ...first,
          isMended: false,
        },
        {
          name: `${number} is of another archive`,
          damage: (folder) => replacePart(folder, number, format),
          ...inPart(number),
          ...first,
        },
        {
          name: `${number} is of another format`,
          damage: (folder) => replacePart(folder, number, other),
          ...inPart(number),
          ...first,
        },
      ];
    }),
    { name: "0 and 1 are swapped", damage: (folder) => swap(folder, 0, 1), parts: [0, 1], ...none },
    { name: "0 and 2 are swapped", damage: (folder) => swap(folder, 0, 2), parts: [0, 2], ...none },
    { name: "1 and 2 are swapped", damage: (folder) => swap(folder, 1, 2), parts: [1, 2], ...none, keeps: "first" },
  ];
}

/** What damage comes to that leaves the parts where they are, by their numbers. */
const AT: readonly Pick<Damage, "isListed" | "keeps" | "isMended">[] = [
  { isListed: true, keeps: "undamaged", isMended: true },
  { isListed: true, keeps: "undamaged", isMended: true },
  { isListed: false, keeps: "first", isMended: false },
];

async function swap(folder: string, one: number, other: number): Promise<void> {
  await rename(partIn(folder, one), join(folder, "aside"));
  await rename(partIn(folder, other), partIn(folder, one));
  await rename(join(folder, "aside"), partIn(folder, other));
}
