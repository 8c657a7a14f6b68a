/** The documents of Hangar's layout: what its loader, readers of OCI layouts and Dray find in them. */
import { expect, test } from "bun:test";
import { decode } from "../../src/bytes/stream.ts";
import { type LaidImage, layoutFiles, layoutFolders, listFile, type SavedList } from "../../src/layout/hangar.ts";
import { hangarArchive } from "../../src/layout/hangar-archive.ts";
import { parseSelection } from "../../src/oci/platform.ts";
import { laidOut } from "../support/laid.ts";
import { attested, chart, image, index, multiPlatform } from "../support/random-image.ts";

const TIME = new Date("2024-05-06T07:08:09.123Z");
const NGINX = multiPlatform(["linux/amd64", "linux/arm/v7"], { seed: "nginx" });

function listOf(images: readonly LaidImage[]): SavedList {
  return JSON.parse(decode(listFile(images, TIME).bytes));
}

function documents(images: readonly LaidImage[]): Record<string, unknown> {
  return Object.fromEntries(
    [listFile(images, TIME), ...layoutFiles(images)].map(({ path, bytes }) => [path, JSON.parse(decode(bytes))]),
  );
}

test("the list names the image, its platforms, and the manifest that its name stands for", async () => {
  const laid = await laidOut(NGINX, "docker.io/library/nginx", "1.25");
  const [amd64, arm] = NGINX.manifests;
  expect(listOf([laid]) as unknown).toEqual({
    List: [
      {
        Source: "docker.io/library/nginx",
        Tag: "1.25",
        ArchList: ["amd64", "arm"],
        OsList: ["linux"],
        Images: [
          {
            Digest: amd64!.descriptor.digest,
            Arch: "amd64",
            OS: "linux",
            Folder: expect.stringMatching(/^[0-9a-f]{64}$/),
          },
          {
            Digest: arm!.descriptor.digest,
            Arch: "arm",
            OS: "linux",
            Variant: "v7",
            Folder: expect.stringMatching(/^[0-9a-f]{64}$/),
          },
        ],
        Root: { MediaType: NGINX.root.mediaType, Digest: NGINX.root.digest, Size: NGINX.root.size },
      },
    ],
    Version: "v1.1.0",
    SavedTime: "2024-05-06T07:08:09Z",
  });
});

test("each platform has a folder with one manifest, and in an archive folders come before what is in them", async () => {
  const laid = await laidOut(NGINX, "docker.io/library/nginx", "1.25");
  const found = documents([laid]);
  const folders = listOf([laid]).List[0]!.Images!.map(({ Folder }) => Folder);
  expect(Object.keys(found)).toEqual([
    "saved-images-list.json",
    "oci-layout",
    "index.json",
    ...folders.flatMap((folder) => [`${folder}/oci-layout`, `${folder}/index.json`]),
  ]);
  expect([...layoutFolders([laid])]).toEqual(folders);
  const head = [...hangarArchive(TIME).head([laid], new Set(["sha256"]))].map(({ path }) => path);
  const entered = ["", "/.dray", "/share", "/share/sha256", ...folders.map((folder) => `/${folder}`)];
  expect(head.slice(0, entered.length)).toEqual(entered.map((path) => `saved-image-cache${path}`));
  const { mediaType, digest, size } = NGINX.manifests[0]!.descriptor;
  expect(found[`${folders[0]}/index.json`]).toEqual({ schemaVersion: 2, manifests: [{ mediaType, digest, size }] });
  expect(found[`${folders[0]}/oci-layout`]).toEqual({ imageLayoutVersion: "1.0.0" });
});

test("two names of one image do not share a folder, nor do two variants", async () => {
  const one = await laidOut(NGINX, "docker.io/library/nginx", "1.25");
  const two = await laidOut(NGINX, "docker.io/library/nginx", "1.26");
  const folders = listOf([one, two]).List.flatMap(({ Images }) => Images!.map(({ Folder }) => Folder));
  expect(new Set(folders).size).toBe(4);
});

test("the root index offers what is there, under full names", async () => {
  const whole = await laidOut(NGINX, "docker.io/library/nginx", "1.25");
  const part = await laidOut(NGINX, "docker.io/library/nginx", "arm", parseSelection("arm", "linux"));
  const pinned = await laidOut(NGINX, "docker.io/library/nginx", undefined);
  const { manifests } = documents([whole, part, pinned])["index.json"] as {
    manifests: { digest: string; annotations: Record<string, string> }[];
  };
  expect(manifests.map(({ digest }) => digest)).toEqual([
    NGINX.root.digest,
    part.offered.descriptor.digest,
    NGINX.root.digest,
  ]);
  expect(part.offered.descriptor.digest).not.toBe(NGINX.root.digest);
  expect(part.root.descriptor.digest).toBe(NGINX.root.digest);
  expect(manifests.map(({ annotations }) => annotations["org.opencontainers.image.ref.name"])).toEqual([
    "docker.io/library/nginx:1.25",
    "docker.io/library/nginx:arm",
    `docker.io/library/nginx@${NGINX.root.digest}`,
  ]);
});

test("what Hangar cannot push stands beside its list", async () => {
  const helm = await laidOut(chart(), "ghcr.io/org/chart", "1.2.3");
  const zstd = await laidOut(image({ compression: "zstd" }), "docker.io/a/zstd", "1");
  const nested = await laidOut(index([index([image()])]), "docker.io/a/nested", "1");
  const pinned = await laidOut(image(), "docker.io/a/pinned", undefined);
  const usual = await laidOut(image(), "docker.io/a/usual", "1");
  const signed = await laidOut(attested(["linux/amd64"]), "docker.io/a/signed", "1");
  const list = listOf([helm, zstd, nested, pinned, usual, signed]);
  expect(list.List.map(({ Source }) => Source)).toEqual(["docker.io/a/usual", "docker.io/a/signed"]);
  expect(list.Artifacts!.map(({ Source }) => Source)).toEqual([
    "ghcr.io/org/chart",
    "docker.io/a/zstd",
    "docker.io/a/nested",
    "docker.io/a/pinned",
  ]);
  expect(list.Artifacts![3]).not.toHaveProperty("Tag");
  expect([...layoutFiles([helm])].map(({ path }) => path)).toEqual(["oci-layout", "index.json"]);
});

test("same images, same time: same bytes", async () => {
  const [one, two] = [await laidOut(NGINX, "docker.io/a/b", "1"), await laidOut(NGINX, "docker.io/a/b", "1")];
  expect([listFile([one], TIME), ...layoutFiles([one])]).toEqual([
    listFile([two], new Date(TIME)),
    ...layoutFiles([two]),
  ]);
});

test("more platforms than an archive has entries for are refused before anything is made", async () => {
  const laid = await laidOut(NGINX, "docker.io/library/nginx", "1.25");
  const head = (count: number) => hangarArchive(TIME).head(Array<LaidImage>(count).fill(laid), new Set(["sha256"]));
  expect(() => [...head(20_001)]).toThrow("Cannot archive 40002 platforms: 40000 are the most");
  expect([...head(1)].length).toBeGreaterThan(6);
});
