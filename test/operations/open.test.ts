/** What lies at a path, and what is in it. */
import { describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { encode } from "../../src/bytes/stream.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { copy } from "../../src/operations/copy.ts";
import { formatOf, openStore } from "../../src/operations/open.ts";
import { wantedIn } from "../../src/operations/stored.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { dockerFiles, hangarFiles, hangarZipFiles, imageToolsFiles, ociFiles } from "../support/foreign-layouts.ts";
import type { Files } from "../support/memory-tree.ts";
import { image, multiPlatform } from "../support/random-image.ts";
import { rawTar } from "../support/raw-tar.ts";
import { rawZip } from "../support/raw-zip.ts";
import { run } from "../support/run.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { thrownBy } from "../support/thrown.ts";

const artifact = multiPlatform(["linux/amd64", "linux/arm64"], { format: "docker", size: 100 });
const named = [{ name: "docker.io/a/b", tag: "1", artifact }];
const plain = [{ ...named[0]!, artifact: image({ compression: "none", format: "docker", size: 100 }) }];
const LAYOUTS: readonly [string, Files][] = [
  ["Hangar 1.3", hangarFiles(named)],
  ["image-tools", imageToolsFiles(named)],
  ["Hangar 1.7", hangarZipFiles(named)],
  ["OCI", ociFiles(named)],
  ["docker save", dockerFiles(plain)],
  ["containerd's OCI with docker's beside it", { ...dockerFiles(plain), ...ociFiles(named) }],
];

async function namesAt(path: string): Promise<string[]> {
  await using store = await openStore(path, { spoolFolder: dirname(path) });
  return (await Array.fromAsync(store.references())).map(({ path, tag }) => `${path}:${tag}`);
}

describe.each(LAYOUTS)("the layout of %s", (_, files) => {
  const inside = (prefix: string) => Object.entries(files).map(([path, content]) => ({ name: prefix + path, content }));

  test.each(["", "./", "saved-image-cache/", "any/"])("is found in a tar below %j", async (prefix) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x");
    for (const bytes of [rawTar(...inside(prefix)), new Uint8Array(gzipSync(rawTar(...inside(prefix))))]) {
      await writeFile(path, bytes);
      expect(await namesAt(path)).toEqual(["docker.io/a/b:1"]);
    }
  });

  test("is found in a zip", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "x"), rawZip(inside("")));
    expect(await namesAt(join(folder.path, "x"))).toEqual(["docker.io/a/b:1"]);
  });

  test("is found in a folder", async () => {
    await using folder = await temporaryFolder();
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder.path, "x", path)), { recursive: true });
      await writeFile(join(folder.path, "x", path), content);
    }
    expect(await namesAt(join(folder.path, "x"))).toEqual(["docker.io/a/b:1"]);
  });
});

test("where docker's documents stand beside an OCI layout, the layout counts: it has the original bytes", async () => {
  await using folder = await temporaryFolder();
  const files = LAYOUTS.at(-1)![1];
  await writeFile(
    join(folder.path, "x"),
    rawTar(...Object.entries(files).map(([name, content]) => ({ name, content }))),
  );
  await using store = await openStore(join(folder.path, "x"));
  expect(await store.repository("docker.io/a/b").resolve("1")).toMatchObject({ digest: artifact.root.digest });
});

test.each([
  ["symbolic", "2", (layer: string) => `../${layer}`],
  ["hard", "1", (layer: string) => layer],
])("layers may be %s links to others inside the archive", async (_, flag, targetOf) => {
  const files = dockerFiles(plain);
  const [image] = JSON.parse(String(files["manifest.json"])) as { Layers: string[] }[];
  const links = image!.Layers.map((layer, at) => ({ name: `old${at}/layer.tar`, flag, target: targetOf(layer) }));
  files["manifest.json"] = JSON.stringify([{ ...image, Layers: links.map(({ name }) => name) }]);
  const entries = Object.entries(files).map(([name, content]) => ({ name, content }));
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "x"), rawTar(...links, ...entries));
  await using store = await openStore(join(folder.path, "x"));
  await using registry = memoryStore();
  const wanted = await wantedIn(store, (name) => registry.repository(name));
  const summary = await copy(wanted, { selection: EVERYTHING, strict: false, jobs: 2, onEvent: () => {} });
  expect(summary).toMatchObject({ done: 1, copied: 3 });
});

test("what has no images says what was looked for", async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "x"), rawTar({ name: "a", content: "1" }, { name: "b/c", content: "1" }));
  expect(await thrownBy(() => openStore(join(folder.path, "x")))).toMatchObject({
    code: "UNSUPPORTED",
    message: `Cannot open "${join(folder.path, "x")}": there are no images in it that Dray knows how to read`,
    hint: expect.stringMatching(/saved-images-list\.json.*index\.json.*manifest\.json/),
  });
});

test("what Docker wrote before 1.10 is known, and who can help", async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "x"), rawTar({ name: "repositories", content: '{"a":{"1":"b"}}' }));
  expect(await thrownBy(() => openStore(join(folder.path, "x")))).toMatchObject({
    code: "UNSUPPORTED",
    hint: expect.stringContaining("load it into a Docker"),
  });
});

test("formats are told for flags that name one", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "x");
  for (const [format, bytes] of [
    ["zip", rawZip([])],
    ["tar", rawTar({ name: "a" })],
    ["gzip", new Uint8Array(gzipSync("x"))],
  ] as const) {
    await writeFile(path, bytes);
    expect(await formatOf(path)).toBe(format);
  }
  await writeFile(path, encode("x"));
  expect(await formatOf(path)).toBeUndefined();
  expect(await formatOf(folder.path)).toBe("dir");
  expect(await formatOf(join(folder.path, "no"))).toBeUndefined();
  expect((await run("mkfifo", [join(folder.path, "pipe")])).code).toBe(0);
  expect(await formatOf(join(folder.path, "pipe"))).toBeUndefined();
});
