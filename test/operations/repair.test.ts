/** Which parts of a damaged archive are to be copied again. */
import { describe, expect, test } from "bun:test";
import { readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { repair } from "../../src/operations/repair.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { packImages } from "../support/packed-archive.ts";
import { image } from "../support/random-image.ts";
import { temporaryFolder } from "../support/temporary.ts";

describe.each([true, false])("with its checksums: %p", (isKnown) => {
  test.each([
    ["missing", (path: string) => rm(path)],
    ["cut short", (path: string) => truncate(path, 10)],
  ])("a part that is %s alone, and not those that it shares an entry with", async (_, damage) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x.tar.gz");
    // Its one layer is in nearly all of the parts.
    await packImages(path, { "docker.io/a/b:1": image({ size: 120_000, layers: 1 }) }, { partSize: 10_000 });
    await readFile(`${path}.part12`);
    if (!isKnown) await rm(`${path}.sha256`);
    await damage(`${path}.part5`);
    const from = () => memoryStore().repository("none");
    const { copyAgain, isWhole } = await repair([path], { from, onWarning: () => {} });
    expect({ copyAgain, isWhole }).toEqual({ copyAgain: [`${path}.part5`], isWhole: false });
  });
});
