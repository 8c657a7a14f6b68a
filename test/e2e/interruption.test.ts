/** Ctrl-C in the middle: nothing looks finished, and the next run goes on where this one stopped. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { readdir, stat } from "node:fs/promises";
import { type Dray, openWorkplace, type Runtime, type Workplace } from "../support/dray.ts";
import { type FaultRule, withFaults } from "../support/faults.ts";
import { pushTo } from "../support/push.ts";
import { image, layer } from "../support/random-image.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { run } from "../support/run.ts";

setDefaultTimeout(120_000);

const SIZE = 8_000_000;
const large = layer("large", SIZE);
const small = image({ seed: "small" });
const big = image({ seed: "big", layers: [layer("first", 1000), large] });
const other = image({ seed: "other" });

let registry: TestRegistry;
let place: Workplace;
/** What the registry gets wrong; tests add to it. */
let rules: FaultRule[];

beforeEach(async () => {
  rules = [];
  place = await openWorkplace();
  registry = await startRegistry(undefined, { wrap: (handler) => (request) => withFaults(handler, rules)(request) });
  for (const [name, artifact] of Object.entries({ small, big, other }))
    await pushTo(registry.store.repository(`test/${name}`), artifact, "v1");
});

afterEach(async () => {
  await registry.close();
  await place[Symbol.asyncDispose]();
});

const hexOf = ({ descriptor }: { descriptor: { digest: string } }): string => descriptor.digest.slice(7);
const partial = `saved-image-cache/.partial/${hexOf(large)}`;
const lines = (...names: string[]): string => names.map((name) => `${registry.host}/test/${name}:v1\n`).join("");

/** Starts a save that hangs in the middle of the large layer, with some of it on the disk and the small image done. */
async function hanging(runtime: Runtime = "bun"): Promise<Dray> {
  rules = [{ path: new RegExp(`blobs/${large.descriptor.digest}`), fault: { type: "stall", after: SIZE / 2 } }];
  const dray = place.start(["save"], { runtime, input: lines("small", "big") });
  await dray.saying(/SAVED \[\S*\/test\/small:v1\]/);
  while ((await sizeOf(partial)) < SIZE / 8) await Bun.sleep(10);
  return dray;
}

async function sizeOf(name: string): Promise<number> {
  return stat(place.file(name)).then(
    ({ size }) => size,
    () => 0,
  );
}

test("Ctrl-C leaves the older archive, the next run resumes, the one after packs only its own list", async () => {
  expect(await place.dray(["save"], { input: lines("small") })).toMatchObject({ code: 0 });
  const older = await Bun.file(place.file("saved-images.tar.gz")).bytes();

  const dray = await hanging();
  dray.kill("SIGINT");
  expect(await dray.ended).toMatchObject({ code: 130, stdout: "" });
  expect((await readdir(place.path)).sort()).toEqual(["save-failed.txt", "saved-image-cache", "saved-images.tar.gz"]);
  expect(await Bun.file(place.file("saved-images.tar.gz")).bytes()).toEqual(older);
  expect(await Bun.file(place.file("save-failed.txt")).text()).toBe(lines("small", "big"));
  const held = await sizeOf(partial);
  expect(held).toBeGreaterThanOrEqual(SIZE / 8);

  rules = [];
  registry.reset();
  expect(await place.dray(["save", "-f", "save-failed.txt"])).toMatchObject({ code: 0 });
  const blobs = registry.requests.filter(({ method, path }) => method === "GET" && path.includes("/blobs/"));
  expect(blobs.map(({ path, headers, bytes }) => [path, headers.get("range"), bytes])).toEqual([
    [
      `/v2/test/big/blobs/${large.descriptor.digest}`,
      `bytes=${held}-${large.descriptor.size - 1}`,
      large.descriptor.size - held,
    ],
  ]);
  expect((await readdir(place.path)).sort()).toEqual(["saved-image-cache", "saved-images.tar.gz"]);

  expect(await place.dray(["save", "-d", "other.tar.gz"], { input: lines("other") })).toMatchObject({ code: 0 });
  const { stdout } = await run("tar", ["-tzf", place.file("other.tar.gz")]);
  const packed = stdout.split("\n").filter((name) => /share\/sha256\/./.test(name));
  const own = [...other.manifests, ...other.blobs].map((part) => `saved-image-cache/share/sha256/${hexOf(part)}`);
  expect(packed.sort()).toEqual(own.sort());
});

test.each(["bun", "deno"] as const)("SIGTERM on %s ends with 143 and a list of what is to do", async (runtime) => {
  const dray = await hanging(runtime);
  dray.kill("SIGTERM");
  expect(await dray.ended).toMatchObject({ code: 143, stdout: "" });
  expect((await readdir(place.path)).sort()).toEqual(["save-failed.txt", "saved-image-cache"]);
});

test("Ctrl-C while a registry takes its time over an upload", async () => {
  expect(await place.dray(["save"], { input: lines("big") })).toMatchObject({ code: 0 });
  const asked = Promise.withResolvers<void>();
  await using target = await startRegistry(undefined, {
    wrap: (handler) => async (request) => {
      if (request.method !== "PUT" || !request.url.includes(hexOf(large))) return handler(request);
      asked.resolve();
      return new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(request.signal.reason)));
    },
  });
  const dray = place.start(["load", "-s", "saved-images.tar.gz", "-d", target.host]);
  await asked.promise;
  dray.kill("SIGINT");
  expect(await dray.ended).toMatchObject({ code: 130, stdout: "" });
  expect(await Bun.file(place.file("load-failed.txt")).text()).toBe(lines("big"));
  expect(await target.store.repository("test/big").resolve("v1")).toBeUndefined();
});

test("Ctrl-C while a registry does not even answer", async () => {
  const asked = Promise.withResolvers<void>();
  await registry.close();
  registry = await startRegistry(undefined, {
    wrap: () => (request) => {
      asked.resolve();
      return new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(request.signal.reason)));
    },
  });
  const dray = place.start(["save"], { input: lines("small") });
  await asked.promise;
  dray.kill("SIGINT");
  expect(await dray.ended).toMatchObject({ code: 130 });
  expect((await readdir(place.path)).sort()).toEqual(["save-failed.txt", "saved-image-cache"]);
});

test("a cache folder has one writer; the lock of a dead one is taken over", async () => {
  const first = await hanging();
  const second = await place.dray(["save", "-d", "second.tar.gz"], { input: lines("other") });
  expect(second).toMatchObject({ code: 1, stdout: "" });
  expect(second.stderr).toMatch(/^dray: Cannot use "saved-image-cache": process \d+ on \S+ has used it since /);
  expect((await readdir(place.path)).sort()).toEqual([".saved-images.tar.gz.incomplete", "saved-image-cache"]);

  first.kill("SIGKILL");
  await first.ended;
  expect(await sizeOf("saved-image-cache/.lock")).toBeGreaterThan(0);
  rules = [];
  const third = await place.dray(["save"], { input: lines("small", "big") });
  expect(third).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Saved 2 images;/) });
  expect((await readdir(place.path)).sort()).toEqual(["saved-image-cache", "saved-images.tar.gz"]);
  expect(await sizeOf("saved-image-cache/.lock")).toBe(0);
});
