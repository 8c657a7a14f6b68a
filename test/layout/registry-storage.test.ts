/** The storage folder of a registry: as a store, file by file, and under Debian's docker-registry. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openRegistryStorage } from "../../src/layout/registry-storage.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { readAll } from "../../src/store/read.ts";
import { testStore } from "../contract/store.ts";
import { type DebianRegistry, startDebianRegistry } from "../support/debian-registry.ts";
import { pushTo, upload } from "../support/push.ts";
import { attested, chart, image, multiPlatform, referrer } from "../support/random-image.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";
import { requireTool } from "../support/tool.ts";

testStore("registry storage", async () => {
  const folder = await temporaryFolder();
  const store = openRegistryStorage(folder.path);
  async function close(): Promise<void> {
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  }
  return { store, close };
});

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

function dataOf(digest: Digest): string {
  const hex = digest.slice(7);
  return join(folder.path, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
}

async function files(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1));
}

test("writes the files of a registry and nothing else", async () => {
  const store = openRegistryStorage(folder.path);
  const one = image({ layers: 1 });
  await pushTo(store.repository("team/app"), one, "v1");
  await store[Symbol.asyncDispose]();
  const hex = ({ digest }: { digest: string }): string => digest.slice(7);
  const repository = "docker/registry/v2/repositories/team/app";
  const manifest = hex(one.root);
  const data = [...one.blobs, ...one.manifests].map(({ descriptor }) => hex(descriptor));
  const expected = [
    ...data.map((digits) => `docker/registry/v2/blobs/sha256/${digits.slice(0, 2)}/${digits}/data`),
    ...one.blobs.map(({ descriptor }) => `${repository}/_layers/sha256/${hex(descriptor)}/link`),
    `${repository}/_manifests/revisions/sha256/${manifest}/link`,
    `${repository}/_manifests/tags/v1/current/link`,
    `${repository}/_manifests/tags/v1/index/sha256/${manifest}/link`,
  ];
  expect((await files(folder.path)).sort()).toEqual(expected.sort());
  expect(await readFile(join(folder.path, repository, "_manifests/tags/v1/current/link"), "utf8")).toBe(
    one.root.digest,
  );
  expect(await readdir(folder.path)).toEqual(["docker"]);
});

test("everybody may read what it writes, whatever the umask", async () => {
  const before = process.umask(0o077);
  try {
    await pushTo(openRegistryStorage(folder.path).repository("app"), image(), "v1");
  } finally {
    process.umask(before);
  }
  for (const entry of await readdir(join(folder.path, "docker"), { recursive: true, withFileTypes: true })) {
    const { mode } = await stat(join(entry.parentPath, entry.name));
    expect(mode & 0o777).toBe(entry.isDirectory() ? 0o755 : 0o644);
  }
});

test("a tag is not there before its manifest is", async () => {
  const repository = openRegistryStorage(folder.path).repository("app");
  const { manifests, blobs } = image();
  for (const blob of blobs) await repository.put(blob);
  const broken = { ...manifests[0]!, open: () => blobs[0]!.open() };
  await expect(repository.tag("v1", broken)).rejects.toThrow();
  expect(await repository.resolve("v1")).toBeUndefined();
  expect(await Array.fromAsync(repository.tags?.() ?? [])).toEqual([]);
});

test.each(["../evil", "a/../../evil", "/etc", "A", "a//b", "", "a/_layers", "a\0b"])(
  "refuses the repository %p",
  (path) => {
    expect(() => openRegistryStorage(folder.path).repository(path)).toThrow("it is not a repository name");
  },
);

test.each(["../../evil", "a/b", "", ".", "a b"])("refuses the tag %p", async (tag) => {
  const repository = openRegistryStorage(folder.path).repository("app");
  await expect(repository.tag(tag, image().manifests[0]!)).rejects.toThrow("is not a tag");
  expect(await repository.resolve(tag)).toBeUndefined();
});

test("does not follow links out of the folder", async () => {
  const store = openRegistryStorage(folder.path);
  const one = image().blobs[0]!;
  await store.repository("app").put(one);
  await rm(dataOf(one.descriptor.digest));
  await writeFile(join(folder.path, "outside"), one.bytes);
  await symlink(join(folder.path, "outside"), dataOf(one.descriptor.digest));
  expect(await store.blob?.(one.descriptor.digest)).toBeUndefined();
  expect(await store.repository("app").has(one.descriptor)).toBe(false);
});

test("takes nothing for a digest that a link does not name", async () => {
  const store = openRegistryStorage(folder.path);
  await pushTo(store.repository("app"), image(), "v1");
  const link = join(folder.path, "docker/registry/v2/repositories/app/_manifests/tags/v1/current/link");
  await writeFile(link, "sha256:../../../../etc/passwd");
  expect(await store.repository("app").resolve("v1")).toBeUndefined();
});

test("a blob of the wrong size is fetched again", async () => {
  const repository = openRegistryStorage(folder.path).repository("app");
  const one = image().blobs[0]!;
  await repository.put(one);
  await writeFile(dataOf(one.descriptor.digest), "cut");
  expect(await repository.has(one.descriptor)).toBe(false);
  await repository.put(one);
  expect(await readAll(repository.get(one.descriptor), 1 << 20)).toEqual(one.bytes);
});

test("a folder of the same name in capitals is told apart, or refused", async () => {
  const repository = openRegistryStorage(folder.path).repository("app");
  await pushTo(repository, image({ seed: "small" }), "v1");
  await pushTo(repository, image({ seed: "large" }), "V1");
  expect((await repository.resolve("v1"))?.digest).toBe(image({ seed: "small" }).root.digest);
  expect((await repository.resolve("V1"))?.digest).toBe(image({ seed: "large" }).root.digest);
});

test("folders that are no repositories are not named", async () => {
  const repositories = join(folder.path, "docker/registry/v2/repositories");
  await mkdir(join(repositories, "Upper/_manifests/tags/v1"), { recursive: true });
  await mkdir(join(repositories, "empty/_uploads"), { recursive: true });
  await pushTo(openRegistryStorage(folder.path).repository("a/b/c"), image(), "v1");
  const found = await Array.fromAsync(openRegistryStorage(folder.path).references());
  expect(found.map(({ path }) => path)).toEqual(["a/b/c"]);
});

describe.skipIf(requireTool("docker-registry") !== undefined)("Debian's docker-registry", () => {
  let registry: DebianRegistry;
  let shared: TemporaryFolder;
  beforeAll(async () => {
    shared = await temporaryFolder();
    registry = await startDebianRegistry({ root: shared.path });
  });
  afterAll(async () => {
    await registry.close();
    await shared[Symbol.asyncDispose]();
  });

  async function get(path: string, accept: string): Promise<Response> {
    return await fetch(`http://${registry.host}/v2/${path}`, { headers: { accept } });
  }

  test("serves what was written", async () => {
    const store = openRegistryStorage(shared.path);
    const artifacts = {
      list: multiPlatform(["linux/amd64", "linux/arm/v7"], { format: "docker" }),
      index: attested(["linux/amd64"], { compression: "zstd" }),
      chart: chart(),
    };
    for (const [tag, artifact] of Object.entries(artifacts)) await pushTo(store.repository("ours/all"), artifact, tag);
    for (const [tag, { root, manifests, blobs }] of Object.entries(artifacts)) {
      const tagged = await get(`ours/all/manifests/${tag}`, root.mediaType);
      expect(tagged.headers.get("docker-content-digest")).toBe(root.digest);
      for (const { descriptor, bytes } of manifests) {
        const response = await get(`ours/all/manifests/${descriptor.digest}`, descriptor.mediaType);
        expect(response.headers.get("content-type")).toBe(descriptor.mediaType);
        expect(await response.bytes()).toEqual(bytes);
      }
      for (const { descriptor, bytes } of blobs)
        expect(await (await get(`ours/all/blobs/${descriptor.digest}`, "*/*")).bytes()).toEqual(bytes);
    }
    const listed = (await (await get("ours/all/tags/list", "*/*")).json()) as { tags: string[] };
    expect(listed.tags.sort()).toEqual(["chart", "index", "list"]);
    const catalog = (await (await get("_catalog", "*/*")).json()) as { repositories: string[] };
    expect(catalog.repositories).toContain("ours/all");
  });

  test("writes what is read", async () => {
    const whole = multiPlatform(["linux/amd64", "linux/arm64"], { seed: "theirs" });
    await upload(registry.host, "theirs/all", whole, "v1");
    await upload(registry.host, "theirs/all", referrer(whole.root), "signature");
    const repository = openRegistryStorage(shared.path).repository("theirs/all");
    expect(await Array.fromAsync(repository.tags?.() ?? [])).toEqual(["signature", "v1"]);
    const { mediaType, digest, size } = whole.root;
    expect(await repository.resolve("v1")).toEqual({ mediaType, digest, size });
    for (const { descriptor, bytes } of [...whole.manifests, ...whole.blobs]) {
      expect(await repository.has(descriptor)).toBe(true);
      expect(await readAll(repository.get(descriptor), 1 << 20)).toEqual(bytes);
    }
  });
});
