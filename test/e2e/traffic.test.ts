/** What Dray asks of registries: every blob once, mounts before uploads, nothing at all for what is there. */
import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Digest } from "../../src/oci/digest.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, attested, image, layer, multiPlatform, schema1 } from "../support/random-image.ts";
import { type Handler, startRegistry, type TestRegistry } from "../support/registry.ts";

setDefaultTimeout(120_000);

const shared = layer("shared", 30_000);
const one = image({ seed: "one", layers: [shared, layer("one", 2000)] });
const two = image({ seed: "two", layers: [shared, layer("two", 2000)] });
const both = multiPlatform(["linux/amd64", "linux/arm64"], { seed: "both" });
const PLATFORMS = ["linux/amd64", "linux/arm64", "linux/s390x"];

let place: Workplace;
let source: TestRegistry;

beforeAll(async () => {
  place = await openWorkplace();
  source = await startRegistry();
  for (const [name, artifact] of Object.entries({ "a/one": one, "b/two": two, "c/both": both, "d/old": schema1() }))
    await pushTo(source.store.repository(name), artifact, "v1");
});

beforeEach(() => source.reset());

afterAll(async () => {
  await source.close();
  await place[Symbol.asyncDispose]();
});

function lines(...names: string[]): string {
  return names.map((name) => `${source.host}/${name}:v1\n`).join("");
}

/** What was asked of a registry; whether it is one comes first. */
function asked({ requests }: TestRegistry): readonly string[] {
  return requests.map(({ method, path }) => `${method} ${path}`).sort();
}

async function digestAt({ store }: TestRegistry, name: string, tag = "v1"): Promise<Digest | undefined> {
  return (await store.repository(name).resolve(tag))?.digest;
}

test("a blob that two images share is downloaded once, uploaded once and mounted", async () => {
  await using target = await startRegistry();
  const { digest } = shared.descriptor;
  const saved = await place.dray(["save", "-d", "shared.tar.gz"], { input: lines("a/one", "b/two") });
  expect(saved.code).toBe(0);
  expect(source.count("GET", new RegExp(`/blobs/${digest}`))).toBe(1);
  const loaded = await place.dray(["load", "-s", "shared.tar.gz", "-d", target.host]);
  expect(loaded).toMatchObject({ code: 0, stdout: expect.stringContaining("1 mounted") });
  expect(target.count("PUT", new RegExp(`digest=${encodeURIComponent(digest)}|digest=${digest}`))).toBe(1);
  const mounts = target.requests.filter(({ path }) => path.includes("mount=") && path.includes(digest.slice(7)));
  expect(mounts.map(({ method, status }) => `${method} ${status}`)).toEqual(["POST 201"]);
  expect(await digestAt(target, "a/one")).toBe(one.root.digest);
  expect(await digestAt(target, "b/two")).toBe(two.root.digest);
});

test("loading again uploads nothing", async () => {
  await using target = await startRegistry();
  expect(await place.dray(["save", "-d", "again.tar.gz"], { input: lines("a/one", "c/both") })).toMatchObject({
    code: 0,
  });
  expect(await place.dray(["load", "-s", "again.tar.gz", "-d", target.host])).toMatchObject({ code: 0 });
  target.reset();
  const again = await place.dray(["load", "-s", "again.tar.gz", "-d", target.host]);
  expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Loaded 0 images, 2 unchanged/) });
  expect(asked(target)).toEqual(["HEAD /v2/", "HEAD /v2/a/one/manifests/v1", "HEAD /v2/c/both/manifests/v1"]);
});

test("archives of one platform each restore the original index, below a prefix", async () => {
  await using target = await startRegistry();
  const name = "far/side/c/both";
  for (const arch of ["amd64", "arm64"]) {
    const archive = `${arch}.tar.gz`;
    const cache = ["--cache-dir", `cache-${arch}`];
    const saved = await place.dray(["save", "-a", arch, "-d", archive, ...cache], { input: lines("c/both") });
    expect(saved.code).toBe(0);
    const loaded = await place.dray(["load", "-s", archive, "-d", `${target.host}/far/side`]);
    expect(loaded.code).toBe(0);
    if (arch === "amd64") expect(await digestAt(target, name)).not.toBe(both.root.digest);
  }
  expect(await digestAt(target, name)).toBe(both.root.digest);
});

test("Docker's schema 1 is refused with a reason, and the others are saved", async () => {
  const saved = await place.dray(["save", "-d", "old.tar.gz"], { input: lines("d/old", "a/one") });
  expect(saved).toMatchObject({ code: 3, stdout: expect.stringMatching(/^Saved 1 image, 1 failed/) });
  expect(saved.stderr).toMatch(/\[ERRO\] \[M_ID:1\] FAILED \[\S+\/d\/old:v1\] Cannot read .*schema 1/);
  expect(await Bun.file(place.file("save-failed.txt")).text()).toBe(lines("d/old"));
});

describe("of some platforms only, a second time", () => {
  const name = "e/some";
  const only = ["-a", "amd64,arm64"];

  beforeAll(() => pushTo(source.store.repository(name), attested(PLATFORMS, { seed: "some" }), "v1"));

  /** A registry in which a tag stays what it is, even where it is given the same again. */
  function immutable(handler: Handler): Handler {
    const tags = new Set<string>();
    const body = JSON.stringify({ errors: [{ code: "TAG_INVALID", message: "the tag is immutable" }] });
    return async (request) => {
      const { pathname } = new URL(request.url);
      const isTag = request.method === "PUT" && /\/manifests\/[^:]+$/.test(pathname);
      if (isTag && tags.has(pathname)) return new Response(body, { status: 400 });
      if (isTag) tags.add(pathname);
      return await handler(request);
    };
  }

  test("a mirror reads the source's index, and writes nothing", async () => {
    await using target = await startRegistry(undefined, { wrap: immutable });
    const mirror = () => place.dray(["mirror", ...only, "-d", target.host], { input: lines(name) });
    expect(await mirror()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Mirrored 1 image;/) });
    const { digest } = (await source.store.repository(name).resolve("v1"))!;
    expect(await digestAt(target, name)).not.toBe(digest);
    source.reset();
    target.reset();
    const again = await mirror();
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Mirrored 0 images, 1 unchanged/) });
    const head = `HEAD /v2/${name}/manifests/v1`;
    expect(asked(source)).toEqual([`GET /v2/${name}/manifests/${digest}`, "HEAD /v2/", head]);
    expect(asked(target)).toEqual(["HEAD /v2/", head]);
  });

  test("a mirror beside what another one left reads both indexes", async () => {
    await using target = await startRegistry();
    for (const architecture of ["s390x", "amd64"]) {
      const mirrored = await place.dray(["mirror", "-a", architecture, "-d", target.host], { input: lines(name) });
      expect(mirrored).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Mirrored 1 image;/) });
    }
    target.reset();
    const again = await place.dray(["mirror", "-a", "amd64", "-d", target.host], { input: lines(name) });
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Mirrored 0 images, 1 unchanged/) });
    const there = `/v2/${name}/manifests`;
    const digest = await digestAt(target, name);
    expect(asked(target)).toEqual([`GET ${there}/${digest}`, "HEAD /v2/", `HEAD ${there}/v1`]);
  });

  test.each(["a file", "a pipe"])("a load from %s asks for the tag", async (from) => {
    await using target = await startRegistry(undefined, { wrap: immutable });
    const file = `some ${from}.tar.gz`;
    expect((await place.dray(["save", ...only, "-d", file], { input: lines(name) })).code).toBe(0);
    const load = async () =>
      from === "a file"
        ? place.dray(["load", "-s", file, "-d", target.host])
        : place.dray(["load", "-s", "-", "-d", target.host], { input: await Bun.file(place.file(file)).bytes() });
    expect(await load()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Loaded 1 image;/) });
    target.reset();
    expect(await load()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Loaded 0 images, 1 unchanged/) });
    expect(asked(target)).toEqual(["HEAD /v2/", `HEAD /v2/${name}/manifests/v1`]);
  });
});

describe("mirror", () => {
  let target: TestRegistry;
  const moves: Readonly<Record<string, Artifact>> = { "a/one": one, "b/two": two, "c/both": both };

  beforeAll(async () => {
    target = await startRegistry();
  });
  afterAll(() => target.close());

  function mirror(): ReturnType<Workplace["dray"]> {
    return place.dray(["mirror", "-d", target.host], { input: lines(...Object.keys(moves)) });
  }

  test("moves each blob once", async () => {
    expect(await mirror()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Mirrored 3 images;/) });
    for (const [name, { root }] of Object.entries(moves)) expect(await digestAt(target, name)).toBe(root.digest);
    expect(source.count("GET", new RegExp(`/blobs/${shared.descriptor.digest}`))).toBe(1);
  });

  test("only asks for the digests of what is there already", async () => {
    await mirror();
    source.reset();
    target.reset();
    const again = await mirror();
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Mirrored 0 images, 3 unchanged/) });
    const heads = Object.keys(moves).map((name) => `HEAD /v2/${name}/manifests/v1`);
    for (const registry of [source, target]) expect(asked(registry)).toEqual(["HEAD /v2/", ...heads]);
  });

  test("renames with SOURCE DESTINATION TAG", async () => {
    const line = `${source.host}/a/one:v1 ${target.host}/other/name v2\n`;
    expect(await place.dray(["mirror", "-f", "-"], { input: line })).toMatchObject({ code: 0 });
    expect(await digestAt(target, "other/name", "v2")).toBe(one.root.digest);
  });
});
