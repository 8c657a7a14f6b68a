/** A list in which some images cannot be had: the others are saved whole, and what failed can be tried again. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import type { SavedList } from "../../src/layout/hangar.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { withFaults } from "../support/faults.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, image, layer } from "../support/random-image.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { run } from "../support/run.ts";

setDefaultTimeout(120_000);

const shared = layer("shared", 3000);
const lost = layer("lost", 3000);
const wrong = layer("wrong", 3000);
const GOOD: Readonly<Record<string, Artifact>> = Object.fromEntries(
  Array.from({ length: 7 }, (_, at) => [`good/${at}`, image({ seed: at, layers: [shared, layer(at, 1000)] })]),
);
const broken = image({ seed: "broken", layers: [shared, lost] });
const damaged = image({ seed: "damaged", layers: [shared, wrong] });

/** Nobody listens there. */
const NOWHERE = "127.0.0.1:1/no/where:v1";
const MALFORMED = "Not/An Image";

let registry: TestRegistry;
let place: Workplace;

beforeAll(async () => {
  registry = await startRegistry(undefined, {
    wrap: (handler) =>
      withFaults(handler, [
        { method: "GET", path: new RegExp(lost.descriptor.digest), fault: { type: "status", status: 404 } },
        { method: "GET", path: new RegExp(wrong.descriptor.digest), fault: { type: "corrupt", at: 100 } },
      ]),
  });
  for (const [name, artifact] of Object.entries({ ...GOOD, broken, damaged }))
    await pushTo(registry.store.repository(name), artifact, "v1");
});

beforeEach(async () => {
  place = await openWorkplace();
});

afterEach(() => place[Symbol.asyncDispose]());
afterAll(() => registry.close());

const at = (name: string): string => `${registry.host}/${name}:v1`;

/** Loads an archive elsewhere and says what came; all of it must be there. */
async function loaded(archive: string): Promise<readonly string[]> {
  await using target = await startRegistry();
  expect(await place.dray(["load", "-s", archive, "-d", target.host])).toMatchObject({ code: 0 });
  const names: string[] = [];
  for await (const { path, root } of target.store.references()) {
    expect(GOOD[path]!.root.digest).toBe(root.digest);
    for (const { descriptor } of [...GOOD[path]!.blobs, ...GOOD[path]!.manifests])
      expect(await target.store.repository(path).has(descriptor)).toBe(true);
    names.push(path);
  }
  return names.sort();
}

describe("three of ten", () => {
  test("fail alone, and are listed for the next run", async () => {
    const good = Object.keys(GOOD).map(at);
    const lines = [...good.slice(0, 3), at("missing"), NOWHERE, ...good.slice(3, 5), MALFORMED, ...good.slice(5)];
    const list = await place.list("images.txt", lines);
    const saved = await place.dray(["save", "-f", list]);
    expect(saved).toMatchObject({ code: 3, stdout: expect.stringMatching(/^Saved 7 images, 3 failed;/) });
    expect(saved.stderr).toContain(`FAILED [${at("missing")}] Cannot find "${at("missing")}"`);
    expect(saved.stderr).toMatch(/FAILED \[127\.0\.0\.1:1\/no\/where:v1\] Cannot .*nobody answers/);
    expect(saved.stderr).toMatch(/FAILED \[Not\/An Image\] .*images\.txt, line 8/);
    const failed = await Bun.file(place.file("save-failed.txt")).text();
    expect(failed.trimEnd().split("\n").sort()).toEqual([at("missing"), NOWHERE, MALFORMED].sort());
    expect((await readdir(place.path)).sort()).toEqual([
      "images.txt",
      "save-failed.txt",
      "saved-image-cache",
      "saved-images.tar.gz",
    ]);
    expect(await loaded("saved-images.tar.gz")).toEqual(Object.keys(GOOD));

    const before = await Bun.file(place.file("saved-images.tar.gz")).bytes();
    const again = await place.dray(["save", "-f", "save-failed.txt"]);
    expect(again).toMatchObject({ code: 3, stdout: expect.stringMatching(/^Saved 0 images, 3 failed;/) });
    expect(await Bun.file(place.file("saved-images.tar.gz")).bytes()).toEqual(before);
    expect((await Bun.file(place.file("save-failed.txt")).text()).split("\n").sort()).toEqual(
      failed.split("\n").sort(),
    );
  });
});

describe("an image that fails when the archive has begun", () => {
  test("is not in the archive's list", async () => {
    const saved = await place.dray(["save"], { input: `${at("broken")}\n${at("good/1")}\n` });
    expect(saved).toMatchObject({ code: 3, stdout: expect.stringMatching(/^Saved 1 image, 1 failed;/) });
    expect(await loaded("saved-images.tar.gz")).toEqual(["good/1"]);
    const { code, stderr } = await run("tar", ["-xzf", place.file("saved-images.tar.gz"), "-C", place.path]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { List } = (await Bun.file(place.file("saved-image-cache/saved-images-list.json")).json()) as SavedList;
    expect(List.map(({ Source }) => Source)).toEqual([`${registry.host}/good/1`]);
  });

  test("with wrong bytes ends in exit code 4", async () => {
    const saved = await place.dray(["save"], { input: `${at("damaged")}\n${at("good/2")}\n` });
    expect(saved).toMatchObject({ code: 4, stdout: expect.stringMatching(/^Saved 1 image, 1 failed;/) });
    expect(saved.stderr).toContain(wrong.descriptor.digest);
    expect(existsSync(place.file(`saved-image-cache/share/sha256/${wrong.descriptor.digest.slice(7)}`))).toBe(false);
    expect(await loaded("saved-images.tar.gz")).toEqual(["good/2"]);
  });
});

test("an archive with a wrong byte stops a load, or brings what is whole where that is wanted; exit code 4", async () => {
  expect(await place.dray(["save", "-d", "good.tar"], { input: `${at("good/1")}\n${at("good/2")}\n` })).toMatchObject({
    code: 0,
  });
  const bytes = Buffer.from(await Bun.file(place.file("good.tar")).arrayBuffer());
  const [, own] = GOOD["good/1"]!.blobs.slice(1);
  bytes[bytes.indexOf(own!.bytes) + 100]! ^= 1;
  await Bun.write(place.file("bad.tar"), bytes);
  await using target = await startRegistry();
  const stopped = await place.dray(["load", "-s", "bad.tar", "-d", target.host, "-j", "1"]);
  expect(stopped).toMatchObject({ code: 4, stdout: "", stderr: expect.stringContaining("FAILED [") });
  expect(await Bun.file(place.file("load-failed.txt")).text()).toContain("good/1:v1\n");
  expect(await target.store.repository("good/1").resolve("v1")).toBeUndefined();
  const load = await place.dray(["load", "-s", "bad.tar", "-d", target.host, "--keep-going"]);
  expect(load).toMatchObject({ code: 4, stdout: expect.stringMatching(/^Loaded 1 image, 1 failed;/) });
  expect(load.stderr).toContain(own!.descriptor.digest);
  expect(await target.store.repository("good/1").resolve("v1")).toBeUndefined();
  expect((await target.store.repository("good/2").resolve("v1"))?.digest).toBe(GOOD["good/2"]!.root.digest);
});

describe("an empty list", () => {
  test.each(["a file", "a pipe"])("from %s is exit code 2, and leaves the older archive", async (from) => {
    const list = await place.list("empty.txt", ["# nothing", "", "// here"]);
    await Bun.write(place.file("saved-images.tar.gz"), "older");
    const ended = await place.dray(from === "a file" ? ["save", "-f", list] : ["save"]);
    expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(/^dray: .*the list is empty\n/) });
    expect(await Bun.file(place.file("saved-images.tar.gz")).text()).toBe("older");
    expect((await readdir(place.path)).sort()).toEqual(["empty.txt", "saved-images.tar.gz"]);
  });
});
