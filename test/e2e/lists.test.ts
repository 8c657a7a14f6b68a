/** What people have in their scripts: lists as they come, and the flags of Hangar and image-tools. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, image, multiPlatform } from "../support/random-image.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

setDefaultTimeout(120_000);

const IMAGES: Readonly<Record<string, Artifact>> = {
  "library/busybox:latest": image({ seed: "busybox" }),
  "team/app:v1": multiPlatform(["linux/amd64", "linux/arm64"], { seed: "app" }),
  "team/amd64:v1": image({ seed: "amd64" }),
};
const app = IMAGES["team/app:v1"]!.root;

let registry: TestRegistry;
let place: Workplace;

beforeAll(async () => {
  registry = await startRegistry();
  for (const [name, artifact] of Object.entries(IMAGES)) {
    const [path, tag] = name.split(":");
    await pushTo(registry.store.repository(path!), artifact, tag!);
  }
});

beforeEach(async () => {
  place = await openWorkplace();
});

afterEach(() => place[Symbol.asyncDispose]());
afterAll(() => registry.close());

/** What an archive or folder brings to an empty registry. */
async function loaded(source: string, ...flags: readonly string[]): Promise<Readonly<Record<string, string>>> {
  await using target = await startRegistry();
  expect(await place.dray(["load", "-s", source, "-d", target.host, ...flags])).toMatchObject({ code: 0 });
  const found: Record<string, string> = {};
  for await (const { path, tag, root } of target.store.references()) found[`${path}:${tag}`] = root.digest;
  return found;
}

function digests(...names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, IMAGES[name]!.root.digest]));
}

describe("lists", () => {
  test("from a file, a pipe and -, with all that editors leave in them", async () => {
    const text = "\uFEFF# comment\r\nteam/app:v1\r\n\r\n  // another\r\n  busybox\t\r\n";
    await Bun.write(place.file("images.txt"), text);
    const epoch = { SOURCE_DATE_EPOCH: "1700000000" };
    const ways = {
      "file.tar.gz": await place.dray(["save", "-f", "images.txt", "-s", registry.host, "-d", "file.tar.gz"], {
        env: epoch,
      }),
      "pipe.tar.gz": await place.dray(["save", "-s", registry.host, "-d", "pipe.tar.gz"], { input: text, env: epoch }),
      "dash.tar.gz": await place.dray(["save", "-f", "-", "-d", "dash.tar.gz"], {
        input: text,
        env: { ...epoch, SOURCE_REGISTRY: registry.host },
      }),
    };
    const first = await Bun.file(place.file("file.tar.gz")).bytes();
    for (const [archive, ended] of Object.entries(ways)) {
      expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Saved 2 images;/) });
      expect(await Bun.file(place.file(archive)).bytes()).toEqual(first);
    }
    expect(await loaded("file.tar.gz")).toEqual(digests("library/busybox:latest", "team/app:v1"));
    // The archive has the names of the mirror, the list those of the registries.
    expect(await loaded("file.tar.gz", "-f", "images.txt")).toEqual(digests("library/busybox:latest", "team/app:v1"));
  });

  test("with digests, which fetch, and tags beside them, which name", async () => {
    const amd64 = IMAGES["team/amd64:v1"]!.root;
    const input = `${registry.host}/team/app:other@${app.digest}\n${registry.host}/team/amd64@${amd64.digest}\n`;
    expect(await place.dray(["save"], { input })).toMatchObject({ code: 0 });
    await using target = await startRegistry();
    expect(await place.dray(["load", "-s", "saved-images.tar.gz", "-d", target.host])).toMatchObject({ code: 0 });
    expect((await target.store.repository("team/app").resolve("other"))?.digest).toBe(app.digest);
    expect((await target.store.repository("team/amd64").resolve(amd64.digest))?.digest).toBe(amd64.digest);
  });

  test("are not guessed at where -f names nothing", async () => {
    const ended = await place.dray(["save", "-f", "no-such-list.txt"]);
    expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining('"no-such-list.txt"') });
    expect(await readdir(place.path)).toEqual([]);
  });
});

describe("flags", () => {
  const input = (): string => `${registry.host}/team/amd64:v1\n`;

  test("of image-tools, with one dash", async () => {
    const list = await place.list("images.txt", [input().trim(), `${registry.host}/none:v1`]);
    const flags = ["-compress=zstd", "-debug", "-j", "10", "-a", "amd64,arm64", "-o", "failed.txt"];
    const saved = await place.dray(["save", "-f", list, ...flags]);
    expect(saved).toMatchObject({ code: 3, stderr: expect.stringMatching(/\[DEBU\] GET http:\/\/127\.0\.0\.1/) });
    expect((await readdir(place.path)).sort()).toEqual([
      "failed.txt",
      "images.txt",
      "saved-image-cache",
      "saved-images.tar.zstd",
    ]);
    expect(await loaded("saved-images.tar.zstd", "-compress=zstd")).toEqual(digests("team/amd64:v1"));
  });

  test("--output names the failed list; images without the platforms count with --no-arch-os-fail only", async () => {
    const flags = ["save", "-a", "s390x", "--output", "failed.txt"];
    const skipped = await place.dray(flags, { input: input() });
    expect(skipped).toMatchObject({ code: 3, stdout: expect.stringMatching(/^Saved 0 images, 1 skipped/) });
    expect(skipped.stderr).toMatch(/\[WARN\] \[M_ID:1\] SKIPPED /);
    expect(skipped.stderr).toMatch(/\[WARN\] no archive was written\n$/);
    expect(await readdir(place.path)).toEqual(["saved-image-cache"]);
    const failed = await place.dray([...flags, "--no-arch-os-fail"], { input: input() });
    expect(failed).toMatchObject({ code: 3, stderr: expect.stringMatching(/\[ERRO\] \[M_ID:1\] FAILED /) });
    expect(await Bun.file(place.file("failed.txt")).text()).toBe(input());
    expect(existsSync(place.file("saved-images.tar.gz"))).toBe(false);
  });

  test("a run that writes no archive is no success, and says so of one that is there", async () => {
    await Bun.write(place.file("x.tar"), "of yesterday");
    const save = ["save", "-d", "x.tar", "-a"];
    const typo = await place.dray([...save, "adm64"], { input: input() });
    expect(typo).toMatchObject({ code: 3, stdout: expect.stringMatching(/^Saved 0 images, 1 skipped/) });
    expect(typo.stderr).toContain('--arch: "adm64" is none that images are usually made for; did you mean amd64?\n');
    expect(typo.stderr).toContain("[WARN] no archive was written; x.tar is that of an earlier run\n");
    const pipe = await place.dray(["save", "-d", "-", "-a", "s390x"], { input: input() });
    expect(pipe).toMatchObject({ code: 3, stdout: "", stderr: expect.stringContaining("no archive was written\n") });
    const some = await place.dray([...save, "adm64,amd64"], { input: input() });
    expect(some).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Saved 1 image/) });
    const compress = ["compress", "-d", "y.tar", "-a", "s390x"];
    const packed = await place.dray(compress);
    expect(packed).toMatchObject({ code: 3, stderr: expect.stringContaining("[WARN] no archive was written\n") });
    expect(existsSync(place.file("y.tar"))).toBe(false);
  });

  test("a platform as docker writes it is refused before anything starts", async () => {
    for (const command of ["save", "mirror", "load"]) {
      const rest = command === "load" ? ["-s", "none.tar", "-d", registry.host] : [];
      const { code, stderr } = await place.dray([command, "-a", "linux/arm/v7", ...rest], { input: input() });
      expect([command, code]).toEqual([command, 2]);
      expect(stderr).toEndWith("  write --os linux -a arm/v7\n");
    }
  });

  test("an empty value, as of a variable that is not set, is the default", async () => {
    await pushTo(registry.store.repository("team/odd"), multiPlatform(["linux/amd64", "linux/s390x"]), "v1");
    const odd = `${registry.host}/team/odd:v1\n`;
    const empty = ["-a", "", "--os", "", "-o", "", "-j", ""];
    for (const args of [
      ["save", "-d", "x.tar", ...empty],
      ["sync", "-d", "cache", ...empty],
    ])
      expect(await place.dray(args, { input: `${odd}None\n` })).toMatchObject({ code: 3 });
    expect((await readdir(place.path)).filter((name) => name.endsWith(".txt")).sort()).toEqual([
      "save-failed.txt",
      "sync-failed.txt",
    ]);
    for (const source of ["x.tar", "cache"]) {
      const [row] = JSON.parse((await place.dray(["ls", source, "--json"])).stdout) as [{ platforms: object[] }];
      expect(row.platforms).toMatchObject([{ platform: "linux/amd64" }]);
    }
  });

  test("--jobs is clamped with a warning, and refused where it is no number", async () => {
    const many = await place.dray(["save", "-j", "100"], { input: input() });
    expect(many).toMatchObject({ code: 0, stderr: expect.stringMatching(/\[WARN\] --jobs is 20: 100 is not/) });
    const none = await place.dray(["save", "--jobs", "x"], { input: input() });
    expect(none).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining('"x" as --jobs') });
  });

  test.each([
    [["-c", "tar"], "saved-images.tar"],
    [["-d", "out"], "out.tar.gz"],
    [["-d", "out", "-c", "zstd"], "out.tar.zstd"],
    [["-d", "out.tgz"], "out.tgz"],
    [["-c", "dir"], "saved-images"],
    [["--compress=dir", "-d", "folder"], "folder"],
  ])("%j makes %s", async (flags, name) => {
    expect(await place.dray(["save", ...flags], { input: input() })).toMatchObject({ code: 0 });
    // a folder is the cache folder itself, under its new name
    expect((await readdir(place.path)).filter((entry) => entry !== "saved-image-cache")).toEqual([name]);
    expect(await loaded(name)).toEqual(digests("team/amd64:v1"));
  });

  test("that are none are refused, with the one that was meant", async () => {
    const ended = await place.dray(["save", "--job", "2"]);
    expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("did you mean --jobs?") });
  });
});

test("sync adds to the cache folder, compress packs it, decompress unpacks it", async () => {
  const all = digests(...Object.keys(IMAGES));
  const lines = Object.keys(IMAGES).map((name) => `${registry.host}/${name}`);
  expect(await place.dray(["save", "-f", "-"], { input: `${lines[0]}\n` })).toMatchObject({ code: 0 });
  const synced = await place.dray(["sync", "-d", "saved-image-cache"], { input: lines.slice(1).join("\n") });
  expect(synced).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Synced 2 images;/) });
  expect(await loaded("saved-images.tar.gz")).toEqual(digests("library/busybox:latest"));
  expect(await loaded("saved-image-cache")).toEqual(all);
  const packed = await place.dray(["compress", "-f", "saved-image-cache", "-d", "packed.tar.zst"]);
  expect(packed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Compressed 3 images;/) });
  expect(await loaded("packed.tar.zst")).toEqual(all);
  const unpacked = await place.dray(["decompress", "-f", "packed.tar.zst", "-d", "unpacked"]);
  expect(unpacked).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Decompressed 3 images;/) });
  expect(await loaded("unpacked")).toEqual(all);
  const added = await place.dray(["decompress", "-f", "saved-images.tar.gz", "-d", "unpacked"]);
  expect(added).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Decompressed 1 image;/) });
  expect(await loaded("unpacked")).toEqual(all);
});

test("serve is a registry that keeps what is loaded into it", async () => {
  expect(await place.dray(["save"], { input: `${registry.host}/team/app:v1\n` })).toMatchObject({ code: 0 });
  for (const args of [[], ["--read-only"]]) {
    const server = place.start(["serve", "--folder", "kept", "--listen", "127.0.0.1:0", ...args]);
    const [, host] = await server.saying(/^http:\/\/(127\.0\.0\.1:\d+)\n/);
    const load = await place.dray(["load", "-s", "saved-images.tar.gz", "-d", host!]);
    const result = args.length === 0 ? "Loaded 1 image;" : "Loaded 0 images, 1 unchanged";
    expect(load).toMatchObject({ code: 0, stdout: expect.stringContaining(result) });
    server.kill("SIGTERM");
    expect(await server.ended).toMatchObject({ code: 143 });
  }
});
