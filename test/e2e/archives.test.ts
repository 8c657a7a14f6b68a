/** What users do with archives besides loading them: look into them, check them, mend them, load some of them, out of a pipe. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { prose } from "../support/archive-entries.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { packImages } from "../support/packed-archive.ts";
import { flipBit } from "../support/parted-archive.ts";
import { pushTo } from "../support/push.ts";
import { image, layer, multiPlatform, part } from "../support/random-image.ts";
import { tarOf } from "../support/random-layer.ts";
import { startRegistry } from "../support/registry.ts";
import { run } from "../support/run.ts";

setDefaultTimeout(60_000);

const shared = layer("shared", 1_600_000);
const IMAGES = {
  "docker.io/team/one:1": image({ seed: "one", layers: [shared] }),
  "docker.io/team/two:2": multiPlatform(["linux/amd64", "linux/arm64"], { seed: "two" }),
  "quay.io/other/three:3": image({ seed: "three", layers: [shared, layer("own", 50_000)] }),
};

let work: Workplace;
beforeAll(async () => {
  work = await openWorkplace();
  await packImages(work.file("x.tar.gz"), IMAGES);
  await packImages(work.file("split.tar.gz"), IMAGES, { partSize: 700_000 });
});
afterAll(() => work[Symbol.asyncDispose]());

async function tagsIn(store: Store): Promise<string[]> {
  const names: string[] = [];
  for await (const { path, tag } of store.references()) names.push(`${path}:${tag}`);
  return names.sort();
}

test("ls tells images, platforms and sizes", async () => {
  const { code, stdout } = await work.dray(["ls", "x.tar.gz"]);
  expect(code).toBe(0);
  const lines = stdout.split("\n").map((line) => line.split(/ {2,}/));
  expect(lines[0]).toEqual(["NAME", "PLATFORMS", "SIZE", "ADDS", "ATTACHED", "DIGEST"]);
  expect(lines[2]!.slice(0, 2)).toEqual(["docker.io/team/two:2", "linux/amd64,linux/arm64"]);
  const rows = JSON.parse((await work.dray(["ls", "split.tar.gz.part1", "--json"])).stdout) as Record<
    string,
    unknown
  >[];
  const sizeOf = ({ blobs, manifests }: (typeof IMAGES)["docker.io/team/one:1"]) =>
    [...blobs, ...manifests].reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  expect(rows).toMatchObject(
    Object.entries(IMAGES).map(([name, one]) => ({ name, digest: one.root.digest, size: sizeOf(one) })),
  );
  expect(rows[2]!.adds).toBe((rows[2]!.size as number) - shared.descriptor.size);
});

test("ls takes the whole by its name, and a part of it that lies elsewhere", async () => {
  const part = "split.tar.gz.part1";
  await mkdir(work.file("elsewhere"));
  await rename(work.file(part), work.file(`elsewhere/${part}`));
  try {
    const alone = await work.dray(["ls", "split.tar.gz"]);
    expect(alone.code).toBe(4);
    expect(alone.stderr).toEndWith(
      "part 1 of it cannot be found\n  copy it beside the others, or name that part too\n",
    );
    const { code, stdout } = await work.dray(["ls", "split.tar.gz", `elsewhere/${part}`, "x.tar.gz", "--json"]);
    expect(code).toBe(0);
    const rows = JSON.parse(stdout) as { readonly archive: string; readonly name: string }[];
    expect(rows.map(({ archive, name }) => [archive, name])).toEqual(
      ["split.tar.gz", "x.tar.gz"].flatMap((archive) => Object.keys(IMAGES).map((name) => [archive, name])),
    );
  } finally {
    await rename(work.file(`elsewhere/${part}`), work.file(part));
  }
});

test("an archive is needed", async () => {
  for (const command of ["ls", "verify", "repair"]) expect((await work.dray([command])).code).toBe(2);
  const { code, stderr } = await work.dray(["ls", "none.tar.gz"]);
  expect([code, stderr]).toEqual([1, expect.stringContaining("there is no such file")]);
});

test("some images are loaded: by patterns, by a list", async () => {
  await using registry = await startRegistry();
  const only = await work.dray([
    "load",
    "-s",
    "split.tar.gz",
    "-d",
    registry.host,
    "--only",
    "team/o*,none",
    "--only",
    "quay.io/*",
  ]);
  expect(only).toMatchObject({ code: 3, stdout: expect.stringContaining("Loaded 2 images, 1 failed") });
  expect(only.stderr).toContain("FAILED [none] ");
  expect(await tagsIn(registry.store)).toEqual(["other/three:3", "team/one:1"]);
  await work.list("list.txt", ["team/two:2", "team/none:1"]);
  const listed = await work.dray(["load", "-s", "x.tar.gz", "-d", registry.host, "-f", "list.txt"]);
  expect(listed).toMatchObject({ code: 3, stderr: expect.stringContaining("it is not in the archive") });
  expect(await tagsIn(registry.store)).toEqual(["other/three:3", "team/one:1", "team/two:2"]);
  expect(await readFile(work.file("load-failed.txt"), "utf8")).toBe("team/none:1\n");
  const none = await work.dray(["load", "-s", "x.tar.gz", "-d", registry.host, "--only", "nothing*"]);
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('called "nothing*"') });
});

test("parts joined in a pipe are loaded in one pass; what is cut short is not named", async () => {
  await using registry = await startRegistry();
  const numbers = [0, 1, 2];
  const whole = await piped(registry.host, numbers);
  expect(whole).toEqual({ code: 0, stdout: expect.stringContaining("Loaded 3 images") });
  expect(await tagsIn(registry.store)).toEqual(["other/three:3", "team/one:1", "team/two:2"]);
  await using other = await startRegistry();
  expect(await piped(other.host, numbers.slice(0, 2))).toMatchObject({ code: 4 });
  expect(await tagsIn(other.store)).toEqual([]);
  const failed = (await readFile(work.file("load-failed.txt"), "utf8")).trim().split("\n");
  expect(failed.sort()).toEqual(Object.keys(IMAGES).sort());
});

/** `cat` of these parts into `dray load -s -`. */
function piped(host: string, numbers: readonly number[]): Promise<{ code: number | null; stdout: string }> {
  const main = join(dirname(dirname(import.meta.dirname)), "src", "main.ts");
  const child = spawn(process.execPath, [main, "load", "-s", "-", "-d", host], {
    cwd: work.path,
    env: { HOME: work.path },
    stdio: ["pipe", "pipe", "ignore"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stdin.on("error", () => {});
  void (async () => {
    for (const number of numbers)
      for await (const chunk of createReadStream(work.file(`split.tar.gz.part${number}`)))
        if (!child.stdin.write(chunk)) await new Promise((resolve) => child.stdin.once("drain", resolve));
    child.stdin.end();
  })();
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout })));
}

test("damage is told by verify, and mended by repair from a registry", async () => {
  const path = work.file("split.tar.gz.part1");
  const before = await readFile(path);
  const file = await open(path, "r+");
  await file.write(new Uint8Array([before[9000]! ^ 4]), 0, 1, 9000);
  await file.close();
  const found = await work.dray(["verify", "split.tar.gz"]);
  expect(found.code).toBe(4);
  expect(found.stdout).toContain("split.tar.gz.part1");
  expect(found.stdout).toMatch(/damaged: 2 findings, 2 of 3 images concerned/);
  const report = JSON.parse((await work.dray(["verify", "split.tar.gz", "--json"])).stdout) as { damaged: string[] };
  expect(report.damaged).toEqual(["docker.io/team/one:1", "quay.io/other/three:3"]);
  const store = memoryStore();
  for (const [name, artifact] of Object.entries(IMAGES))
    await pushTo(store.repository(name.replace(/^[^/]*\/|:.*$/g, "")), artifact);
  await using registry = await startRegistry(store);
  const mended = await work.dray(["repair", "split.tar.gz", "-s", registry.host]);
  expect(mended).toMatchObject({ code: 0, stdout: "whole; 1 entry mended\n" });
  expect((await readFile(path)).equals(before)).toBe(true);
  expect(await work.dray(["verify", "split.tar.gz"])).toMatchObject({ code: 0, stdout: "whole: 3 images\n" });
});

test("what cannot be mended is left, with the part to copy again", async () => {
  const path = work.file("split.tar.gz.part0");
  await rename(path, work.file("aside"));
  await using registry = await startRegistry();
  const { code, stdout } = await work.dray(["repair", "split.tar.gz", "-s", registry.host]);
  expect(code).toBe(4);
  expect(stdout).toContain("copy again: split.tar.gz.part0");
  expect(await stat(path).catch(() => "none")).toBe("none");
  await rename(work.file("aside"), path);
});

test("sha256sum -c takes the checksums of an archive, whole or in parts, and hears of what has changed", async () => {
  await packImages(work.file("one.tar.gz"), IMAGES, { checksum: true });
  expect(await checked("one.tar.gz")).toEqual({ code: 0, lines: ["one.tar.gz: OK"] });
  const parts = [0, 1, 2].map((number) => `split.tar.gz.part${number}`);
  expect(await checked("split.tar.gz")).toEqual({ code: 0, lines: parts.map((name) => `${name}: OK`) });
  await flipBit(work.file(parts[1]!), 12_345);
  const lines = parts.map((name, number) => `${name}: ${number === 1 ? "FAILED" : "OK"}`);
  expect(await checked("split.tar.gz")).toEqual({ code: 1, lines });
  await flipBit(work.file(parts[1]!), 12_345);
});

/** `sha256sum -c`, beside the archive as its users are. */
async function checked(archive: string): Promise<{ code: number; lines: readonly string[] }> {
  const script = 'cd "$0" && sha256sum -c --strict "$1"';
  const { code, stdout } = await run("bash", ["-c", script, work.path, `${archive}.sha256`], { LC_ALL: "C" });
  return { code, lines: stdout.trim().split("\n") };
}

test.each([
  ["gzip", "1", "9"],
  ["zstd", "1", "19"],
])("--level of %s: %s makes a larger archive than %s, of the same images", async (format, low, high) => {
  const layer = part("application/vnd.oci.image.layer.v1.tar", tarOf({ "a/text": prose(300_000) }));
  const artifact = image({ layers: [{ ...layer, diffID: layer.descriptor.digest }] });
  const store = memoryStore();
  await pushTo(store.repository("team/text"), artifact, "1");
  await using registry = await startRegistry(store);
  const list = await work.list("level.txt", [`${registry.host}/team/text:1`]);
  const sizes: number[] = [];
  for (const level of [low, high]) {
    const archive = `level-${level}.${format}`;
    const args = ["save", "-f", list, "-d", archive, "-c", format, "--level", level, "--checksum"];
    expect(await work.dray(args)).toMatchObject({ code: 0 });
    expect(await work.dray(["verify", archive])).toMatchObject({ code: 0, stdout: "whole: 1 image\n" });
    sizes.push((await stat(work.file(archive))).size);
  }
  expect(sizes[1]!).toBeLessThan(sizes[0]! * 0.95);
});
