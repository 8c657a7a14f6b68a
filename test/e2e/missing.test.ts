/** Archives of Hangar and image-tools whose own lists name what a run of theirs failed at: it is told, and the rest goes on. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { memoryStore } from "../../src/store/memory.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { hangarFiles, hangarZipFiles, imageToolsFiles, without } from "../support/foreign-layouts.ts";
import type { Files } from "../support/memory-tree.ts";
import { image, multiPlatform } from "../support/random-image.ts";
import { rawTar } from "../support/raw-tar.ts";
import { startRegistry } from "../support/registry.ts";

setDefaultTimeout(60_000);

const whole = image({ seed: "whole", format: "docker" });
const broken = image({ seed: "broken", format: "docker" });
const both = multiPlatform(["linux/amd64", "linux/arm64"], { seed: "both", format: "docker" });

const NAMED = [
  { name: "docker.io/team/whole", tag: "1", artifact: whole },
  { name: "docker.io/team/broken", tag: "2", artifact: broken },
];
const LAYOUTS = { "Hangar 1.3-1.6": hangarFiles, "Hangar 1.7-1.9": hangarZipFiles, "image-tools": imageToolsFiles };

let work: Workplace;
beforeAll(async () => {
  work = await openWorkplace();
});
afterAll(() => work[Symbol.asyncDispose]());

function tarOf(files: Files): Uint8Array {
  const entries = Object.entries(files).map(([name, content]) => ({ name: `saved-image-cache/${name}`, content }));
  return gzipSync(rawTar(...entries));
}

async function write(name: string, files: Files): Promise<Uint8Array> {
  const bytes = tarOf(files);
  await writeFile(work.file(name), bytes);
  return bytes;
}

function hexOf({ descriptor }: { readonly descriptor: { readonly digest: string } }): string {
  return descriptor.digest.slice(7);
}

describe.each(Object.entries(LAYOUTS))("%s", (_, filesOf) => {
  test.each([
    ["manifest", broken.manifests[0]!],
    ["config", broken.blobs[0]!],
    ["layer", broken.blobs.at(-1)!],
  ])(
    "an image without its %s fails, and the other one goes on",
    async (_, gone) => {
      const input = await write("x.tar.gz", without(filesOf(NAMED), hexOf(gone)));
      const verified = await work.dray(["verify", "x.tar.gz", "--json"]);
      expect(verified.code).toBe(4);
      const verdict = JSON.parse(verified.stdout);
      expect(verdict).toMatchObject({ images: 2, damaged: ["docker.io/team/broken:2"] });
      expect(verdict.findings).toEqual([
        {
          kind: "image",
          images: ["docker.io/team/broken:2"],
          problem: expect.stringMatching(
            /"docker.io\/team\/broken:2" for linux\/amd64: it is listed, and not there: .*(is missing|is not in)/,
          ),
        },
      ]);
      const { code, stdout } = await work.dray(["verify", "x.tar.gz"]);
      expect([code, stdout]).toEqual([4, expect.stringContaining("damaged: 1 finding, 1 of 2 images concerned")]);
      const runs: readonly (readonly [args: readonly string[], input?: Uint8Array])[] = [
        [["load", "-s", "x.tar.gz"]],
        [["load", "-s", "x.tar.gz", "--keep-going"]],
        [["load", "-s", "-"], input],
        [["load", "-s", "-", "--keep-going"], input],
      ];
      for (const [args, input = ""] of runs) {
        const store = memoryStore();
        await using registry = await startRegistry(store);
        const ran = await work.dray([...args, "-d", registry.host, "-o", "failed.txt"], { input });
        expect({ args, ...ran }).toMatchObject({ code: 3, stdout: expect.stringMatching(/^Loaded 1 image, 1 failed/) });
        expect(ran.stderr).toContain("FAILED [docker.io/team/broken:2]");
        expect(await readFile(work.file("failed.txt"), "utf8")).toBe("docker.io/team/broken:2\n");
        expect((await store.repository("team/whole").resolve("1"))?.digest).toBe(whole.manifests[0]!.descriptor.digest);
        expect(await store.repository("team/broken").resolve("2")).toBeUndefined();
      }
      for (const args of [
        ["compress", "-f", "x.tar.gz", "-d", "y.tar.gz"],
        ["decompress", "-f", "x.tar.gz", "-d", "folder"],
      ]) {
        const ran = await work.dray([...args, "-o", "failed.txt"]);
        expect({ args, ...ran }).toMatchObject({ code: 3, stdout: expect.stringContaining("1 image, 1 failed") });
        expect(await readFile(work.file("failed.txt"), "utf8")).toBe("docker.io/team/broken:2\n");
        const made = args.at(-1)!;
        const { stdout } = await work.dray(["ls", made, "--json"]);
        expect(JSON.parse(stdout)).toMatchObject([{ name: "docker.io/team/whole:1" }]);
      }
    },
    60_000,
  );

  test("of an image without one of its platforms, only the others can be had, and when they are asked for", async () => {
    const named = [{ name: "docker.io/team/both", tag: "1", artifact: both }];
    await write("both.tar.gz", without(filesOf(named), hexOf(both.manifests[1]!)));
    const [verified, listed] = [await work.dray(["verify", "both.tar.gz"]), await work.dray(["ls", "both.tar.gz"])];
    expect([verified.code, listed.code]).toEqual([4, 3]);
    for (const { stdout, stderr } of [verified, listed])
      expect(stdout + stderr).toContain('"docker.io/team/both:1" for linux/arm64: it is listed, and not there');
    const store = memoryStore();
    await using registry = await startRegistry(store);
    const load = (...args: string[]) => work.dray(["load", "-s", "both.tar.gz", "-d", registry.host, ...args]);
    const all = await load();
    expect(all).toMatchObject({ code: 3, stderr: expect.stringContaining("choose the platforms that are there") });
    expect(await store.repository("team/both").resolve("1")).toBeUndefined();
    expect((await load("-a", "arm64")).code).toBe(3);
    expect((await load("-a", "amd64")).code).toBe(0);
    expect((await store.repository("team/both").resolve("1"))?.digest).toBe(both.manifests[0]!.descriptor.digest);
  }, 60_000);

  test("where no image is whole, all fail; where none is listed, there is nothing to do", async () => {
    const files = filesOf(NAMED.slice(1));
    await using registry = await startRegistry();
    await write("none.tar.gz", without(files, hexOf(broken.manifests[0]!)));
    const { code, stdout } = await work.dray(["load", "-s", "none.tar.gz", "-d", registry.host]);
    expect([code, stdout]).toEqual([3, expect.stringMatching(/^Loaded 0 images, 1 failed/)]);
    await write("empty.tar.gz", filesOf([]));
    expect((await work.dray(["load", "-s", "empty.tar.gz", "-d", registry.host])).code).toBe(2);
  }, 60_000);
});

test("a folder of Hangar's keeps the platforms that are there when more is added", async () => {
  const named = [{ name: "docker.io/team/both", tag: "1", artifact: both }];
  const files = without(hangarFiles(named), hexOf(both.manifests[1]!));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(work.file("cache"), path)), { recursive: true });
    await writeFile(join(work.file("cache"), path), content);
  }
  await write("more.tar.gz", hangarFiles(NAMED.slice(0, 1)));
  expect((await work.dray(["decompress", "-f", "more.tar.gz", "-d", "cache"])).code).toBe(0);
  const { code, stdout } = await work.dray(["ls", "cache", "--json"]);
  expect([code, JSON.parse(stdout)]).toMatchObject([
    0,
    [{ name: "docker.io/team/both:1", platforms: [{ platform: "linux/amd64" }] }, { name: "docker.io/team/whole:1" }],
  ]);
});
