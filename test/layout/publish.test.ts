/** A cache folder becomes the result of a run. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openCache } from "../../src/layout/cache.ts";
import type { LaidImage } from "../../src/layout/hangar.ts";
import { checkPublishable, publish } from "../../src/layout/publish.ts";
import { parseSelection } from "../../src/oci/platform.ts";
import { laidOut } from "../support/laid.ts";
import { type Artifact, image, multiPlatform } from "../support/random-image.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";

let folder: TemporaryFolder;
let cacheFolder: string;
let destination: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  cacheFolder = join(folder.path, "cache");
  destination = join(folder.path, "out/saved");
});
afterEach(() => folder[Symbol.asyncDispose]());

/** A cache that has content of `artifacts`, and whose list names `images`. */
async function filled(artifacts: readonly Artifact[], images: readonly LaidImage[]): Promise<void> {
  await using cache = await openCache(cacheFolder);
  for (const { blobs, manifests } of artifacts)
    for (const one of [...blobs, ...manifests]) await cache.repository("").put(one);
  for (const { offered } of images) await cache.repository("").put(offered);
  await cache.name(images, new Date(0));
}

async function sharedIn(path: string): Promise<string[]> {
  return (await readdir(join(path, "share/sha256"))).sort();
}

function digitsOf(...artifacts: Artifact[]): string[] {
  const all = artifacts.flatMap(({ blobs, manifests }) => [...blobs, ...manifests]);
  return [...new Set(all.map(({ descriptor }) => descriptor.digest.slice(7)))].sort();
}

test("moves what its images need, and nothing of earlier runs", async () => {
  const [now, before] = [image({ seed: "now" }), image({ seed: "before" })];
  const laid = await laidOut(now, "docker.io/a/now", "1");
  await filled([now, before], [await laidOut(before, "docker.io/a/before", "1")]);
  await filled([], [laid]);
  await writeFile(join(cacheFolder, ".partial", "0123"), "unfinished");
  await publish(cacheFolder, destination, [laid]);
  expect(await sharedIn(destination)).toEqual(digitsOf(now));
  expect((await readdir(destination)).sort()).toEqual(
    [
      "blobs",
      "index.json",
      "oci-layout",
      "saved-images-list.json",
      "share",
      expect.stringMatching(/^[0-9a-f]{64}$/),
    ].sort(),
  );
  expect(await readdir(join(folder.path, "out"))).toEqual(["saved"]);
  expect(await readdir(folder.path)).toEqual(["out"]);
});

test("keeps both the original index and the one that an OCI layout can offer", async () => {
  const whole = multiPlatform(["linux/amd64", "linux/arm64"]);
  const laid = await laidOut(whole, "docker.io/a/b", "1", parseSelection("arm64", "linux"));
  await filled([whole], [laid]);
  await publish(cacheFolder, destination, [laid]);
  const found = await sharedIn(destination);
  expect(found).toContain(whole.root.digest.slice(7));
  expect(found).toContain(laid.offered.descriptor.digest.slice(7));
  expect(found).not.toContain(whole.manifests[0]!.descriptor.digest.slice(7));
});

test("takes the place of an earlier result, and of a run that was killed", async () => {
  for (const seed of ["first", "second"]) {
    const one = image({ seed });
    const laid = await laidOut(one, `docker.io/a/${seed}`, "1");
    await filled([one], [laid]);
    await mkdir(join(folder.path, "out/.saved.incomplete/rubbish"), { recursive: true });
    await checkPublishable(cacheFolder, destination);
    await publish(cacheFolder, destination, [laid]);
  }
  expect(await sharedIn(destination)).toEqual(digitsOf(image({ seed: "second" })));
  expect(await readdir(join(folder.path, "out"))).toEqual(["saved"]);
});

test("stays where it is when it has its name already, and is cleaned there", async () => {
  const [now, before] = [image({ seed: "now" }), image({ seed: "before" })];
  const laid = await laidOut(now, "docker.io/a/now", "1");
  await filled([now, before], [laid]);
  await publish(cacheFolder, `${cacheFolder}/../cache`, [laid]);
  expect(await sharedIn(cacheFolder)).toEqual(digitsOf(now));
});

test("what a link in it leads to is not cleaned", async () => {
  const one = image();
  const laid = await laidOut(one, "docker.io/a/b", "1");
  await filled([one], [laid]);
  await mkdir(join(folder.path, "victim"));
  await writeFile(join(folder.path, "victim/precious"), "precious");
  await symlink("../../victim", join(cacheFolder, "share/planted"));
  await publish(cacheFolder, destination, [laid]);
  expect(await readFile(join(folder.path, "victim/precious"), "utf8")).toBe("precious");
  expect(await readdir(join(destination, "share"))).toEqual(["sha256"]);
});

test("a destination may be absent, empty, or of an earlier run, and nothing else", async () => {
  const mine = join(folder.path, "mine");
  await checkPublishable(cacheFolder, join(folder.path, "none"));
  await mkdir(mine);
  await checkPublishable(cacheFolder, mine);
  await writeFile(join(mine, "thesis.txt"), "years of work");
  const refusal = `USAGE: Cannot write folder "${mine}": something else is in it, "thesis.txt"`;
  expect(await errorOf(() => checkPublishable(cacheFolder, mine))).toBe(refusal);
  await writeFile(join(mine, "saved-images-list.json"), "{}");
  expect(await errorOf(() => checkPublishable(cacheFolder, mine))).toBe(refusal);
  await rename(join(mine, "thesis.txt"), join(folder.path, "file"));
  await checkPublishable(cacheFolder, mine);
  expect(await errorOf(() => checkPublishable(cacheFolder, join(folder.path, "file")))).toStartWith(
    "USAGE: Cannot write folder ",
  );
  expect(await readFile(join(folder.path, "file"), "utf8")).toBe("years of work");
});

test("a cache folder with anything else in it is not pruned, nor moved into itself", async () => {
  await filled([], []);
  await writeFile(join(cacheFolder, ".lock.0123-abc"), "of a run that was killed");
  await writeFile(join(cacheFolder, "index.json.17.new"), "of a run that was killed");
  await checkPublishable(cacheFolder, destination);
  for (const nested of [folder.path, join(cacheFolder, "out")])
    expect(await errorOf(() => checkPublishable(cacheFolder, nested))).toStartWith("USAGE: ");
  await writeFile(join(cacheFolder, "thesis.txt"), "years of work");
  expect(await errorOf(() => checkPublishable(cacheFolder, destination))).toBe(
    `USAGE: Cannot write folder "${cacheFolder}": something else is in it, "thesis.txt"`,
  );
});

test("what the system refuses names the destination, and the cache stays", async () => {
  const one = image();
  const laid = await laidOut(one, "docker.io/a/b", "1");
  await filled([one], [laid]);
  await writeFile(join(folder.path, "out"), "a file");
  expect(await errorOf(() => publish(cacheFolder, destination, [laid]))).toStartWith(
    `STORAGE: Cannot write "${destination}": `,
  );
  expect(await sharedIn(cacheFolder)).toEqual(digitsOf(one));
});
