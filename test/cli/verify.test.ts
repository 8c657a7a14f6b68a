/** What `dray verify` prints of damage that very many images have in common. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { open } from "node:fs/promises";
import { openArchive } from "../../src/archive/reader.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { packImages } from "../support/packed-archive.ts";
import { type Artifact, image, layer } from "../support/random-image.ts";

const COUNT = 150;
const base = layer("base", 5000);

let work: Workplace;
beforeAll(async () => {
  work = await openWorkplace();
  const images: Record<string, Artifact> = {};
  for (let number = 0; number < COUNT; number++)
    images[`docker.io/a/b:${number}`] = image({ seed: number, layers: [base] });
  const path = work.file("x.tar");
  await packImages(path, images, { format: "tar" });
  await using archive = await openArchive(path);
  const { offset, length } = archive.entries.find(({ path }) => path.endsWith(base.descriptor.digest.slice(7)))!;
  await using file = await open(path, "r+");
  await file.write(Uint8Array.of(1, 2, 3), 0, 3, offset + length / 2);
});
afterAll(() => work[Symbol.asyncDispose]());

test("a hundred of the images are named, and the others are counted", async () => {
  const { code, stdout } = await work.dray(["verify", "x.tar"]);
  expect(code).toBe(4);
  expect(stdout.match(/docker\.io\/a\/b:\d+/g)).toHaveLength(100);
  expect(stdout).toContain(", and 50 more\n");
  expect(stdout).toEndWith(`damaged: 1 finding, ${COUNT} of ${COUNT} images concerned; ${NO_SUMS}\n`);
});

const NO_SUMS = "there was no list of checksums to compare with";

test("as JSON, all that are damaged are named apart from the findings", async () => {
  const { code, stdout } = await work.dray(["verify", "x.tar", "--json"]);
  const verdict = JSON.parse(stdout);
  expect({ code, ...verdict }).toMatchObject({ code: 4, images: COUNT, hasChecksums: false });
  expect(verdict.damaged).toHaveLength(COUNT);
  expect(verdict.findings).toMatchObject([{ kind: "content", digest: base.descriptor.digest, moreImages: 50 }]);
  expect(verdict.findings[0].images).toHaveLength(100);
  expect(stdout).toBe(`${JSON.stringify(verdict, null, 2)}\n`);
});

test("of what is whole, the report alone is on standard output", async () => {
  await packImages(work.file("whole.tar"), { "docker.io/a/b:1": image() }, { format: "tar" });
  expect(await work.dray(["verify", "whole.tar"])).toEqual({
    code: 0,
    stdout: `whole: 1 image; ${NO_SUMS}\n`,
    stderr: "",
  });
  const { stdout } = await work.dray(["verify", "whole.tar", "--json"]);
  const whole = { findings: [], images: 1, damaged: [], hasChecksums: false };
  expect(stdout).toBe(`${JSON.stringify(whole, null, 2)}\n`);
});
