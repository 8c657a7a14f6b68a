/** The OCI layout that docker load takes as well, as documents. */
import { expect, test } from "bun:test";
import { decode } from "../../src/bytes/stream.ts";
import type { LaidImage } from "../../src/layout/hangar.ts";
import { type DockerImage, ociArchive } from "../../src/layout/oci-archive.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { dockerImage } from "../../src/operations/docker-image.ts";
import { walk } from "../../src/operations/walk.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { laidOut } from "../support/laid.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, attested, chart, image, layer, multiPlatform } from "../support/random-image.ts";

const ONE = image({ seed: 1 });

/** The documents of an archive of these images, each with what docker is offered. */
function documents(images: readonly [LaidImage, DockerImage?][]) {
  const docker = new Map(images.flatMap(([laid, found]) => (found ? [[laid, found] as const] : [])));
  const algorithms = new Set(["sha256", "sha512"]);
  const head = [
    ...ociArchive(docker).head(
      images.map(([laid]) => laid),
      algorithms,
    ),
  ];
  const json = (path: string) => JSON.parse(decode(head.find((one) => one.path === path)!.bytes!));
  return { paths: head.map(({ path }) => path), index: json("index.json"), docker: json("manifest.json"), json };
}

test("documents come before folders, and there is nothing to say again", async () => {
  const { paths, json } = documents([[await laidOut(ONE, "docker.io/library/one", "v1")]]);
  expect(paths).toEqual(["oci-layout", "index.json", "manifest.json", "blobs", "blobs/sha256", "blobs/sha512"]);
  expect(json("oci-layout")).toEqual({ imageLayoutVersion: "1.0.0" });
  expect(ociArchive(new Map()).amended).toBeUndefined();
  expect(ociArchive(new Map()).blobPath(ONE.root.digest)).toBe(`blobs/sha256/${ONE.root.digest.slice(7)}`);
});

test("an image has its name for containerd, for others and for docker", async () => {
  const [config, first] = ONE.blobs.map(({ descriptor }) => descriptor.digest);
  const docker = { config: config!, layers: [first!, first!] };
  const found = documents([[await laidOut(ONE, "docker.io/library/one", "v1"), docker]]);
  const name = "docker.io/library/one:v1";
  expect(found.index.manifests).toEqual([
    {
      mediaType: ONE.root.mediaType,
      digest: ONE.root.digest,
      size: ONE.root.size,
      annotations: { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name },
    },
  ]);
  const path = (digest: string | undefined): string => `blobs/sha256/${digest?.slice(7)}`;
  expect(found.docker).toEqual([{ Config: path(config), RepoTags: [name], Layers: [path(first), path(first)] }]);
});

test("docker gets two names of one image as one, none where there is no tag, and nothing of what it cannot load", async () => {
  const [config, first] = ONE.blobs.map(({ descriptor }) => descriptor.digest);
  const docker = { config: config!, layers: [first!] };
  const twice = documents([
    [await laidOut(ONE, "a.io/one", "v1"), docker],
    [await laidOut(ONE, "b.io/two", "v2"), { ...docker }],
    [await laidOut(chart(), "c.io/chart", "1.2.3")],
  ]);
  expect(twice.docker).toMatchObject([{ RepoTags: ["a.io/one:v1", "b.io/two:v2"] }]);
  expect(twice.index.manifests).toHaveLength(3);
  const nameless = documents([[await laidOut(ONE, "a.io/one", undefined), docker]]);
  expect(nameless.docker).toMatchObject([{ RepoTags: null }]);
});

test("what is attached has its subject, and each stands there once", async () => {
  const laid = await laidOut(ONE, "a.io/one", "v1");
  const referrers = [
    { subject: ONE.root.digest, descriptor: { ...chart().root, artifactType: "text/sbom" }, tag: undefined },
    { subject: ONE.root.digest, descriptor: image({ seed: 2 }).root, tag: "sha256-abc.sig" },
  ];
  const { index } = documents([[{ ...laid, referrers }], [{ ...laid, tag: "v2", referrers: referrers.slice(0, 1) }]]);
  expect(index.manifests.slice(2)).toMatchObject([
    { artifactType: "text/sbom", annotations: { "io.containerd.manifest.subject": ONE.root.digest } },
    { annotations: { "org.opencontainers.image.ref.name": "a.io/one:sha256-abc.sig" } },
  ]);
  expect(index.manifests).toHaveLength(4);
});

/** The config of the platform that docker is offered. */
async function offered(artifact: Artifact): Promise<string | undefined> {
  const repository = memoryStore().repository("made-up");
  await pushTo(repository, artifact);
  const walked = await walk(repository, artifact.root, { selection: EVERYTHING, configs: true });
  const found = await dockerImage(walked!);
  if (!found) return undefined;
  const config = artifact.blobs.find(({ descriptor }) => descriptor.digest === found.config);
  const { os, architecture } = JSON.parse(decode(config!.bytes));
  return `${os}/${architecture} ${found.layers.length}`;
}

test.each<[string, Artifact, string | undefined]>([
  ["the only platform", image({ platform: "linux/s390x", layers: 3 }), "linux/s390x 3"],
  ["linux/amd64 of several", multiPlatform(["windows/amd64", "linux/arm64", "linux/amd64"]), "linux/amd64 2"],
  ["linux/arm64 without it", multiPlatform(["windows/amd64", "linux/s390x", "linux/arm64"]), "linux/arm64 2"],
  ["any linux before others", multiPlatform(["windows/amd64", "linux/s390x"]), "linux/s390x 2"],
  ["a platform, not its attestation", attested(["linux/arm64"]), "linux/arm64 2"],
  ["Docker's own", image({ format: "docker" }), "linux/amd64 2"],
  ["plain layers", image({ compression: "none" }), "linux/amd64 2"],
  ["a layer that is there twice, twice", image({ layers: [layer("a", 99), layer("a", 99)] }), "linux/amd64 2"],
  ["no zstd", image({ compression: "zstd" }), undefined],
  ["no chart", chart(), undefined],
])("docker is offered %s", async (_, artifact, expected) => {
  expect(await offered(artifact)).toBe(expected);
});
