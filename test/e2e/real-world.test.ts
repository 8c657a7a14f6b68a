/** The main job with real programs: skopeo fills a registry, Dray carries it across, podman, skopeo and tar take what arrives. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { SavedList } from "../../src/layout/hangar.ts";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { type DebianRegistry, startDebianRegistry } from "../support/debian-registry.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { openPodman } from "../support/podman.ts";
import { type Ended, runWell } from "../support/run.ts";
import { digestOfText, IMAGES, inspect, NAMES, rawDigest, SOURCES, seed } from "../support/sources.ts";
import { requireTool } from "../support/tool.ts";

setDefaultTimeout(120_000);

/** Debian's registry hides a manifest from who does not name its type. */
const MANIFEST_TYPES = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST];
const missing = ["docker-registry", "skopeo", "podman", "tar", "gzip", "zstd"]
  .map(requireTool)
  .find((reason) => reason !== undefined);

describe.skipIf(missing !== undefined)("real programs", () => {
  let place: Workplace;
  let source: DebianRegistry;
  let target: DebianRegistry;
  let list: string;
  let saved: Ended;
  let loaded: Ended;

  beforeAll(async () => {
    place = await openWorkplace();
    [source, target] = await Promise.all([startDebianRegistry(), startDebianRegistry()]);
    await seed(source.host);
    list = await place.list(
      "images.txt",
      NAMES.map((name) => `${source.host}/${name}:v1`),
    );
    saved = await place.dray(["save", "-f", list, "-a", "all", "--os", "all"]);
    loaded = await place.dray(["load", "-s", "saved-images.tar.gz", "-d", target.host]);
  });

  afterAll(async () => {
    await source?.close();
    await target?.close();
    await place?.[Symbol.asyncDispose]();
  });

  test("save and load end well", () => {
    expect(saved).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Saved 11 images; .*\n$/) });
    expect(loaded).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Loaded 11 images; .*\n$/) });
  });

  test("gzip and tar accept the archive", async () => {
    const archive = place.file("saved-images.tar.gz");
    await runWell("gzip", ["-t", archive]);
    const names = (await runWell("tar", ["-tzf", archive])).split("\n").filter(Boolean);
    expect(names.every((name) => name.startsWith("saved-image-cache/"))).toBe(true);
    expect(new Set(names).size).toBe(names.length);
    for (const { manifests, blobs } of Object.values(SOURCES))
      for (const { descriptor } of [...manifests, ...blobs])
        expect(names).toContain(`saved-image-cache/share/sha256/${descriptor.digest.slice(7)}`);
  });

  test.each(NAMES)("%s has the same bytes on both sides", async (name) => {
    const [here, there] = await Promise.all([source, target].map(({ host }) => rawDigest(host, name, "v1")));
    expect(here).toBe(SOURCES[name]!.root.digest);
    expect(there).toBe(here!);
    for (const { descriptor } of SOURCES[name]!.manifests)
      expect(await manifestStatus(target.host, name, descriptor.digest)).toBe(200);
  });

  test("podman pulls every image", async () => {
    const names = IMAGES.map((name) => `${target.host}/${name}:v1`);
    await using podman = await openPodman();
    await podman.run(["pull", "--quiet", "--tls-verify=false", "--arch", "amd64", ...names]);
    const images = await podman.run(["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    expect(images.trim().split("\n").sort()).toEqual([...names].sort());
  });

  test("skopeo copies every image out of the unpacked archive", async () => {
    await runWell("mkdir", [place.file("unpacked")]);
    await runWell("tar", ["-xzf", place.file("saved-images.tar.gz"), "-C", place.file("unpacked")]);
    const folder = place.file("unpacked/saved-image-cache");
    const { List } = (await Bun.file(join(folder, "saved-images-list.json")).json()) as SavedList;
    for (const name of NAMES.filter((name) => name !== "nested")) {
      const { root } = SOURCES[name]!;
      const to = place.file(`copied/${name}`);
      await runWell("mkdir", ["-p", to]);
      const flags = ["copy", "--insecure-policy", "--preserve-digests"];
      // skopeo finds by name in an OCI layout only what is of OCI's types; a folder of one image has no need of names
      const { Images: [first] = [] } = List.find(({ Source }) => Source === `${source.host}/${name}`) ?? {};
      const args = root.mediaType.includes("docker")
        ? ["--src-shared-blob-dir", join(folder, "share"), `oci:${join(folder, first!.Folder)}`, `dir:${to}`]
        : ["--all", `oci:${folder}:${source.host}/${name}:v1`, `dir:${to}`];
      await runWell("skopeo", [...flags, ...args]);
      const copied = digestOfText(await Bun.file(join(to, "manifest.json")).text());
      expect(copied).toBe(root.mediaType === DOCKER_LIST ? first!.Digest : root.digest);
    }
  });

  test("a subset keeps the digest of each platform's manifest", async () => {
    await using registry = await startDebianRegistry();
    const args = ["save", "-f", list, "-a", "amd64", "-d", "amd64.tar.zst"];
    expect(await place.dray(args)).toMatchObject({ code: 0 });
    await runWell("zstd", ["-q", "-t", place.file("amd64.tar.zst")]);
    expect(await place.dray(["load", "-s", "amd64.tar.zst", "-d", registry.host])).toMatchObject({ code: 0 });
    for (const name of ["docker/list", "oci/index", "oci/attested"]) {
      const raw = JSON.parse(await runWell("skopeo", inspect(registry.host, name, "v1")));
      const original = JSON.parse(new TextDecoder().decode(SOURCES[name]!.manifests.at(-1)!.bytes));
      const [amd64] = original.manifests;
      const kept = name === "oci/attested" ? [amd64, original.manifests[2]] : [amd64];
      expect(raw).toEqual({ ...original, manifests: kept });
      expect(await rawDigest(registry.host, name, amd64.digest)).toBe(amd64.digest);
    }
    for (const name of ["docker/single", "oci/single", "plain", "charts/demo", "some/deep/path/zstd"])
      expect(await rawDigest(registry.host, name, "v1")).toBe(SOURCES[name]!.root.digest);
    await using podman = await openPodman();
    await podman.run(["pull", "--quiet", "--tls-verify=false", `${registry.host}/oci/attested:v1`]);
  });

  test("an unpacked tar archive loads as a folder", async () => {
    await using registry = await startDebianRegistry();
    const args = ["save", "-f", list, "-a", "all", "--os", "all", "-d", "plain.tar"];
    expect(await place.dray(args)).toMatchObject({ code: 0 });
    await runWell("mkdir", [place.file("plain")]);
    await runWell("tar", ["-xf", place.file("plain.tar"), "-C", place.file("plain")]);
    expect(
      await place.dray(["load", "-s", "plain/saved-image-cache", "-d", `${registry.host}/far/side`]),
    ).toMatchObject({ code: 0 });
    for (const name of NAMES)
      expect(await rawDigest(registry.host, `far/side/${name}`, "v1")).toBe(SOURCES[name]!.root.digest);
  });
});

async function manifestStatus(host: string, name: string, reference: string): Promise<number> {
  const headers = { accept: MANIFEST_TYPES.join(", ") };
  return (await fetch(`http://${host}/v2/${name}/manifests/${reference}`, { method: "HEAD", headers })).status;
}
