/** What is asked of whom to mend an archive, and which parts are to be copied again. */
import { describe, expect, test } from "bun:test";
import { open, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { openArchive } from "../../src/archive/reader.ts";
import { repair } from "../../src/operations/repair.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { packImages } from "../support/packed-archive.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, image, layer, multiPlatform } from "../support/random-image.ts";
import { type Journal, recordSource } from "../support/recording.ts";
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

const base = layer("base", 5000);
const IMAGES: Readonly<Record<string, Artifact>> = {
  "docker.io/a/both:1": multiPlatform(["linux/amd64", "linux/arm64"], { seed: "both" }),
  "docker.io/a/one:1": image({ seed: "one", layers: [base] }),
  "docker.io/a/one:2": image({ seed: "two", layers: [base] }),
  "docker.io/a/other:1": image({ seed: "three", layers: [base] }),
};

interface Repairing {
  /** Of the entries that are damaged. */
  readonly ends: readonly string[];
  /** The repositories that have their images. */
  readonly there: readonly string[];
}

/** Damages an archive of all the images, and repairs it. */
async function repaired({ ends, there }: Repairing) {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "x.tar.gz");
  await packImages(path, IMAGES);
  const original = await readFile(path);
  await using archive = await openArchive(path);
  const file = await open(path, "r+");
  for (const end of ends) {
    const { offset, length } = archive.entries.findLast((entry) => entry.path.endsWith(end))!;
    const at = offset + Math.floor(length / 2);
    await file.write(Uint8Array.of(original[at]! ^ 16), 0, 1, at);
  }
  await file.close();
  const registry = memoryStore();
  for (const [name, artifact] of Object.entries(IMAGES)) {
    const repository = name.slice(0, name.lastIndexOf(":"));
    if (there.includes(repository)) await pushTo(registry.repository(repository), artifact);
  }
  const journal: Journal = [];
  const from = (name: string) =>
    recordSource((there.includes(name) ? registry : memoryStore()).repository(name), journal);
  const result = await repair([path], { from, onWarning: () => {} });
  return { result, journal, isOriginal: (await readFile(path)).equals(original) };
}

function hexOf({ descriptor }: { readonly descriptor: { readonly digest: string } }): string {
  return descriptor.digest.slice(7);
}

test("of an image that cannot be read, what stands in the way is mended first: then it is known what else it needs", async () => {
  const { manifests, blobs } = IMAGES["docker.io/a/both:1"]!;
  const ends = [...manifests, ...blobs].map(hexOf);
  const { result, journal, isOriginal } = await repaired({ ends, there: ["docker.io/a/both"] });
  expect(result).toMatchObject({ isWhole: true, copyAgain: [] });
  expect(result.mended).toHaveLength(ends.length);
  expect(isOriginal).toBe(true);
  // Proven, then written, by what the image says of it.
  const asked = [...manifests, ...blobs].flatMap(({ descriptor: { digest } }) => {
    return [`docker.io/a/both read ${digest}`, `docker.io/a/both read ${digest}`];
  });
  expect(journal.filter((line) => !line.includes(" resolve ")).sort()).toEqual(asked.sort());
});

test("a layer is asked for once in each repository that needs it, until one has it", async () => {
  const ends = [hexOf(base)];
  const asked = `read ${base.descriptor.digest}`;
  const found = await repaired({ ends, there: ["docker.io/a/other"] });
  expect(found).toMatchObject({ result: { isWhole: true }, isOriginal: true });
  expect(found.journal).toEqual([
    `docker.io/a/one ${asked}`,
    `docker.io/a/other ${asked}`,
    `docker.io/a/other ${asked}`,
  ]);
  const missed = await repaired({ ends, there: [] });
  expect(missed.result).toMatchObject({ isWhole: false, mended: [{ result: "left" }] });
  expect(missed.journal).toEqual([`docker.io/a/one ${asked}`, `docker.io/a/other ${asked}`]);
});

test("a blob that only images may need that stay unreadable is looked for in their repositories", async () => {
  const { manifests, blobs } = IMAGES["docker.io/a/both:1"]!;
  // The root is nowhere: it is not known that the blob is of that image.
  const { result, journal } = await repaired({ ends: [hexOf(manifests.at(-1)!), hexOf(blobs[0]!)], there: [] });
  expect(result.mended.map((one) => one.result)).toEqual(["left", "left"]);
  const { digest } = blobs[0]!.descriptor;
  expect(journal).toContain(`docker.io/a/both resolve ${digest}`);
  expect(journal).toContain(`docker.io/a/both read ${digest}`);
});

test("documents ask no registry", async () => {
  const ends = ["/index.json", "/oci-layout"];
  const { result, journal, isOriginal } = await repaired({ ends, there: [] });
  expect({ isWhole: result.isWhole, journal, isOriginal }).toEqual({ isWhole: true, journal: [], isOriginal: true });
});

test("nothing is checked any more once all was examined, and nothing mended before", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "x.tar.gz");
  await packImages(path, IMAGES);
  await using archive = await openArchive(path);
  const { offset, length } = archive.entries.find((entry) => entry.path.endsWith("/index.json"))!;
  await using file = await open(path, "r+");
  await file.write(Uint8Array.of(1, 2, 3), 0, 3, offset + Math.floor(length / 2));
  const told: string[] = [];
  await repair([path], {
    from: () => memoryStore().repository("none"),
    onWarning: () => {},
    onEvent: ({ type }) => told.push(type),
    onExamined: () => told.push("examined"),
    onMended: ({ result }) => told.push(result),
  });
  expect(told.filter((one, at) => one !== told[at - 1])).toEqual(["checked", "examined", "mended"]);
});
