/** `--layout oci`: one tar that the tools of OCI and of Docker load, and Dray itself. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { requireContainerd, startContainerd } from "../support/containerd.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { openPodman } from "../support/podman.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, attested, chart, image, layer, multiPlatform } from "../support/random-image.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { run } from "../support/run.ts";
import { pushSigned, signed } from "../support/signed.ts";
import { requireTool } from "../support/tool.ts";

setDefaultTimeout(120_000);

const shared = layer("shared", 5000);
const IMAGES: Readonly<Record<string, Artifact>> = {
  "library/one:v1": image({ seed: 1, layers: [shared, layer("own", 3000), shared] }),
  "team/many:v2": attested(["linux/arm64", "linux/amd64"], { seed: 2 }),
  "team/docker:v3": multiPlatform(["linux/amd64", "linux/arm64"], { seed: 3, format: "docker" }),
  "team/zstd:v4": image({ seed: 4, compression: "zstd" }),
  "team/plain:v5": image({ seed: 5, compression: "none" }),
};
const CHART = "charts/demo:1.2.3";
const SIGNED = signed("oci");
const ALL = [...Object.keys(IMAGES), CHART, "team/signed:v6"];

let registry: TestRegistry;
let place: Workplace;

beforeAll(async () => {
  registry = await startRegistry();
  for (const [name, artifact] of Object.entries({ ...IMAGES, [CHART]: chart() })) {
    const [path, tag] = name.split(":");
    await pushTo(registry.store.repository(path!), artifact, tag!);
  }
  const repository = registry.store.repository("team/signed");
  await pushSigned(SIGNED, "v6", (artifact, tag) => pushTo(repository, artifact, tag));
  place = await openWorkplace();
  await place.list("images.txt", Object.keys(IMAGES));
  await place.list("all.txt", ALL);
  await place.list("one.txt", ["team/many:v2"]);
  for (const name of ["images", "all", "one"])
    expect(
      await place.dray(["save", "-f", `${name}.txt`, "-s", registry.host, "-d", `${name}.tar`, "--layout", "oci"]),
    ).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await registry.close();
});

test("Dray loads it with every digest, signatures too", async () => {
  await using target = await startRegistry();
  expect(await place.dray(["load", "-s", "all.tar", "-d", target.host])).toMatchObject({ code: 0 });
  for (const name of ALL) {
    const [path, tag] = name.split(":");
    const there = await registry.store.repository(path!).resolve(tag!);
    expect((await target.store.repository(path!).resolve(tag!))?.digest).toBe(there!.digest);
  }
  const found = await target.store.repository("team/signed").resolve(SIGNED.tag);
  expect(found?.digest).toBe(SIGNED.signature.root.digest);
});

test("compress writes the same bytes as save", async () => {
  const env = { SOURCE_DATE_EPOCH: "1700000000" };
  await place.list("two.txt", ["team/many:v2", "library/one:v1"]);
  const save = ["save", "-f", "two.txt", "-s", registry.host, "--cache-dir", "two", "--layout", "oci", "-d", "two.tar"];
  expect(await place.dray(save, { env })).toMatchObject({ code: 0 });
  const pack = ["compress", "-f", "two", "--layout", "oci", "-d"];
  expect(await place.dray([...pack, "packed"], { env })).toMatchObject({ code: 0 });
  expect(await sha256(place.file("packed.tar"))).toBe(await sha256(place.file("two.tar")));
});

test("an image that fails is in no list, and the rest is loaded whole", async () => {
  await place.list("some.txt", ["library/one:v1", "library/none:v1"]);
  const args = ["save", "-f", "some.txt", "-s", registry.host, "--layout", "oci", "-d", "some.tar"];
  expect(await place.dray(args)).toMatchObject({ code: 3 });
  const { stdout } = await run("tar", ["-xOf", place.file("some.tar"), "manifest.json"]);
  expect(JSON.parse(stdout)).toMatchObject([{ RepoTags: [`${registry.host}/library/one:v1`] }]);
});

describe.skipIf(requireTool("skopeo") !== undefined)("skopeo", () => {
  async function copied(from: string, all: boolean): Promise<string> {
    const into = place.file(`copied ${(await readdir(place.path)).length}`);
    await mkdir(into);
    const flags = ["--insecure-policy", "copy", ...(all ? ["--all"] : [])];
    const { code, stderr } = await run("skopeo", [...flags, from, `dir:${into}`]);
    expect(`${code} ${stderr}`).toBe("0 ");
    return `sha256:${await sha256(`${into}/manifest.json`)}`;
  }

  test.each(["library/one:v1", "team/many:v2", "team/zstd:v4", "team/plain:v5"])(
    "finds %s in it as an OCI archive, with its digest",
    async (name) => {
      const digest = await copied(`oci-archive:${place.file("all.tar")}:${registry.host}/${name}`, true);
      expect(digest).toBe(IMAGES[name]!.root.digest);
    },
  );

  test.each(["library/one:v1", "team/many:v2", "team/docker:v3", "team/plain:v5", "team/signed:v6"])(
    "finds %s in it as a docker-archive",
    async (name) => {
      await copied(`docker-archive:${place.file("all.tar")}:${registry.host}/${name}`, false);
    },
  );

  test("needs no name for the only image, compressed or not", async () => {
    const save = ["save", "-f", "one.txt", "-s", registry.host, "--layout", "oci"];
    expect(await place.dray([...save, "-d", "one.tar.gz"])).toMatchObject({ code: 0 });
    expect(await place.dray([...save, "-d", "one.tar.zst"])).toMatchObject({ code: 0 });
    for (const file of ["one.tar", "one.tar.gz", "one.tar.zst"])
      expect(await copied(`oci-archive:${place.file(file)}`, true)).toBe(IMAGES["team/many:v2"]!.root.digest);
  });
});

test.skipIf(requireTool("podman") !== undefined)("podman loads it", async () => {
  await using podman = await openPodman();
  for (const [file, names] of [
    ["one.tar", ["team/many:v2"]],
    ["all.tar", ["library/one:v1", "team/many:v2", "team/docker:v3", "team/plain:v5", "team/signed:v6"]],
  ] as const) {
    const stdout = await podman.run(["load", "--quiet", "-i", place.file(file)]);
    expect(stdout.trim().split("\n")).toEqual(names.map((name) => `Loaded image: ${registry.host}/${name}`));
  }
});

test.skipIf(requireContainerd() !== undefined)("containerd imports it, with every digest", async () => {
  await using containerd = await startContainerd();
  const flags = ["images", "import", "--snapshotter", "native", "--all-platforms"];
  const unpacked = await containerd.ctr("unpacked", [...flags, place.file("images.tar")]);
  expect(`${unpacked.code} ${unpacked.stderr}`).toBe("0 ");
  const all = await containerd.ctr("all", [...flags, "--no-unpack", place.file("all.tar")]);
  expect(`${all.code} ${all.stderr}`).toBe("0 ");
  const { stdout } = await containerd.ctr("all", ["images", "list"]);
  for (const [name, artifact] of Object.entries(IMAGES))
    expect(stdout).toMatch(new RegExp(`^${registry.host}/${name} .*${artifact.root.digest}`, "m"));
});

async function sha256(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}
