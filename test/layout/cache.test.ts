/** The cache folder: what it keeps of the store contract, and what it promises beside. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { lstat, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { collect } from "../../src/bytes/stream.ts";
import { type Cache, openCache } from "../../src/layout/cache.ts";
import { blobPath, layoutFolders } from "../../src/layout/hangar.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { openStore } from "../../src/operations/open.ts";
import { contentOf, readAll } from "../../src/store/read.ts";
import { testStore } from "../contract/store.ts";
import { laidOut } from "../support/laid.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, image, multiPlatform, part, randomBytes } from "../support/random-image.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";
import { errorOf, thrownBy } from "../support/thrown.ts";

testStore(
  "the cache folder",
  async () => {
    const folder = await temporaryFolder();
    const cache = await openCache(join(folder.path, "cache"));
    const store = { ...cache, async *references() {} };
    async function close(): Promise<void> {
      await cache[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    }
    return { store, close };
  },
  { named: false },
);

let folder: TemporaryFolder;
let root: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  root = join(folder.path, "cache");
});
afterEach(() => folder[Symbol.asyncDispose]());

function pathOf(digest: Digest): string {
  return join(root, blobPath(digest));
}

async function fill(cache: Cache, artifact: Artifact): Promise<void> {
  const repository = cache.repository("");
  for (const one of [...artifact.blobs, ...artifact.manifests]) await repository.put(one);
}

const ONE = part("a/b", randomBytes("cache", 10_000));

test("all repositories share what one of them has", async () => {
  await using cache = await openCache(root);
  await cache.repository("left").put(ONE);
  expect(await cache.repository("right").has(ONE.descriptor)).toBe(true);
  expect(await cache.repository("right").carries?.(ONE.descriptor)).toBe(true);
});

describe("what lies there from an earlier run", () => {
  test("is relied on when it is right, without asking the source", async () => {
    await mkdir(join(root, "share/sha256"), { recursive: true });
    await writeFile(pathOf(ONE.descriptor.digest), ONE.bytes);
    await using cache = await openCache(root);
    expect(await cache.repository("").has(ONE.descriptor)).toBe(true);
    const never = {
      descriptor: ONE.descriptor,
      open: () => {
        throw new Error("nobody should ask");
      },
    };
    await cache.repository("").put(never);
  });

  test("is removed when it is wrong, and fetched again", async () => {
    await mkdir(join(root, "share/sha256"), { recursive: true });
    await writeFile(pathOf(ONE.descriptor.digest), randomBytes("rotten", ONE.bytes.length));
    await using cache = await openCache(root);
    expect(await cache.repository("").has(ONE.descriptor)).toBe(false);
    expect(await readdir(join(root, "share/sha256"))).toEqual([]);
    await cache.repository("").put(ONE);
    expect(await cache.repository("").has(ONE.descriptor)).toBe(true);
    expect(new Uint8Array(await readFile(pathOf(ONE.descriptor.digest)))).toEqual(ONE.bytes);
  });

  test("is written over when it is put without being looked at", async () => {
    await mkdir(join(root, "share/sha256"), { recursive: true });
    await writeFile(pathOf(ONE.descriptor.digest), randomBytes("rotten", ONE.bytes.length));
    await using cache = await openCache(root);
    await cache.repository("").put(ONE);
    expect(new Uint8Array(await readFile(pathOf(ONE.descriptor.digest)))).toEqual(ONE.bytes);
  });

  test("is hashed once in a run", async () => {
    await using cache = await openCache(root);
    await cache.repository("").put(ONE);
    await writeFile(pathOf(ONE.descriptor.digest), randomBytes("later", ONE.bytes.length));
    expect(await cache.repository("").has(ONE.descriptor)).toBe(true);
  });
});

test("unfinished downloads are kept apart, and go on in the next run", async () => {
  const opened: number[] = [];
  function source(breakAt: number) {
    return {
      descriptor: ONE.descriptor,
      async *open({ start = 0 } = {}) {
        opened.push(start);
        yield ONE.bytes.subarray(start, breakAt);
        yield ONE.bytes.subarray(breakAt, breakAt + 1);
        if (breakAt < ONE.bytes.length) throw new Error("the line is dead");
      },
    };
  }
  {
    await using cache = await openCache(root);
    await expect(cache.repository("").put(source(6000))).rejects.toThrow("the line is dead");
    expect(await cache.repository("").has(ONE.descriptor)).toBe(false);
    expect(await readdir(join(root, ".partial"))).toEqual([ONE.descriptor.digest.slice(7)]);
  }
  await using cache = await openCache(root);
  await cache.repository("").put(source(ONE.bytes.length));
  expect(opened).toEqual([0, 6000]);
  expect(await collect(cache.repository("").get(ONE.descriptor).open(), 1 << 20)).toEqual(ONE.bytes);
});

test("a tag names nothing here: the manifest is kept, the list names it", async () => {
  await using cache = await openCache(root);
  const one = image();
  await cache.repository("a").tag("v1", one.manifests[0]!);
  expect(await cache.repository("a").resolve("v1")).toBeUndefined();
  expect(await cache.repository("a").has(one.root)).toBe(true);
});

test("what it names is a store, with all content in it", async () => {
  const whole = multiPlatform(["linux/amd64", "linux/arm64"]);
  {
    await using cache = await openCache(root);
    await fill(cache, whole);
    await cache.name([await laidOut(whole, "docker.io/a/b", "1")], new Date(0));
  }
  expect(await readlink(join(root, "blobs"))).toBe("share");
  await using store = await openStore(root);
  const [reference] = await Array.fromAsync(store.references());
  expect(reference).toMatchObject({ path: "docker.io/a/b", tag: "1", root: { digest: whole.root.digest } });
  const source = store.repository("docker.io/a/b");
  for (const { descriptor, bytes } of [...whole.manifests, ...whole.blobs])
    expect(await readAll(source.get(descriptor), 1 << 20)).toEqual(bytes);
});

test("naming again forgets what was named before, and can be done twice", async () => {
  await using cache = await openCache(root);
  const [one, two] = [image({ seed: 1 }), image({ seed: 2 })];
  for (const each of [one, two]) await fill(cache, each);
  await cache.name([await laidOut(one, "docker.io/a/one", "1")], new Date(0));
  await cache.name([await laidOut(two, "docker.io/a/two", "1")], new Date(0));
  await using store = await openStore(root);
  expect((await Array.fromAsync(store.references())).map(({ path }) => path)).toEqual(["docker.io/a/two"]);
});

test("has one writer at a time, and is free when that is done", async () => {
  {
    await using _ = await openCache(root);
    expect(await errorOf(() => openCache(root))).toStartWith(
      `STORAGE: Cannot use "${root}": process ${process.pid} on `,
    );
  }
  await (await openCache(root))[Symbol.asyncDispose]();
});

test("two blobs of one digest that land at once are one file", async () => {
  await using cache = await openCache(root);
  const slow = {
    descriptor: ONE.descriptor,
    async *open({ start = 0 } = {}) {
      for (let at = start; at < ONE.bytes.length; at += 1000) {
        await new Promise((resolve) => setTimeout(resolve));
        yield ONE.bytes.subarray(at, at + 1000);
      }
    },
  };
  await Promise.all([1, 2, 3].map((each) => cache.repository(`${each}`).put(slow)));
  expect((await stat(pathOf(ONE.descriptor.digest))).size).toBe(ONE.bytes.length);
  expect(await readdir(join(root, ".partial"))).toEqual([]);
});

test("says that the folder cannot be made", async () => {
  await writeFile(join(folder.path, "file"), "");
  expect(await errorOf(() => openCache(join(folder.path, "file/cache")))).toStartWith("STORAGE: Cannot write ");
});

test("says that the disk refuses, as such", async () => {
  await using cache = await openCache(root);
  await rm(join(root, ".partial"), { recursive: true });
  const error = await errorOf(() => cache.repository("").put(contentOf("a/b", ONE.bytes)));
  expect(error).toStartWith(`STORAGE: Cannot write "${root}`);
});

test("an error of the source is not one of the disk", async () => {
  await using cache = await openCache(root);
  const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", syscall: "read" });
  const broken = {
    descriptor: ONE.descriptor,
    // biome-ignore lint/correctness/useYield: it fails before it has anything
    async *open(): AsyncGenerator<never> {
      throw reset;
    },
  };
  expect(await thrownBy(() => cache.repository("").put(broken))).toBe(reset);
});

test("content of a registry can be put beside it", async () => {
  await using cache = await openCache(root);
  await pushTo(cache.repository(""), image(), "v1");
  expect((await readdir(join(root, "share/sha256"))).length).toBe(image().blobs.length + 1);
});

test("a folder without a name is not the one that the user stands in", async () => {
  expect(await errorOf(() => openCache(""))).toBe("USAGE: Cannot use the cache folder: its name is empty");
});

describe("a folder that somebody else prepared", () => {
  const victim = (): string => join(folder.path, "victim");
  beforeEach(async () => {
    await mkdir(root);
    await mkdir(join(victim(), "sha256"), { recursive: true });
    await writeFile(join(victim(), "precious"), "precious");
  });
  afterEach(async () => {
    expect((await readdir(victim(), { recursive: true })).sort()).toEqual(["precious", "sha256"]);
    expect(await readFile(join(victim(), "precious"), "utf8")).toBe("precious");
  });

  async function refused(name: string): Promise<void> {
    expect(await thrownBy(() => openCache(root))).toMatchObject({
      code: "STORAGE",
      message: `Cannot use the cache folder "${root}": "${name}" is a link`,
      hint: "remove the link, or use another folder",
    });
  }

  test.each([".partial", "share", "share/sha256", "share/sha512"])("is refused where %s is a link", async (name) => {
    if (name.includes("/")) await mkdir(join(root, "share"));
    await symlink(victim(), join(root, name));
    await refused(name);
    await rm(join(root, name));
    await symlink("nowhere", join(root, name));
    await refused(name);
  });

  test("is refused where the folder of an image is a link", async () => {
    await using cache = await openCache(root);
    const laid = await laidOut(image(), "docker.io/a/b", "1");
    const [name] = [...layoutFolders([laid])];
    await symlink(victim(), join(root, name!));
    expect(await errorOf(() => cache.name([laid], new Date(0)))).toBe(
      `STORAGE: Cannot use the cache folder "${root}": "${name}" is a link`,
    );
  });

  test("has no names written through a link", async () => {
    await mkdir(join(root, ".partial"));
    await symlink(join(victim(), "precious"), join(root, ".partial/document"));
    await using cache = await openCache(root);
    await cache.name([await laidOut(image(), "docker.io/a/b", "1")], new Date(0));
    expect((await lstat(join(root, "saved-images-list.json"))).isFile()).toBe(true);
  });

  test("has no content that is a link to it", async () => {
    await mkdir(join(root, "share/sha256"), { recursive: true });
    await writeFile(join(folder.path, "copy"), ONE.bytes);
    await symlink(join(folder.path, "copy"), pathOf(ONE.descriptor.digest));
    await using cache = await openCache(root);
    expect(await cache.repository("").has(ONE.descriptor)).toBe(false);
    expect(await cache.missing([ONE.descriptor])).toBe(ONE.bytes.length);
    await cache.repository("").put(ONE);
    expect((await lstat(pathOf(ONE.descriptor.digest))).isFile()).toBe(true);
  });

  test("counts nothing as begun that is no file", async () => {
    await mkdir(join(root, ".partial"));
    await writeFile(join(folder.path, "copy"), ONE.bytes);
    await symlink(join(folder.path, "copy"), join(root, ".partial", ONE.descriptor.digest.slice(7)));
    await using cache = await openCache(root);
    expect(await cache.missing([ONE.descriptor])).toBe(ONE.bytes.length);
  });

  test("may be a link itself", async () => {
    await symlink("cache", join(folder.path, "link"));
    await using cache = await openCache(join(folder.path, "link"));
    await cache.repository("").put(ONE);
    expect((await lstat(pathOf(ONE.descriptor.digest))).isFile()).toBe(true);
  });
});
