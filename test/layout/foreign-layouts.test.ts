/** Layouts of other tools, as they should be and as hostile archives may have them. */
import { describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { openTar } from "../../src/archive/tar-tree.ts";
import { type ByteStream, concat, decode, encode } from "../../src/bytes/stream.ts";
import { openDockerArchive } from "../../src/layout/docker-archive-store.ts";
import { openHangar } from "../../src/layout/hangar-store.ts";
import { openHangarZip } from "../../src/layout/hangar-zip-store.ts";
import { nameOfArchive } from "../../src/layout/image-name.ts";
import { openOciLayout } from "../../src/layout/oci-store.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { type ManifestView, parseManifest } from "../../src/oci/manifest.ts";
import * as types from "../../src/oci/media-types.ts";
import { MANIFEST_LIMIT, readAll } from "../../src/store/read.ts";
import type { Store, Tree, TreeFile } from "../../src/store/store.ts";
import {
  dockerFiles,
  hangarFiles,
  hangarZipFiles,
  imageToolsFiles,
  ociFiles,
  without,
} from "../support/foreign-layouts.ts";
import { type Files, memoryTree } from "../support/memory-tree.ts";
import {
  type Artifact,
  image,
  index,
  multiPlatform,
  type Part,
  randomBytes,
  referrer,
} from "../support/random-image.ts";
import { rawTar } from "../support/raw-tar.ts";
import { errorOf } from "../support/thrown.ts";

const NAME = "docker.io/a/b";
const two = multiPlatform(["linux/amd64", "linux/arm/v7"]);
const docker = multiPlatform(["linux/amd64", "linux/arm64"], { format: "docker" });
const one = multiPlatform(["linux/amd64"]);
const named = (artifact: Artifact, name = NAME, tag = "1") => [{ name, tag, artifact }];

async function listed(store: Store): Promise<string[]> {
  const references = await Array.fromAsync(store.references());
  return references.map(({ path, tag, root }) => (tag === undefined ? `${path}@${root.digest}` : `${path}:${tag}`));
}

async function rootOf(store: Store, path = NAME) {
  const root = (await store.repository(path).resolve("1"))!;
  const bytes = await readAll(store.repository(path).get(root), MANIFEST_LIMIT);
  return { root, bytes, view: parseManifest(root, bytes) };
}

function childrenOf({ view }: { view: ManifestView }): readonly Descriptor[] {
  if (view.kind !== "index") throw new Error("it is no index");
  return view.children;
}

function layersOf({ view }: { view: ManifestView }): readonly Descriptor[] {
  if (view.kind !== "image") throw new Error("it is no image");
  return view.layers;
}

describe("platforms that are listed one by one", () => {
  const LISTS: readonly [string, (files: Files) => Promise<Store>, Files][] = [
    ["Hangar 1.3-1.6", (files) => openHangar(memoryTree(files), "x"), hangarFiles(named(docker))],
    ["image-tools", (files) => openHangar(memoryTree(files), "x"), imageToolsFiles(named(docker))],
    [
      "Hangar 1.7-1.9",
      (files) => openHangarZip(memoryTree(files), JSON.parse(String(files["index.json"])), { name: "x" }),
      hangarZipFiles(named(docker)),
    ],
  ];

  describe.each(LISTS)("%s", (_, open, files) => {
    test("become an index, always the same, of the manifests as they are", async () => {
      const { root, view } = await rootOf(await open(files));
      expect(root.mediaType).toBe(types.DOCKER_LIST);
      const children = docker.manifests
        .slice(0, 2)
        .map(({ descriptor: { mediaType, digest, size, platform } }) => ({ mediaType, digest, size, platform }));
      expect(view).toMatchObject({ kind: "index", children });
      expect((await rootOf(await open(files))).root).toEqual(root);
    });

    test.each(docker.blobs.concat(docker.manifests.slice(0, 2)).map(({ descriptor }) => descriptor.digest.slice(7)))(
      "without file %s, the platforms that need it fail where they are read, and no others",
      async (hex) => {
        const store = await open(without(files, hex));
        expect(await listed(store)).toEqual([`${NAME}:1`]);
        const from = store.repository(NAME);
        const isLost = ({ descriptor, bytes }: Part) => `${descriptor.digest} ${decode(bytes)}`.includes(hex);
        const platforms = docker.manifests.slice(0, 2);
        const [lost, whole] = [platforms.filter(isLost), platforms.filter((one) => !isLost(one))];
        expect(lost.length).toBeGreaterThan(0);
        const root = (await from.resolve("1"))!;
        const failed = whole.length === 0 ? [root] : childrenOf(await rootOf(store)).slice(whole.length);
        expect(failed.length).toBe(whole.length === 0 ? 1 : lost.length);
        for (const one of failed) {
          const error = await errorOf(() => readAll(from.get(one), MANIFEST_LIMIT));
          expect(error).toMatch(
            /^NOT_FOUND: Cannot read "docker.io\/a\/b:1" for linux\/(amd64|arm64): it is listed, and/,
          );
        }
        for (const { descriptor, bytes } of whole)
          expect(await readAll(from.get(descriptor), MANIFEST_LIMIT)).toEqual(bytes);
      },
    );
  });

  test("that are missing where they are listed first, and there where they are listed again, are there", async () => {
    const files = hangarFiles(named(two));
    const list = JSON.parse(String(files["saved-images-list.json"])) as { List: { Images: object[] }[] };
    const [entry] = list.List;
    const failed = { ...entry!, Images: entry!.Images.map((platform) => ({ ...platform, Folder: "none" })) };
    const text = JSON.stringify({ ...list, List: [failed, entry] });
    const store = await openHangar(memoryTree({ ...files, "saved-images-list.json": text }), "x");
    expect(childrenOf(await rootOf(store)).map(({ digest }) => digest)).toEqual(
      two.manifests.slice(0, 2).map(({ descriptor }) => descriptor.digest),
    );
  });

  test("none of which is listed make no image, and that is said", async () => {
    const files = hangarFiles(named(two));
    const list = JSON.parse(String(files["saved-images-list.json"])) as { List: object[] };
    const List = [...list.List, { Source: "a/none", Tag: "1" }, { Source: "a/b", Tag: "1", Images: null }];
    const tree = memoryTree({ ...files, "saved-images-list.json": JSON.stringify({ ...list, List }) });
    const warnings: string[] = [];
    const store = await openHangar(tree, "x", { onWarning: (message) => warnings.push(message) });
    expect(await listed(store)).toEqual([`${NAME}:1`]);
    expect(warnings).toEqual(['"x" has no platform of "docker.io/a/none:1", which it lists']);
  });

  test("of one platform there is no index", async () => {
    const { root } = await rootOf(await openHangar(memoryTree(hangarFiles(named(one))), "x"));
    expect(root.digest).toBe(one.manifests[0]!.descriptor.digest);
  });

  test("that are listed twice are there once, and those of two entries belong together", async () => {
    const files = hangarFiles(named(two));
    const list = JSON.parse(String(files["saved-images-list.json"])) as { List: { Images: unknown[] }[] };
    const [entry] = list.List;
    const parts = entry!.Images.map((platform) => ({ ...entry!, Images: [platform] }));
    const variants = [[entry, entry], parts, [...parts, entry]];
    for (const List of variants) {
      const store = await openHangar(
        memoryTree({ ...files, "saved-images-list.json": JSON.stringify({ ...list, List }) }),
        "x",
      );
      expect(await listed(store)).toEqual([`${NAME}:1`]);
      expect(childrenOf(await rootOf(store))).toHaveLength(2);
    }
  });

  test("are found whatever the list says their digests are, and with Version 1.1.0", async () => {
    const files = hangarFiles(named(two));
    const list = String(files["saved-images-list.json"]).replace('"v1.1.0"', '"1.1.0"');
    expect(await listed(await openHangar(memoryTree({ ...files, "saved-images-list.json": list }), "x"))).toEqual([
      `${NAME}:1`,
    ]);
  });

  test("whose manifest is damaged are not left out: they fail where they are read", async () => {
    const files = hangarFiles(named(two));
    const { digest } = two.manifests[0]!.descriptor;
    for (const bad of ["", "x".repeat(two.manifests[0]!.descriptor.size), "x"]) {
      const tree = memoryTree({ ...files, [`share/sha256/${digest.slice(7)}`]: bad });
      const store = await openHangar(tree, "x");
      const child = childrenOf(await rootOf(store)).find((each) => each.digest === digest)!;
      expect(await store.repository(NAME).carries?.(child)).toBe(true);
      expect(await errorOf(() => readAll(store.repository(NAME).get(child), MANIFEST_LIMIT))).toMatch(/^INTEGRITY: /);
    }
  });

  const broken: readonly [string, unknown, string][] = [
    ["a hostile name", { Source: "../../x", Tag: "1", Images: [] }, "is not the name of an image"],
    ["no name", { Tag: "1", Images: [] }, "is not the name of an image"],
    ["a hostile tag", { Source: "a/b", Tag: "../x", Images: [] }, "is not a tag"],
    ["no tag", { Source: "a/b", Images: [] }, "is not a tag"],
    ["images that are no list", { Source: "a/b", Tag: "1", Images: {} }, "are no list"],
    ["an image without a folder", { Source: "a/b", Tag: "1", Images: [{}] }, "has no folder"],
    ["an image that is nothing", { Source: "a/b", Tag: "1", Images: [null] }, "has no folder"],
  ];
  test.each(broken)("refuses an entry with %s", async (_, entry, reason) => {
    for (const Version of ["v1.1.0", "1.0.0"]) {
      const list = JSON.stringify({ List: [entry], Version });
      const error = await errorOf(() => openHangar(memoryTree({ "saved-images-list.json": list }), "x"));
      expect(error).toStartWith('INTEGRITY: Cannot read saved-images-list.json of "x": ');
      expect(error).toContain(reason);
    }
  });

  test.each([
    ["several manifests", { manifests: [two.root, two.root] }],
    ["none", { manifests: [] }],
    ["an index", { manifests: [two.root] }],
    ["a digest that is a path", { manifests: [{ ...two.root, digest: "sha256:../../x" }] }],
    ["no list", { manifests: 7 }],
  ])("refuses a folder whose index names %s", async (_, index) => {
    const files = hangarFiles(named(two));
    const path = Object.keys(files).find((each) => each.endsWith("/index.json"))!;
    const tree = memoryTree({ ...files, [path]: JSON.stringify(index) });
    expect(await errorOf(() => openHangar(tree, "x"))).toBe(
      `INTEGRITY: Cannot read ${path} of "x": it does not name one manifest`,
    );
  });
});

function bytesOf(content: Files[string]) {
  return typeof content === "string" ? encode(content) : content;
}

describe("OCI layouts", () => {
  const open = (files: Files, name = "/some/nginx.tar.gz", onWarning?: (message: string) => void) =>
    openOciLayout(memoryTree(files), JSON.parse(String(files["index.json"])), { name, onWarning });
  const REF = "org.opencontainers.image.ref.name";
  const FULL = "io.containerd.image.name";

  test.each([
    ["containerd's whole name", { [FULL]: "docker.io/library/x:1", [REF]: "1" }, "docker.io/library/x:1"],
    ["a whole name where the tag belongs", { [REF]: "registry:5000/a/b:2" }, "registry:5000/a/b:2"],
    ["a short name where the tag belongs", { [REF]: "kube/coredns:1.9" }, "docker.io/kube/coredns:1.9"],
    ["a tag, below the name of the archive", { [REF]: "1.25" }, "docker.io/library/nginx:1.25"],
    ["a whole name that is none, beside a tag", { [FULL]: "../x", [REF]: "1.25" }, "docker.io/library/nginx:1.25"],
    ["nothing, so by the digest", {}, `docker.io/library/nginx@${two.root.digest}`],
    ["a name that is none, so by the digest", { [REF]: "../../x" }, `docker.io/library/nginx@${two.root.digest}`],
  ])("are named by %s", async (_, annotations, name) => {
    expect(await listed(await open(ociFiles(named(two), () => annotations as Record<string, string>)))).toEqual([name]);
  });

  test("may hold several images, and indexes inside indexes", async () => {
    const nested = index([two, docker]);
    const store = await open(ociFiles([...named(nested), ...named(one, "docker.io/c/d")]));
    expect(await listed(store)).toEqual([`${NAME}:1`, "docker.io/c/d:1"]);
    expect((await rootOf(store)).root.digest).toBe(nested.root.digest);
  });

  test("may name an image twice: the last one counts", async () => {
    const store = await open(ociFiles([...named(two), ...named(one)]));
    expect(await listed(store)).toEqual([`${NAME}:1`]);
    expect((await rootOf(store)).root.digest).toBe(one.root.digest);
  });

  test("list the parts of an image beside it, which are no images of their own", async () => {
    const files = ociFiles(named(two));
    const index = JSON.parse(String(files["index.json"])) as { manifests: unknown[] };
    const parts = two.manifests.slice(0, 2).map(({ descriptor }) => descriptor);
    const store = await open({ ...files, "index.json": JSON.stringify({ manifests: [...index.manifests, ...parts] }) });
    expect(await listed(store)).toEqual([`${NAME}:1`]);
  });

  test("take along what is attached: by subject, by containerd's mark, by cosign's tag, by a list of referrers", async () => {
    const [plain, marked, signature, onList] = ["a", "b", "c", "d"].map((type) => referrer(two.root, `x/${type}`)) as [
      Artifact,
      Artifact,
      Artifact,
      Artifact,
    ];
    const list = index([onList]);
    const hex = two.root.digest.replace(":", "-");
    const images = [two, plain, marked, signature, list].map((artifact, at) => ({
      name: NAME,
      tag: `${at}`,
      artifact,
    }));
    const annotations: Record<string, Record<string, string>> = {
      "0": { [FULL]: `${NAME}:1` },
      "1": {},
      "2": { "io.containerd.manifest.subject": two.root.digest },
      "3": { [FULL]: `${NAME}:${hex}.sig` },
      "4": { [FULL]: `${NAME}:${hex}` },
    };
    const store = await open(ociFiles(images, ({ tag }) => annotations[tag]!));
    expect(await listed(store)).toEqual([`${NAME}:1`]);
    const found = await store.repository(NAME).referrers?.(two.root.digest);
    const digests = found!.map(({ digest }) => digest);
    for (const one of [plain, marked, onList]) expect(digests).toContain(one.root.digest);
    expect(await store.repository(NAME).resolve(`${hex}.sig`)).toMatchObject({ digest: signature.root.digest });
  });

  test("may lack platforms, which are left out with a word; where all are missing, they were lost", async () => {
    const files = ociFiles(named(two));
    const [amd64, arm] = two.manifests as [Artifact["manifests"][number], Artifact["manifests"][number]];
    const pathOf = ({ descriptor }: typeof amd64) => `blobs/${descriptor.digest.replace(":", "/")}`;
    const { [pathOf(arm)]: _, ...without } = files;
    const warnings: string[] = [];
    const store = await open(without, "x", (message) => warnings.push(message));
    expect(warnings).toEqual([`"x" holds 1 of the 2 manifests of "${NAME}:1"`]);
    expect(await store.repository(NAME).carries?.(amd64.descriptor)).toBe(true);
    expect(await store.repository(NAME).carries?.(arm.descriptor)).toBe(false);
    const { [pathOf(amd64)]: __, ...nothing } = without;
    expect(await (await open(nothing)).repository(NAME).carries?.(arm.descriptor)).toBe(true);
  });

  test("with a layer missing tell so when it is asked for", async () => {
    const files = ociFiles(named(two));
    const layer = two.blobs.find(({ descriptor }) => descriptor.mediaType.includes("layer"))!.descriptor;
    delete files[`blobs/${layer.digest.replace(":", "/")}`];
    const store = await open(files);
    expect(await errorOf(() => Array.fromAsync(store.repository(NAME).get(layer).open()))).toBe(
      `NOT_FOUND: Cannot read "${layer.digest}": it is not in "/some/nginx.tar.gz"`,
    );
  });

  test("leave what is no image, with a word", async () => {
    const warnings: string[] = [];
    const descriptor = { ...two.root, mediaType: "application/x" };
    const files = { ...ociFiles(named(two)), "index.json": JSON.stringify({ manifests: [descriptor] }) };
    expect(await listed(await open(files, "x", (message) => warnings.push(message)))).toEqual([]);
    expect(warnings).toEqual([`leaves "${two.root.digest}" of "x": a "application/x" is no image`]);
  });

  test.each([
    ["no list", { manifests: {} }],
    ["nothing", { manifests: [null] }],
    ["a digest that is a path", { manifests: [{ ...two.root, digest: "sha256:../../../etc/passwd" }] }],
    ["a negative size", { manifests: [{ ...two.root, size: -1 }] }],
    ["too many", { manifests: Array.from({ length: 100_001 }, () => two.root) }],
  ])("refuse an index of %s", async (_, index) => {
    expect(await errorOf(() => open({ "index.json": JSON.stringify(index) }, "x"))).toMatch(
      /^INTEGRITY: Cannot read index.json of "x": /,
    );
  });
});

describe("docker archives", () => {
  const plain = image({ compression: "none", format: "docker" });
  const files = dockerFiles(named(plain));
  const open = (changed: Files, name = "x") => openDockerArchive(memoryTree({ ...files, ...changed }), { name });
  const list = JSON.parse(String(files["manifest.json"])) as { Config: string; RepoTags: string[]; Layers: string[] }[];
  const withEntry = (entry: object): Files => ({ "manifest.json": JSON.stringify([{ ...list[0], ...entry }]) });

  test("get a manifest of config and layers, the same each time", async () => {
    const { root, bytes, view } = await rootOf(await open({}));
    expect(root.digest).toBe(digestOf(bytes));
    const [config, ...layers] = plain.blobs.map(({ descriptor: { digest, size } }) => ({ digest, size }));
    expect(view).toMatchObject({ kind: "image", config: { ...config, mediaType: types.DOCKER_CONFIG }, layers });
    for (const { mediaType } of layersOf({ view }))
      expect(mediaType).toBe("application/vnd.docker.image.rootfs.diff.tar");
    expect((await rootOf(await open({}))).root).toEqual(root);
  });

  test("have compressed layers by their own digests; with zstd the manifest is OCI's", async () => {
    const [path] = list[0]!.Layers;
    for (const [compressed, manifest, layer] of [
      [gzipSync(bytesOf(files[path!]!)), types.DOCKER_MANIFEST, "application/vnd.docker.image.rootfs.diff.tar.gzip"],
      [zstdCompressSync(bytesOf(files[path!]!)), types.OCI_MANIFEST, "application/vnd.oci.image.layer.v1.tar+zstd"],
    ] as const) {
      const bytes = new Uint8Array(compressed);
      const store = await open({ [path!]: bytes });
      const { root, view } = await rootOf(store);
      expect(root.mediaType).toBe(manifest);
      const [first] = layersOf({ view });
      expect(first).toEqual({ mediaType: layer, digest: digestOf(bytes), size: bytes.length });
      expect(await readAll(store.repository(NAME).get(first!), 1 << 20)).toEqual(bytes);
    }
  });

  test("whose layer is not what the config promises do not deliver it", async () => {
    const [path] = list[0]!.Layers;
    const store = await open({ [path!]: randomBytes(1, bytesOf(files[path!]!).length) });
    const [layer] = layersOf(await rootOf(store));
    expect(await errorOf(() => readAll(store.repository(NAME).get(layer!), 1 << 20))).toMatch(/^INTEGRITY: /);
  });

  test("of many links to one file read that once", async () => {
    const [first] = list[0]!.Layers;
    const links = Array.from({ length: 20 }, (_, at) => `link${at}`);
    const config = encode(JSON.stringify({ rootfs: { type: "layers", diff_ids: links.map(() => plain.root.digest) } }));
    const tar = rawTar(
      { name: "layer", content: new Uint8Array(gzipSync(bytesOf(files[first!]!))) },
      { name: "config", content: config },
      ...links.map((name) => ({ name, flag: "2", target: "layer" })),
      ...links.map((name) => ({ name: `${name}.json`, flag: "1", target: "config" })),
      {
        name: "manifest.json",
        content: JSON.stringify(
          links.map((name) => ({ Config: `${name}.json`, RepoTags: [`a/${name}:1`], Layers: links })),
        ),
      },
    );
    const volume = {
      name: "x",
      size: tar.length,
      parts: [],
      read: async (start: number, end: number) => tar.slice(start, end),
    };
    const tree = await openTar({ ...volume, async [Symbol.asyncDispose]() {} });
    const opened: string[] = [];
    function file(path: string): TreeFile | undefined {
      const found = tree.file(path);
      function open(options: Parameters<TreeFile["open"]>[0]): ByteStream {
        opened.push(path);
        return found!.open(options);
      }
      return found && { ...found, open };
    }
    const store = await openDockerArchive({ ...tree, file }, { name: "x" });
    // Of the layer its first bytes, and then all of it.
    expect(opened).toEqual(["manifest.json", "link0.json", "link0", "link0"]);
    const { view } = await rootOf(store, "docker.io/a/link7");
    expect(layersOf({ view }).length).toBe(20);
    expect(await readAll(store.repository("docker.io/a/link7").get(layersOf({ view })[19]!), 1 << 20)).toEqual(
      new Uint8Array(gzipSync(bytesOf(files[first!]!))),
    );
  });

  test.each([
    ["several names", ["a/b:1", "c:2"], ["docker.io/a/b:1", "docker.io/library/c:2"]],
    ["no names", null, [expect.stringMatching(/^docker.io\/library\/x@sha256:/)]],
    ["an empty list of names", [], [expect.stringMatching(/^docker.io\/library\/x@sha256:/)]],
  ])("with %s", async (_, RepoTags, names) => {
    expect(await listed(await open(withEntry({ RepoTags })))).toEqual(names as string[]);
  });

  const config = decode(bytesOf(files[list[0]!.Config]!));
  test.each<[string, Files]>([
    ["that is no list", { "manifest.json": "{}" }],
    ["that is not JSON", { "manifest.json": "[" }],
    ["of more than 20 MiB", { "manifest.json": concat([encode("[]"), new Uint8Array(21 << 20).fill(0x20)]) }],
    ["of 10,001 images", { "manifest.json": JSON.stringify(Array.from({ length: 10_001 }, () => list[0])) }],
    ["with nothing in it", { "manifest.json": "[null]" }],
    ["without a config", withEntry({ Config: undefined })],
    ["with a config that is missing", withEntry({ Config: "../../etc/passwd" })],
    ["with a config that is not JSON", { [list[0]!.Config]: "x" }],
    ["with a config of 5 MiB", { [list[0]!.Config]: new Uint8Array(5 << 20).fill(0x20) }],
    ["with a config without layers", { [list[0]!.Config]: "{}" }],
    ["with digests that are none", { [list[0]!.Config]: config.replaceAll("sha256:", "sha256:../") }],
    ["with too few layers", withEntry({ Layers: list[0]!.Layers.slice(1) })],
    ["with layers that are no texts", withEntry({ Layers: [1, 2] })],
    ["with a layer that is missing", withEntry({ Layers: ["no", "no"] })],
    ["with a hostile name", withEntry({ RepoTags: ["../../x:1"] })],
    ["with a name that is no text", withEntry({ RepoTags: [7] })],
    ["with names that are no list", withEntry({ RepoTags: "a:1" })],
  ])("refuses a manifest.json %s", async (_, changed) => {
    expect(await errorOf(() => open(changed))).toMatch(/^INTEGRITY: Cannot read manifest.json of "x": ./);
  });
});

test.each([
  ["/x/nginx.tar.gz", "docker.io/library/nginx"],
  ["nginx.oci-archive.tar", "docker.io/library/nginx-oci-archive"],
  ["/x/My Images (2).tar.zstd.part0", "docker.io/library/my-images-2"],
  ["layout/", "docker.io/library/layout"],
  ["...", "docker.io/library/image"],
  ["/x/.tar", "docker.io/library/image"],
])("the archive %s makes the name %s", (path, name) => {
  expect(nameOfArchive(path)).toBe(name);
});

describe("what is listed a thousand times is read once", () => {
  /** Opens a layout whose document is `json`, and says how often any file was opened. */
  async function reads(files: Files, open: (tree: Tree) => Promise<Store>): Promise<number> {
    const tree = memoryTree(files);
    let count = 0;
    await open({
      ...tree,
      file(path) {
        const file = tree.file(path);
        if (!file) return undefined;
        const watched: typeof file.open = (options) => {
          count++;
          return file.open(options);
        };
        return { size: file.size, open: watched };
      },
    });
    return count;
  }
  const thousand = <T>(one: T): T[] => Array.from({ length: 1000 }, () => one);

  test("in an OCI layout", async () => {
    const many = index(thousand(image()));
    const files = ociFiles(named(many));
    const document = JSON.parse(String(files["index.json"])) as { manifests: unknown[] };
    const json = { manifests: thousand(document.manifests[0]) };
    expect(await reads(files, (tree) => openOciLayout(tree, json, { name: "x" }))).toBeLessThan(5);
  });

  test.each([hangarFiles(named(one)), imageToolsFiles(named(docker))])("in a list", async (files) => {
    const list = JSON.parse(String(files["saved-images-list.json"])) as { List: unknown[] };
    const changed = JSON.stringify({ ...list, List: thousand(list.List[0]) });
    const all = { ...files, "saved-images-list.json": changed };
    expect(await reads(all, (tree) => openHangar(tree, "x"))).toBeLessThan(10);
  });

  test("in a docker archive", async () => {
    const files = dockerFiles(named(image({ compression: "gzip", format: "docker" })));
    const changed = JSON.stringify(thousand((JSON.parse(String(files["manifest.json"])) as unknown[])[0]));
    const all = { ...files, "manifest.json": changed };
    expect(await reads(all, (tree) => openDockerArchive(tree, { name: "x" }))).toBeLessThan(10);
  });
});
