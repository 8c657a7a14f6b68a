/** One image out of many: nothing is read but what it needs. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Format } from "../../src/archive/format.ts";
import { archiveIn } from "../../src/archive/reader.ts";
import { openVolume, type Volume } from "../../src/archive/volume.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { choiceOf, chosenIn } from "../../src/operations/chosen.ts";
import { copy } from "../../src/operations/copy.ts";
import { storeIn } from "../../src/operations/open.ts";
import { wantedIn } from "../../src/operations/stored.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { packImages } from "../support/packed-archive.ts";
import { type Artifact, image, layer } from "../support/random-image.ts";
import { temporaryFolder } from "../support/temporary.ts";

setDefaultTimeout(60_000);

/** Formats, with the bytes of index and list for each image that are enough. */
const FORMATS: readonly (readonly [Format, number])[] = [
  ["gzip", 500],
  ["zstd", 500],
  ["tar", 3000],
];

const IMAGES: Readonly<Record<string, Artifact>> = Object.fromEntries(
  Array.from({ length: 50 }, (_, at) => [
    `docker.io/team/app${at}:1`,
    image({ seed: at, layers: [layer(`layer ${at}`, 500_000)] }),
  ]),
);

/** The same volume, adding up what is read of it. */
function counting(volume: Volume, count: (bytes: number) => void): Volume {
  return {
    ...volume,
    read(start, end, options) {
      count(end - start);
      return volume.read(start, end, options);
    },
  };
}

test.each(FORMATS)(
  "of fifty equal images in %s, one is read with less than a hundredth more than itself and the index",
  async (format, perImage) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x");
    await packImages(path, IMAGES, { format });
    let read = 0;
    const volume = counting(await openVolume([path], path), (bytes) => {
      read += bytes;
    });
    await using store = await storeIn(await archiveIn(volume), path);
    const opened = read;
    const target = memoryStore();
    const wanted = await wantedIn(chosenIn(store, choiceOf(["team/app7:*"])), (name) => target.repository(name));
    const options = { selection: EVERYTHING, strict: true, jobs: 4, onEvent: () => {} };
    const { done, bytes } = await copy(wanted, options);
    expect(done).toBe(1);
    expect(opened).toBeLessThan(50 * perImage);
    expect(read - opened).toBeLessThan(bytes * 1.01);
  },
);
