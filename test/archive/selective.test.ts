/** One image out of many: nothing is read but what it needs. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { archiveIn } from "../../src/archive/reader.ts";
import { openVolume, type Volume } from "../../src/archive/volume.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { choiceOf, chosenIn } from "../../src/operations/chosen.ts";
import { copy } from "../../src/operations/copy.ts";
import { storeIn } from "../../src/operations/open.ts";
import { wantedIn } from "../../src/operations/stored.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { packImages } from "../support/packed-archive.ts";
import { image, layer } from "../support/random-image.ts";
import { temporaryFolder } from "../support/temporary.ts";

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

test("of fifty equal images, one is read with less than 1 % more than itself and the index", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "x.tar.gz");
  const all = Array.from({ length: 50 }, (_, at) => [
    `docker.io/team/app${at}:1`,
    image({ seed: at, layers: [layer(`layer ${at}`, 1_500_000)] }),
  ]);
  await packImages(path, Object.fromEntries(all));
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
  // Index and list: some hundred bytes for each image.
  expect(opened).toBeLessThan(50 * 1000);
  expect(read - opened).toBeLessThan(bytes * 1.01);
});
