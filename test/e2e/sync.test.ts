/** `dray sync` from archives: what a cache folder has afterwards, what is told of it, and what its source is taken for. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, open, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { blobPath } from "../../src/layout/hangar.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { hangarFiles } from "../support/foreign-layouts.ts";
import { packImages } from "../support/packed-archive.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, image, layer, multiPlatform } from "../support/random-image.ts";
import { rawTar } from "../support/raw-tar.ts";
import { startRegistry } from "../support/registry.ts";
import type { Ended } from "../support/run.ts";

setDefaultTimeout(60_000);

const shared = layer("sync shared", 300_000);
const IMAGES = {
  "docker.io/team/one:1": image({ seed: "sync one", layers: [shared] }),
  "docker.io/team/two:2": multiPlatform(["linux/amd64", "linux/arm64"], { seed: "sync two" }),
  "quay.io/other/three:3": image({ seed: "sync three", layers: [shared, layer("sync own", 50_000)] }),
};
const earlier = image({ seed: "sync earlier" });

let work: Workplace;
beforeEach(async () => {
  work = await openWorkplace();
});
afterEach(() => work[Symbol.asyncDispose]());

function sync(...args: readonly string[]): Promise<Ended> {
  return work.dray(["sync", "-d", "folder", ...args]);
}

/** What a folder or archive names, with the digests; all of it is whole. */
async function namesIn(path: string): Promise<Readonly<Record<string, string>>> {
  const verified = await work.dray(["verify", path]);
  expect(verified).toMatchObject({ code: 0, stdout: expect.stringMatching(/^whole: /) });
  const listed = JSON.parse((await work.dray(["ls", "--json", path])).stdout) as { name: string; digest: string }[];
  return Object.fromEntries(listed.map(({ name, digest }) => [name, digest]));
}

function digests(images: Readonly<Record<string, Artifact>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(images).map(([name, { root }]) => [name, root.digest]));
}

async function flipByte(path: string, at: number): Promise<void> {
  const file = await open(path, "r+");
  const byte = new Uint8Array(1);
  await file.read(byte, 0, 1, at);
  await file.write(new Uint8Array([byte[0]! ^ 1]), 0, 1, at);
  await file.close();
}

test("an archive's images come beside those of registries, once, and go on into archives and registries", async () => {
  await using registry = await startRegistry();
  await pushTo(registry.store.repository("team/earlier"), earlier, "0");
  await work.list("images.txt", ["team/earlier:0"]);
  expect(await sync("-s", registry.host, "-f", "images.txt")).toMatchObject({ code: 0 });
  await packImages(work.file("x.tar.gz"), IMAGES);
  const blobs = new Set(Object.values(IMAGES).flatMap((one) => one.blobs.map(({ descriptor }) => descriptor.digest)));
  expect(await sync("-s", "x.tar.gz")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`Synced 3 images; ${blobs.size} of ${blobs.size} blobs moved`),
  });
  const all = { ...digests({ [`${registry.host}/team/earlier:0`]: earlier }), ...digests(IMAGES) };
  expect(await namesIn("folder")).toEqual(all);
  expect(await sync("-s", "x.tar.gz")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`; 0 of ${blobs.size} blobs moved`),
  });
  expect(await namesIn("folder")).toEqual(all);

  expect(await work.dray(["compress", "-f", "folder", "-d", "again.tar.zst"])).toMatchObject({ code: 0 });
  expect(await namesIn("again.tar.zst")).toEqual(all);
  await using target = await startRegistry();
  expect(await work.dray(["load", "-s", "folder", "-d", target.host])).toMatchObject({ code: 0 });
  expect((await target.store.repository("team/two").resolve("2"))?.digest).toBe(
    IMAGES["docker.io/team/two:2"].root.digest,
  );
});

test("a folder is added to another, or to itself", async () => {
  await packImages(work.file("x.tar"), IMAGES, { format: "tar" });
  expect(await work.dray(["decompress", "-f", "x.tar", "-d", "unpacked"])).toMatchObject({ code: 0 });
  expect(await sync("-s", "unpacked")).toMatchObject({ code: 0 });
  expect(await sync("-s", "folder")).toMatchObject({ code: 0, stdout: expect.stringContaining("; 0 of ") });
  expect(await namesIn("folder")).toEqual(digests(IMAGES));
});

test("parts lie on two drives, for sync and for load", async () => {
  await packImages(work.file("x.tar.gz"), IMAGES, { partSize: 100_000 });
  const names = (await readdir(work.path)).filter((name) => name.startsWith("x.tar.gz")).sort();
  expect(names).toContain("x.tar.gz.part2");
  for (const [at, name] of names.entries()) {
    const drive = work.file(`drive${at % 2}`);
    await mkdir(drive, { recursive: true });
    await rename(work.file(name), join(drive, name));
  }
  const both = ["-s", "drive0/x.tar.gz.part0", "-s", "drive1/x.tar.gz.part1"];
  expect(await sync(...both)).toMatchObject({ code: 0 });
  expect(await namesIn("folder")).toEqual(digests(IMAGES));
  await using registry = await startRegistry();
  const loaded = await work.dray(["load", ...both, "-d", registry.host]);
  expect(loaded).toMatchObject({ code: 0, stdout: expect.stringContaining("Loaded 3 images") });
  const half = await sync("-s", "drive0/x.tar.gz.part0");
  expect(half).toMatchObject({ code: 4, stderr: expect.stringContaining("cannot be found") });
  expect((await work.dray(["load", "-s", "drive1/x.tar.gz.part1", "-d", registry.host])).code).toBe(4);
});

test("only some images, by patterns and by a list, which says what is not there", async () => {
  await packImages(work.file("x.tar.gz"), IMAGES);
  expect(await sync("-s", "x.tar.gz", "--only", "quay.io/*")).toMatchObject({ code: 0 });
  expect(Object.keys(await namesIn("folder"))).toEqual(["quay.io/other/three:3"]);
  const listed = await work.dray(["sync", "-d", "folder", "-s", "x.tar.gz", "-f", "-"], {
    input: "team/one:1\nteam/no:1\n",
  });
  expect(listed).toMatchObject({
    code: 3,
    stdout: expect.stringMatching(/^Synced 1 image, 1 failed/),
    stderr: expect.stringContaining('Cannot find "docker.io/team/no:1": it is not in the archive'),
  });
  expect(await readFile(work.file("sync-failed.txt"), "utf8")).toBe("team/no:1\n");
  expect(Object.keys(await namesIn("folder")).sort()).toEqual(["docker.io/team/one:1", "quay.io/other/three:3"]);
  expect(await sync("-s", "x.tar.gz", "--only", "nothing*")).toMatchObject({ code: 2 });
  expect(await sync("--only", "x")).toMatchObject({ code: 2, stderr: expect.stringContaining("no archive is given") });
});

test("all platforms, unless some are chosen; what has none of them is skipped, or failed", async () => {
  await packImages(work.file("x.tar.gz"), {
    "docker.io/team/odd:1": multiPlatform(["linux/s390x", "linux/ppc64le"], { seed: "sync odd" }),
    "docker.io/team/two:2": IMAGES["docker.io/team/two:2"],
  });
  const chosen = await sync("-s", "x.tar.gz", "-a", "arm64");
  expect(chosen).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Synced 1 image, 1 skipped/) });
  const failed = await sync("-s", "x.tar.gz", "-a", "arm64", "--no-arch-os-fail");
  expect(failed).toMatchObject({ code: 3, stdout: expect.stringMatching(/^Synced 1 image, 1 failed/) });
  expect(await readFile(work.file("sync-failed.txt"), "utf8")).toBe("docker.io/team/odd:1\n");
  expect(await sync("-s", "x.tar.gz")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Synced 2 images;/) });
});

test("parts of an image that are added one after the other become the original again", async () => {
  const whole = multiPlatform(["linux/amd64", "linux/arm64", "linux/s390x"], { seed: "sync whole" });
  await packImages(work.file("x.tar.gz"), { "docker.io/team/whole:1": whole });
  const roots: string[] = [];
  // What is there already stays when a part of it comes again.
  for (const arch of ["amd64", "s390x", "arm64", "amd64"]) {
    const packed = await work.dray(["compress", "-f", "x.tar.gz", "-a", arch, "-d", `${arch}.tar.gz`]);
    expect(packed).toMatchObject({ code: 0 });
    expect(await sync("-s", `${arch}.tar.gz`)).toMatchObject({ code: 0 });
    await using registry = await startRegistry();
    expect(await work.dray(["load", "-s", "folder", "-d", registry.host])).toMatchObject({ code: 0 });
    roots.push((await registry.store.repository("team/whole").resolve("1"))!.digest);
    const offered = JSON.parse(await readFile(work.file("folder/index.json"), "utf8")) as { manifests: Descriptor[] };
    expect(offered.manifests.map(({ digest }) => digest)).toEqual([roots.at(-1)! as Digest]);
    if (roots.length === 2) expect(await platformsIn("folder")).toEqual(["linux/amd64", "linux/s390x"]);
  }
  expect(roots.map((digest) => digest === whole.root.digest)).toEqual([false, false, true, true]);
  expect(await platformsIn("folder")).toEqual(["linux/amd64", "linux/arm64", "linux/s390x"]);
});

test("platforms that Hangar saved apart come together, and those of the same machine take each other's place", async () => {
  const amd64 = image({ seed: "apart", platform: "linux/amd64", format: "docker" });
  const arm64 = image({ seed: "apart", platform: "linux/arm64", format: "docker" });
  const newer = image({ seed: "newer", platform: "linux/arm64", format: "docker" });
  for (const [name, artifact] of Object.entries({ amd64, arm64, newer })) {
    const files = hangarFiles([{ name: "docker.io/team/apart", tag: "1", artifact }]);
    await writeFile(
      work.file(`${name}.tar`),
      rawTar(...Object.entries(files).map(([name, content]) => ({ name, content }))),
    );
  }
  for (const name of ["amd64", "arm64", "amd64"]) expect(await sync("-s", `${name}.tar`)).toMatchObject({ code: 0 });
  expect(await manifestsIn("folder")).toEqual([amd64.root.digest, arm64.root.digest]);
  expect(await sync("-s", "newer.tar")).toMatchObject({ code: 0 });
  expect(await manifestsIn("folder")).toEqual([amd64.root.digest, newer.root.digest]);
  await using registry = await startRegistry();
  expect(await work.dray(["load", "-s", "folder", "-d", registry.host])).toMatchObject({ code: 0 });
  const root = await registry.store.repository("team/apart").resolve("1");
  expect(Object.values(await namesIn("folder"))).toEqual([root!.digest]);
});

async function manifestsIn(path: string): Promise<readonly string[]> {
  return (await imageIn(path)).platforms.map(({ digest }) => digest);
}

async function platformsIn(path: string): Promise<readonly string[]> {
  return (await imageIn(path)).platforms.map(({ platform }) => platform);
}

/** Its only image. */
async function imageIn(path: string): Promise<{ platforms: { platform: string; digest: string }[] }> {
  expect(Object.keys(await namesIn(path))).toHaveLength(1);
  return JSON.parse((await work.dray(["ls", "--json", path])).stdout)[0];
}

test("a damaged image fails, with exit 4, and the others are added", async () => {
  await packImages(work.file("x.tar"), IMAGES, { format: "tar" });
  const own = IMAGES["docker.io/team/two:2"].blobs.at(-1)!;
  const bytes = await readFile(work.file("x.tar"));
  await flipByte(work.file("x.tar"), bytes.indexOf(own.bytes) + 100);
  const ended = await sync("-s", "x.tar");
  expect(ended).toMatchObject({ code: 4, stdout: expect.stringMatching(/^Synced 2 images, 1 failed/) });
  expect(await readFile(work.file("sync-failed.txt"), "utf8")).toBe("docker.io/team/two:2\n");
  expect(Object.keys(await namesIn("folder")).sort()).toEqual(["docker.io/team/one:1", "quay.io/other/three:3"]);
  expect(await readdir(work.file("folder/share/sha256"))).not.toContain(own.descriptor.digest.slice(7));
});

test("damage in the folder is found, and mended from the archive", async () => {
  await packImages(work.file("x.tar.gz"), IMAGES);
  expect(await sync("-s", "x.tar.gz")).toMatchObject({ code: 0 });
  await flipByte(join(work.file("folder"), blobPath(shared.descriptor.digest)), 1000);
  expect((await work.dray(["verify", "folder"])).code).toBe(4);
  expect(await sync("-s", "x.tar.gz")).toMatchObject({ code: 0, stdout: expect.stringContaining("; 1 of ") });
  expect(await namesIn("folder")).toEqual(digests(IMAGES));
});

test("a source is an archive where a file or folder is there, else a registry", async () => {
  expect(await sync("-s", "x.tar.gz")).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^dray: Cannot open "x.tar.gz": there is no such file\n.*oci:\/\//),
  });
  for (const path of ["./x", "/none/x", "x.zip", "x.tar.zst.part3"])
    expect([path, (await sync("-s", path)).code]).toEqual([path, 1]);
  expect(await sync("-s", "-")).toMatchObject({ code: 2, stderr: expect.stringContaining("only load reads") });
  expect(await sync("-s", "a.tar", "-s", "b.tar")).toMatchObject({ code: 2 });
  const bare = await sync("-s", "folder2");
  expect(bare.stderr).toContain('no file or folder "folder2": taking it for a registry');

  await using registry = await startRegistry();
  await pushTo(registry.store.repository("team/earlier"), earlier, "0");
  await mkdir(work.file(registry.host));
  await work.list("images.txt", ["team/earlier:0"]);
  const taken = await sync("-s", registry.host, "-f", "images.txt");
  expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining("there are no images in it") });
  expect(await sync("-s", `oci://${registry.host}`, "-f", "images.txt")).toMatchObject({ code: 0 });
  expect(Object.keys(await namesIn("folder"))).toEqual([`${registry.host}/team/earlier:0`]);
  await work.list("file.txt", ["no archive"]);
  expect(await sync("-s", "file.txt")).toMatchObject({ code: 1, stderr: expect.stringContaining("it is no gzip") });
});
