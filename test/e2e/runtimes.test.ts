/** The same save and load on everything that Dray runs on, with an empty PATH and nothing but the folder it is started in. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../scripts/build.ts";
import { HOST } from "../../scripts/runtime.ts";
import { VERSION } from "../../src/version.ts";
import { type DebianRegistry, startDebianRegistry } from "../support/debian-registry.ts";
import { openWorkplace, type Runtime, type Workplace } from "../support/dray.ts";
import { arm64Emulator, toolsRequired } from "../support/emulators.ts";
import { openPodman } from "../support/podman.ts";
import { pushTo } from "../support/push.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { IMAGES, NAMES, rawDigest, SOURCES, seed } from "../support/sources.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";
import { requireTool } from "../support/tool.ts";

setDefaultTimeout(120_000);

/** Its runtime is fetched; only CI is sure to be able to. */
const CACHE = join(import.meta.dirname, "..", "..", "node_modules", ".cache", "dray");
const canBuildArm64 = existsSync(CACHE) && readdirSync(CACHE).some((name) => name.startsWith("bun-linux-arm64-"));
const skipArm64 = !toolsRequired && (arm64Emulator() === undefined || !canBuildArm64);

let source: TestRegistry;
let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await temporaryFolder();
  source = await startRegistry();
  for (const [name, artifact] of Object.entries(SOURCES)) await pushTo(source.store.repository(name), artifact, "v1");
});

afterAll(async () => {
  await source.close();
  await folder[Symbol.asyncDispose]();
});

const archives = new Map<string, Buffer>();

/** Saves in both formats and loads what was saved; the archives are kept, to be compared. */
async function carryAcross(runtime: Runtime): Promise<void> {
  await using place = await openWorkplace();
  const input = NAMES.map((name) => `${source.host}/${name}:v1\n`).join("");
  const env = { SOURCE_DATE_EPOCH: "1700000000" };
  for (const archive of ["images.tar.gz", "images.tar.zst"]) {
    await using target = await startRegistry();
    const saved = await place.dray(["save", "-d", archive, "-a", "all", "--os", "all"], { runtime, input, env });
    expect(saved).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Saved 11 images;/) });
    const loaded = await place.dray(["load", "-s", archive, "-d", target.host], { runtime });
    expect(loaded).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Loaded 11 images;/) });
    for (const [name, { root, manifests, blobs }] of Object.entries(SOURCES)) {
      const repository = target.store.repository(name);
      expect((await repository.resolve("v1"))?.digest).toBe(root.digest);
      for (const { descriptor } of [...manifests, ...blobs]) expect(await repository.has(descriptor)).toBe(true);
    }
  }
  archives.set(String(runtime), Buffer.from(await Bun.file(place.file("images.tar.gz")).arrayBuffer()));
}

describe("save and load", () => {
  test("on Bun", () => carryAcross("bun"));
  test("on Deno", () => carryAcross("deno"));

  test("as the executable of this machine", async () => {
    const path = await build(HOST, folder.path);
    await carryAcross([path]);
    expect(archives.get(path)!.equals(archives.get("bun")!)).toBe(true);
  });

  test.skipIf(skipArm64)("as the executable for linux-arm64", async () => {
    const command = [...arm64Emulator()!, await build("linux-arm64", folder.path)];
    await using place: Workplace = await openWorkplace();
    expect(await place.dray(["--version"], { runtime: command })).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
    const input = `${source.host}/some/deep/path/zstd:v1\n`;
    const saved = await place.dray(["save"], { runtime: command, input });
    expect(saved).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Saved 1 image;/) });
    await using target = await startRegistry();
    expect(await place.dray(["load", "-s", "saved-images.tar.gz", "-d", target.host])).toMatchObject({ code: 0 });
    expect((await target.store.repository("some/deep/path/zstd").resolve("v1"))?.digest).toBe(
      SOURCES["some/deep/path/zstd"]!.root.digest,
    );
  });
});

const missing = ["docker-registry", "skopeo", "podman"].map(requireTool).find((reason) => reason !== undefined);

describe.skipIf(missing !== undefined)("the main job with real programs", () => {
  let registry: DebianRegistry;
  beforeAll(async () => {
    registry = await startDebianRegistry();
    await seed(registry.host);
  });
  afterAll(() => registry?.close());

  /** Saves from a registry that skopeo filled and loads into another, where skopeo finds the same bytes, and podman pulls. */
  async function carryForReal(runtime: Runtime): Promise<void> {
    await using place = await openWorkplace();
    await using target = await startDebianRegistry();
    const list = await place.list(
      "images.txt",
      NAMES.map((name) => `${registry.host}/${name}:v1`),
    );
    const saved = await place.dray(["save", "-f", list, "-a", "all", "--os", "all"], { runtime });
    expect(saved).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Saved 11 images;/) });
    const loaded = await place.dray(["load", "-s", "saved-images.tar.gz", "-d", target.host], { runtime });
    expect(loaded).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Loaded 11 images;/) });
    for (const name of NAMES) expect(await rawDigest(target.host, name, "v1")).toBe(SOURCES[name]!.root.digest);
    await using podman = await openPodman();
    const pulled = IMAGES.map((name) => `${target.host}/${name}:v1`);
    await podman.run(["pull", "--quiet", "--tls-verify=false", "--arch", "amd64", ...pulled]);
    const images = await podman.run(["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    expect(images.trim().split("\n").sort()).toEqual(pulled.sort());
  }

  test("on Deno", () => carryForReal("deno"));
  test("as the executable of this machine", async () => carryForReal([await build(HOST, folder.path)]));
});
