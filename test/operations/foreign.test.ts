/** Archives that the real programs wrote: opened, loaded, packed anew. test/fixtures/foreign/README.md says how they were made. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isIndex } from "../../src/oci/descriptor.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { parseReference } from "../../src/oci/reference.ts";
import { compress } from "../../src/operations/compress.ts";
import { copy } from "../../src/operations/copy.ts";
import { openStore } from "../../src/operations/open.ts";
import { wantedIn } from "../../src/operations/stored.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { arrivedInArchive } from "../support/arrived.ts";
import { arrivals } from "../support/matrix/archive.ts";
import {
  expectedIn,
  FOREIGN_ARCHIVES,
  FOREIGN_FOLDER,
  foreignImages,
  SAVED_IMAGES,
} from "../support/matrix/foreign.ts";
import { temporaryFolder } from "../support/temporary.ts";

/** Those that are written without a registry are of Docker Hub. */
function wholeName(name: string): string {
  const { registry, repository, tag } = parseReference(name);
  return `${registry}/${repository}:${tag}`;
}

test("every archive has a line in the table, and every line an archive", () => {
  const files = readdirSync(FOREIGN_FOLDER).filter((name) => !/\.(?:md|jsonl|part[1-9])$/.test(name));
  expect(files.sort()).toEqual(Object.keys(FOREIGN_ARCHIVES).sort());
});

test("what stands for their registry has its digests", async () => {
  const images = await foreignImages();
  expect(Object.keys(images)).toEqual(SAVED_IMAGES.map(({ name, tag }) => `${name}:${tag}`));
  for (const { name, tag, platforms } of SAVED_IMAGES) {
    const digests = images[`${name}:${tag}`]!.platforms.map(({ digest }) => digest);
    expect(digests).toEqual(expect.arrayContaining(Object.values(platforms)));
  }
});

describe.each(Object.entries(FOREIGN_ARCHIVES))("%s", (file, archive) => {
  const path = join(FOREIGN_FOLDER, file);

  test("has its images, platforms and digests", async () => {
    const warnings: string[] = [];
    await using folder = await temporaryFolder();
    await using store = await openStore(path, { spoolFolder: folder.path, onWarning: (one) => warnings.push(one) });
    const expected = expectedIn(archive, await foreignImages());
    const names = await Array.fromAsync(store.references(), ({ path: name, tag }) => `${name}:${tag}`);
    expect(names).toEqual(Object.values(expected).map(({ name }) => wholeName(name)));
    expect(await arrivedInArchive(store)).toEqual(arrivals(expected));
    expect(warnings).toEqual([]);
  });

  test("is loaded whole, and packs into an archive of ours with the same digests", async () => {
    await using folder = await temporaryFolder();
    await using store = await openStore(path, { spoolFolder: folder.path });
    const images = await arrivedInArchive(store);
    const done = Object.keys(images).length;
    await using registry = memoryStore();
    const options = { selection: EVERYTHING, strict: false, jobs: 2, onEvent: () => {} };
    const wanted = await wantedIn(store, (name) => registry.repository(name));
    expect(await copy(wanted, options)).toMatchObject({ done, failed: 0 });
    expect(await arrivedInArchive(registry)).toEqual(images);
    const packedPath = join(folder.path, "new.tar.gz");
    await compress(store, { path: packedPath, format: "gzip" }, { ...options, savedTime: new Date(0) });
    await using packed = await openStore(packedPath);
    expect(await arrivedInArchive(packed)).toEqual(images);
    await using again = memoryStore();
    const wantedAgain = await wantedIn(packed, (name) => again.repository(name));
    expect(await copy(wantedAgain, options)).toMatchObject({ done, failed: 0 });
    expect(await arrivedInArchive(again)).toEqual(images);
  });
});

test("indexes and manifests that are made for archives are always the same", async () => {
  const found: Record<string, string> = {};
  for (const file of [
    "hangar-1.6.tar.gz",
    "hangar-1.9.zip",
    "skopeo.docker-archive.tar",
    "crane.legacy.tar",
    "crane.tarball.tar",
  ]) {
    await using folder = await temporaryFolder();
    await using store = await openStore(join(FOREIGN_FOLDER, file), { spoolFolder: folder.path });
    for await (const { path, root } of store.references())
      if (isIndex(root) || file.includes("archive") || file.includes("crane"))
        found[`${file} ${path}`] = root.digest.slice(7, 19);
  }
  expect(found).toMatchInlineSnapshot(`
    {
      "crane.legacy.tar 127.0.0.1:5096/library/box": "db591172a30b",
      "crane.tarball.tar 127.0.0.1:5096/library/box": "9afeace56a71",
      "hangar-1.6.tar.gz 127.0.0.1:5096/kube/coredns": "d52c04bb9230",
      "hangar-1.6.tar.gz 127.0.0.1:5096/rancher/agent": "fc634e72162f",
      "hangar-1.6.tar.gz 127.0.0.1:5096/win/pause": "100ba3b18004",
      "hangar-1.9.zip 127.0.0.1:5096/kube/coredns": "d52c04bb9230",
      "hangar-1.9.zip 127.0.0.1:5096/rancher/agent": "6a860889b5da",
      "hangar-1.9.zip 127.0.0.1:5096/win/pause": "9ee56b1d603e",
      "skopeo.docker-archive.tar example.com/library/box": "db591172a30b",
    }
  `);
});
