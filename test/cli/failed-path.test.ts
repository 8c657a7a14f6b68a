/** Where the list of what failed may go: nothing that the user has is taken for it. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmod, link, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { failedPath, type RunPaths } from "../../src/cli/failed-path.ts";
import { commandOf, openWorkplace, type Workplace } from "../support/dray.ts";
import { packImages } from "../support/packed-archive.ts";
import { image } from "../support/random-image.ts";
import { startRegistry } from "../support/registry.ts";
import { type Ended, run } from "../support/run.ts";
import { errorOf } from "../support/thrown.ts";

setDefaultTimeout(60_000);

let work: Workplace;
beforeEach(async () => {
  work = await openWorkplace();
});
afterEach(() => work[Symbol.asyncDispose]());

const MAIN = commandOf("bun")
  .map((word) => `'${word}'`)
  .join(" ");

function shell(text: string): Promise<Ended> {
  return run("sh", ["-c", `cd '${work.path}' && ${text}`]);
}

function refusal(name: string, paths: RunPaths = {}): Promise<string> {
  return errorOf(() => failedPath(work.file(name), paths));
}

test.each([
  ["precious.tar.gz", "x"],
  ["x.tgz", undefined],
  ["x.tar.zst", undefined],
  ["X.ZIP", undefined],
  ["x.tar.gz.part3", undefined],
  ["x.tar.gz.sha256", undefined],
  [".x.tar.incomplete", undefined],
  ["save-failed.tar", "x"],
])("%s is the name of an archive", async (name, content) => {
  if (content) await writeFile(work.file(name), content);
  expect(await refusal(name)).toBe(
    `USAGE: Cannot list what failed in "${work.file(name)}": that is the name of an archive`,
  );
});

test("a link with an innocent name leads to what it leads to", async () => {
  await writeFile(work.file("bundle.tar.gz"), "x");
  await writeFile(work.file("notes.txt"), "x");
  await symlink("bundle.tar.gz", work.file("a-failed.txt"));
  await symlink("notes.txt", work.file("b-failed.txt"));
  await symlink("not-there.tar", work.file("c-failed.txt"));
  await symlink("d-failed.txt", work.file("d-failed.txt"));
  expect(await refusal("a-failed.txt")).toEndWith("that is the name of an archive");
  expect(await failedPath(work.file("b-failed.txt"), {})).toMatchObject({ isOther: true });
  expect(await refusal("c-failed.txt")).toEndWith("that is the name of an archive");
  expect((await failedPath(work.file("d-failed.txt"), {})).isStream).toBe(false);
});

describe("a file that is there", () => {
  test.each(["images.txt", "out", "failover.txt", "unfailed.txt"])(
    "is something else when it is called %s",
    async (name) => {
      await writeFile(work.file(name), "nginx\n");
      expect(await failedPath(work.file(name), {})).toMatchObject({ isOther: true });
    },
  );

  test.each(["failed.txt", "save-failed.txt", "FAILURES.lst", "nightly.failed", "what_failed_2.txt"])(
    "is a list of ours when it is called %s",
    async (name) => {
      await writeFile(work.file(name), "nginx\n");
      expect(await failedPath(work.file(name), {})).toMatchObject({
        file: work.file(name),
        isInput: false,
        isOther: false,
      });
    },
  );

  test("is refused where it is no text, whatever its name", async () => {
    await writeFile(work.file("failed.img"), new Uint8Array(10_000));
    expect(await refusal("failed.img")).toContain("it is there");
  });

  test("is none where it is empty", async () => {
    await writeFile(work.file("out.txt"), "");
    expect(await failedPath(work.file("out.txt"), {})).toMatchObject({ isOther: false });
  });
});

describe("what the run reads and writes", () => {
  const names: readonly (readonly [string, (file: string) => Promise<string>])[] = [
    ["itself", async (file) => file],
    ["another spelling", async (file) => file.replace(/[^/]+$/, "./x/../$&")],
    ["a link", async (file) => symlink(file, work.file("link")).then(() => work.file("link"))],
    ["a second name", async (file) => link(file, work.file("second")).then(() => work.file("second"))],
  ];

  test.each(names)("the archive by %s", async (_, other) => {
    await mkdir(work.file("x"));
    await writeFile(work.file("bundle-failed.img"), "text");
    const used = await other(work.file("bundle-failed.img"));
    expect(await refusal("bundle-failed.img", { uses: ["mirror.test:5000", used] })).toEndWith("that is the archive");
    expect(await refusal("bundle-failed.img", { archive: used })).toEndWith("that is the archive");
  });

  test("an archive that is yet to be written, also where only the case differs", async () => {
    await symlink("new.img", work.file("link"));
    for (const archive of ["new.img", "./new.img", "link", "NEW.img"])
      expect(await refusal("new.img", { archive: work.file(archive) })).toEndWith("that is the archive");
    expect(await refusal("link", { archive: work.file("new.img") })).toEndWith("that is the archive");
  });

  test.each(names)("the list by %s: unless it is one of failures", async (_, other) => {
    await mkdir(work.file("x"));
    await work.list("images.txt", ["nginx"]);
    expect(await refusal("images.txt", { list: await other(work.file("images.txt")) })).toEndWith(
      "that is the list of images itself",
    );
  });

  test("the list of an earlier run is the input and the output", async () => {
    await work.list("save-failed.txt", ["nginx"]);
    const list = work.file("./save-failed.txt");
    expect(await failedPath(list, { list })).toMatchObject({ isInput: true });
  });

  test("what lies in a cache folder, and what would", async () => {
    const cache = work.file("cache");
    await mkdir(join(cache, "share"), { recursive: true });
    await writeFile(join(cache, ".lock"), "");
    await symlink("cache", work.file("link"));
    for (const name of ["cache/.lock", "cache/new.json", "link/share/new", "link/.lock"])
      expect(await refusal(name, { uses: [cache] })).toEndWith(`it would be among the files of "${cache}"`);
    expect(await failedPath(join(cache, "sync-failed.txt"), { uses: [cache] })).toMatchObject({ isStream: false });
  });
});

test("where it cannot be written, that is said", async () => {
  expect(await errorOf(() => failedPath(work.path, {}))).toBe(`STORAGE: Cannot write "${work.path}": it is a folder`);
  expect(await refusal("none/failed.txt")).toBe(
    `STORAGE: Cannot write "${work.file("none/failed.txt")}": its folder does not exist`,
  );
});

test("standard output is not for it; /dev/stderr is", async () => {
  expect(await errorOf(() => failedPath("-", {}))).toBe(
    "USAGE: Cannot list what failed in standard output: the result goes there",
  );
  await work.list("bad.txt", ["Nginx"]);
  expect((await shell(`${MAIN} save -f bad.txt -o /dev/stderr 2>&1 | cat`)).stdout).toMatch(/^Nginx$/m);
});

test("nor is a file that standard output or standard input is", async () => {
  await work.list("images.txt", ["Nginx"]);
  for (const [text, said] of [
    [`${MAIN} save -o result <images.txt >result`, "standard output goes there"],
    [`${MAIN} save -o images.txt <images.txt`, "that is the list of images itself"],
    [`${MAIN} save -d images.txt <images.txt`, "that is the list of images"],
  ] as const)
    expect(await shell(text)).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
  expect(await readFile(work.file("images.txt"), "utf8")).toBe("Nginx\n");
});

test("nothing that a user named is gone after a run", async () => {
  await using registry = await startRegistry();
  await packImages(work.file("own.tar.gz"), { "docker.io/team/app:1": image() });
  await packImages(work.file("split.tar.gz"), { "docker.io/team/app:1": image() }, { partSize: 1000 });
  await work.list("list.txt", [`${registry.host}/team/none:1`]);
  await work.list("names.txt", ["docker.io/team/app:1"]);
  await symlink("own.tar.gz", work.file("link"));
  await chmod(work.file("own.tar.gz"), 0o600);
  const contents = async (): Promise<unknown> =>
    Promise.all((await readdir(work.path)).map(async (name) => [name, await Bun.file(work.file(name)).bytes()]));
  const before = await contents();
  for (const args of [
    ["load", "-s", "own.tar.gz", "-d", registry.host, "-o", "own.tar.gz"],
    ["load", "-s", "./own.tar.gz", "-d", registry.host, "-o", "link"],
    ["load", "-s", "split.tar.gz.part0", "-d", registry.host, "-o", "split.tar.gz.part1"],
    ["load", "-s", "split.tar.gz", "-d", registry.host, "-o", "split.tar.gz.sha256"],
    ["load", "-s", "own.tar.gz", "-d", registry.host, "-o", "-"],
    ["save", "-f", "list.txt", "-o", "own.tar.gz"],
    ["save", "-f", "list.txt", "-d", "both.tar", "-o", "both.tar"],
    ["save", "-f", "list.txt", "-o", "saved-image-cache/index.json"],
    ["save", "-f", "list.txt", "-d", "list.txt"],
    ["mirror", "-f", "list.txt", "-d", registry.host, "-o", "list.txt"],
    ["compress", "-f", "own.tar.gz", "-d", "new.img", "-o", "new.img"],
  ]) {
    const { code, stderr } = await work.dray(args);
    expect({ args, code, stderr }).toEqual({
      args,
      code: 2,
      stderr: expect.stringMatching(/^dray: Cannot (?:list what failed in|write)/),
    });
  }
  expect(await contents()).toEqual(before);
});

test("another file that was in its place is kept beside it, whether anything failed or not", async () => {
  await using registry = await startRegistry();
  await packImages(work.file("own.tar.gz"), { "docker.io/team/app:1": image() });
  await work.list("list.txt", [`${registry.host}/team/none:1`]);
  await work.list("notes.txt", ["mine"]);
  const load = ["load", "-s", "own.tar.gz", "-d", registry.host, "-o", "notes.txt"];
  expect((await work.dray(load)).code).toBe(0);
  expect(await readdir(work.path)).not.toContain("notes.txt");
  expect(await Bun.file(work.file("notes.txt~")).text()).toBe("mine\n");
  await work.list("notes.txt", ["mine again"]);
  expect((await work.dray(["sync", "-f", "list.txt", "-d", "out", "-o", "notes.txt"])).code).toBe(3);
  expect(await Bun.file(work.file("notes.txt")).text()).toBe(`${registry.host}/team/none:1\n`);
  expect(await Bun.file(work.file("notes.txt~")).text()).toBe("mine again\n");
});
