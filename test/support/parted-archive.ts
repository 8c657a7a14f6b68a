/** An archive of four images in three parts, to be damaged: one that stays whole, and copies of it. */
import { copyFile, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Format } from "../../src/archive/format.ts";
import { packImages } from "./packed-archive.ts";
import { type Artifact, attested, image, layer, multiPlatform } from "./random-image.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary.ts";

const shared = layer("shared", 90_000);

export const IMAGES: Readonly<Record<string, Artifact>> = {
  "docker.io/team/one:1": image({ seed: "one", layers: [shared, layer("own", 60_000)] }),
  "quay.io/team/two:2": multiPlatform(["linux/amd64", "linux/arm64"], { seed: "two", size: 40_000 }),
  "quay.io/other/three:3": image({ seed: "three", layers: [shared, layer("plain", 70_000, "none")] }),
  "quay.io/other/four:4": attested(["linux/amd64"], { seed: "four", size: 50_000 }),
};
export const NAMES: readonly string[] = Object.keys(IMAGES).sort();

/** Bytes of every part but the last. */
export const PART = 200_000;
/** Whatever its format: that is told by what is in it. */
const NAME = "x.tar";

export interface PartedArchive extends AsyncDisposable {
  /** The folder. */
  readonly path: string;
  /** Bytes of each part. */
  readonly sizes: readonly number[];
  /** A copy that may be damaged. */
  copied(): Promise<TemporaryFolder>;
  /** Puts a part, and the checksums, back into a copy. */
  restore(folder: string, number: number): Promise<void>;
  /** Whether a copy is the archive again, byte for byte. */
  isOriginal(folder: string): Promise<boolean>;
}

/** The path of the archive in a folder. */
export function archiveIn(folder: string): string {
  return join(folder, NAME);
}

export function partIn(folder: string, number: number): string {
  return `${archiveIn(folder)}.part${number}`;
}

export async function openParted(format: Format): Promise<PartedArchive> {
  const whole = await temporaryFolder();
  await packImages(archiveIn(whole.path), IMAGES, { format, partSize: PART });
  const parts = await Promise.all([0, 1, 2].map((number) => readFile(partIn(whole.path, number))));
  async function restore(folder: string, number: number): Promise<void> {
    await copyFile(partIn(whole.path, number), partIn(folder, number));
    await copyFile(`${archiveIn(whole.path)}.sha256`, `${archiveIn(folder)}.sha256`);
  }
  return {
    path: whole.path,
    sizes: parts.map(({ length }) => length),
    async copied() {
      const folder = await temporaryFolder();
      for (const number of parts.keys()) await restore(folder.path, number);
      return folder;
    },
    restore,
    async isOriginal(folder) {
      for (const [number, part] of parts.entries())
        if (!(await readFile(partIn(folder, number))).equals(part)) return false;
      return true;
    },
    [Symbol.asyncDispose]: () => whole[Symbol.asyncDispose](),
  };
}

/** Replaces a part by that of an archive of other images under the same names. */
export async function replacePart(folder: string, number: number, format: Format): Promise<void> {
  await using other = await temporaryFolder();
  const images = Object.fromEntries(NAMES.map((name) => [name, image({ seed: `other ${name}`, size: 60_000 })]));
  await packImages(archiveIn(other.path), images, { format, partSize: PART });
  await copyFile(partIn(other.path, number), partIn(folder, number));
}

export async function flipBit(path: string, bit: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    const byte = new Uint8Array(1);
    await file.read(byte, 0, 1, bit >> 3);
    byte[0]! ^= 1 << (bit & 7);
    await file.write(byte, 0, 1, bit >> 3);
  } finally {
    await file.close();
  }
}
