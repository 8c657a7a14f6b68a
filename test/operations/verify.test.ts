/** What verify() reads, what it tells while it does, and what it finds that nothing else would. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encode } from "../../src/bytes/stream.ts";
import type { Event } from "../../src/events.ts";
import { blobPath } from "../../src/layout/hangar.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { MOST_TOLD } from "../../src/operations/verification/findings.ts";
import { verify } from "../../src/operations/verify.ts";
import { ociFiles } from "../support/foreign-layouts.ts";
import { LIST, many, own, ROOT } from "../support/hostile-archives.ts";
import { packImages } from "../support/packed-archive.ts";
import { type Artifact, image } from "../support/random-image.ts";
import { rawTar } from "../support/raw-tar.ts";
import { reindexed } from "../support/reindexed.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const IMAGES: Readonly<Record<string, Artifact>> = {
  "docker.io/a/one:1": image({ seed: "one", size: 50_000 }),
  "docker.io/a/two:1": image({ seed: "two", size: 50_000 }),
};

type Checked = Event & { readonly type: "checked" };

async function checkedWhile(path: string): Promise<readonly Checked[]> {
  const checked: Checked[] = [];
  await verify([path], {
    onEvent(event) {
      if (event.type === "checked") checked.push(event);
    },
  });
  return checked;
}

test("what is checked grows until it is all: the files first, where there are checksums, then what is in them", async () => {
  const path = join(folder.path, "x.tar");
  await packImages(path, IMAGES, { format: "tar", checksum: true });
  const { size } = await stat(path);
  const withSums = await checkedWhile(path);
  await rm(`${path}.sha256`);
  const without = await checkedWhile(path);
  for (const checked of [withSums, without]) {
    for (const [at, { bytes }] of checked.entries()) expect(bytes).toBeGreaterThanOrEqual(checked[at - 1]?.bytes ?? 0);
    expect(checked.at(-1)!.bytes).toBe(checked.at(-1)!.total);
  }
  expect(withSums.at(-1)!.total - without.at(-1)!.total).toBe(size);
  // The end of the tar and the index are not counted.
  expect(without.at(-1)!.total).toBeWithin(200_000, size);
  expect(without.find(({ bytes }) => bytes > 0)!.total).toBe(without.at(-1)!.total);
});

test("of an archive of others, what is checked is the content of its images", async () => {
  const path = join(folder.path, "oci");
  const named = Object.values(IMAGES).map((artifact, at) => ({ name: "docker.io/a/b", tag: `${at}`, artifact }));
  const entries = Object.entries(ociFiles(named)).map(([name, content]) => ({ name, content }));
  await writeFile(path, rawTar(...entries));
  const checked = await checkedWhile(path);
  const parts = Object.values(IMAGES).flatMap(({ manifests, blobs }) => [...manifests, ...blobs]);
  const total = parts.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  expect(checked.at(-1)).toEqual({ type: "checked", bytes: total, total });
});

test("content under the name of another digest is found, whatever the index says that it is", async () => {
  const path = join(folder.path, "named");
  await packImages(path, IMAGES);
  const layer = IMAGES["docker.io/a/two:1"]!.blobs.at(-1)!.descriptor.digest;
  const other = digestOf(encode("other"));
  const bytes = await reindexed("gzip", new Uint8Array(await readFile(path)), ({ entries }) => {
    for (const entry of entries) if (entry.digest === layer) entry.digest = other;
  });
  await writeFile(path, bytes);
  const { findings, damaged } = await verify([path], {});
  expect(findings).toMatchObject([{ kind: "content", digest: layer, problem: `the index says that it is "${other}"` }]);
  expect(damaged).toEqual(["docker.io/a/two:1"]);
});

test("a layer of another size than its manifest says is found", async () => {
  const path = join(folder.path, "size");
  const layer = encode("a layer");
  const manifest = encode(
    JSON.stringify({ schemaVersion: 2, layers: [{ mediaType: "x", size: 8, digest: digestOf(layer) }] }),
  );
  await writeFile(path, await archiveOf([manifest], [layer]));
  const { findings, damaged } = await verify([path], {});
  expect(findings).toMatchObject([{ kind: "image", images: ["a.b/c0:1"] }]);
  expect(findings[0]!.problem).toContain(`"${digestOf(layer)}": its manifest says 8 bytes, and it has 7`);
  expect(damaged).toEqual(["a.b/c0:1"]);
});

test("layers that an archive does not have are told up to a thousand, the others in one", async () => {
  const path = join(folder.path, "lacking");
  const digest = (at: number): string => `sha256:${at.toString(16).padStart(64, "0")}`;
  const layer = (at: number): string => `{"mediaType":"x","size":1,"digest":"${digest(at)}"}`;
  const manifests = [0, 1, 2].map((number) =>
    many('{"schemaVersion":2,"layers":[', 500, (at) => layer(number * 500 + at), "]}"),
  );
  await writeFile(path, await archiveOf(manifests));
  const { findings, damaged, images } = await verify([path], {});
  expect(findings).toHaveLength(MOST_TOLD + 1);
  expect(findings[999]).toMatchObject({ digest: digest(999), images: ["a.b/c1:1"] });
  expect(findings[999]!.problem).toContain("it is not in");
  expect(findings.at(-1)).toMatchObject({ kind: "image", count: 500, images: ["a.b/c2:1"] });
  expect({ damaged, images }).toEqual({ damaged: ["a.b/c0:1", "a.b/c1:1", "a.b/c2:1"], images: 3 });
});

/** An image of each manifest. */
function archiveOf(manifests: readonly Uint8Array<ArrayBuffer>[], others: readonly Uint8Array<ArrayBuffer>[] = []) {
  const List = manifests.map((bytes, at) => ({
    Source: `a.b/c${at}`,
    Tag: "1",
    Root: { MediaType: OCI_MANIFEST, Digest: digestOf(bytes), Size: bytes.length },
  }));
  const contents = [...manifests, ...others].map((bytes) => ({ path: `${ROOT}/${blobPath(digestOf(bytes))}`, bytes }));
  return own([{ path: LIST, bytes: encode(JSON.stringify({ Version: "v1.1.0", List })) }, ...contents]);
}
