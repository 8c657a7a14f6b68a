/** Archives of one platform each, as Hangar's users make them, become one image on the far side: from files and out of pipes. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { shortDigest } from "../../src/oci/digest.ts";
import { startDebianRegistry } from "../support/debian-registry.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { hangarFiles } from "../support/foreign-layouts.ts";
import { type Artifact, image } from "../support/random-image.ts";
import { rawTar } from "../support/raw-tar.ts";
import { startRegistry } from "../support/registry.ts";
import type { Ended } from "../support/run.ts";
import { requireTool } from "../support/tool.ts";

setDefaultTimeout(60_000);

const ofHangar = (platform: string, seed = "1"): Artifact => image({ platform, seed, format: "docker" });
const IMAGES = { amd64: ofHangar("linux/amd64"), arm64: ofHangar("linux/arm64"), newer: ofHangar("linux/amd64", "2") };

function archiveOf(artifact: Artifact): Uint8Array {
  const files = hangarFiles([{ name: "docker.io/a/merge", tag: "1", artifact }]);
  return gzipSync(
    rawTar(...Object.entries(files).map(([name, content]) => ({ name: `saved-image-cache/${name}`, content }))),
  );
}

const WAYS: Readonly<Record<string, (place: Workplace, host: string, artifact: Artifact) => Promise<Ended>>> = {
  "from a file": async (place, host, artifact) => {
    await writeFile(place.file("x.tar.gz"), archiveOf(artifact));
    return place.dray(["load", "-s", "x.tar.gz", "-d", host]);
  },
  "out of a pipe": (place, host, artifact) =>
    place.dray(["load", "-s", "-", "-d", host], { input: archiveOf(artifact) }),
  "compressed anew": async (place, host, artifact) => {
    await writeFile(place.file("x.tar.gz"), archiveOf(artifact));
    await place.dray(["compress", "-f", "x.tar.gz", "-d", "y.tar.gz"]);
    return place.dray(["load", "-s", "y.tar.gz", "-d", host]);
  },
  "compressed anew, and out of a pipe": async (place, host, artifact) => {
    await writeFile(place.file("x.tar.gz"), archiveOf(artifact));
    await place.dray(["compress", "-f", "x.tar.gz", "-d", "y.tar.gz"]);
    return place.dray(["load", "-s", "-", "-d", host], { input: await readFile(place.file("y.tar.gz")) });
  },
  "out of a folder": async (place, host, artifact) => {
    await writeFile(place.file("x.tar.gz"), archiveOf(artifact));
    await rm(place.file("folder"), { recursive: true, force: true });
    await place.dray(["sync", "-s", "x.tar.gz", "-d", "folder"]);
    return place.dray(["load", "-s", "folder", "-d", host]);
  },
};

/** The digests of what the tag names. */
async function childrenAt(host: string): Promise<unknown> {
  const accept = "application/vnd.docker.distribution.manifest.list.v2+json";
  const response = await fetch(`http://${host}/v2/a/merge/manifests/1`, { headers: { accept } });
  const { manifests } = (await response.json()) as { manifests?: { digest: string }[] };
  return manifests?.map(({ digest }) => digest);
}

const missing = requireTool("docker-registry");

test.each(Object.entries(WAYS))("%s", async (_, load) => {
  await using place = await openWorkplace();
  await using registry = await (missing === undefined ? startDebianRegistry() : startRegistry());
  const { host } = registry;
  const { amd64, arm64, newer } = IMAGES;
  expect(await load(place, host, amd64)).toMatchObject({ code: 0, stderr: expect.not.stringContaining("WARN") });
  expect(await load(place, host, arm64)).toMatchObject({ code: 0, stderr: expect.not.stringContaining("WARN") });
  expect(await childrenAt(host)).toEqual([amd64.root.digest, arm64.root.digest]);
  expect(await load(place, host, amd64)).toMatchObject({ code: 0, stdout: expect.stringContaining("1 unchanged") });
  const { code, stderr } = await load(place, host, newer);
  expect([code, stderr]).toEqual([0, expect.stringContaining(`${shortDigest(amd64.root.digest)} is not part of this`)]);
  expect(await childrenAt(host)).toEqual([newer.root.digest, arm64.root.digest]);
});

test("archives that were compressed anew become one image in a folder, and stay one that others join", async () => {
  await using place = await openWorkplace();
  await using registry = await startRegistry();
  for (const [name, artifact] of [
    ["amd64", IMAGES.amd64],
    ["arm64", IMAGES.arm64],
  ] as const) {
    await writeFile(place.file(name), archiveOf(artifact));
    await place.dray(["compress", "-f", name, "-d", `${name}.tar.gz`]);
    expect(await place.dray(["sync", "-s", `${name}.tar.gz`, "-d", "folder"])).toMatchObject({ code: 0 });
  }
  expect(await WAYS["from a file"]!(place, registry.host, IMAGES.amd64)).toMatchObject({ code: 0 });
  const ended = await place.dray(["load", "-s", "folder", "-d", registry.host]);
  expect(ended).toMatchObject({ code: 0, stderr: expect.not.stringContaining("WARN") });
  expect(await childrenAt(registry.host)).toEqual([IMAGES.amd64.root.digest, IMAGES.arm64.root.digest]);
});
