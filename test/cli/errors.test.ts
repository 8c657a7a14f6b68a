/** What a user reads when something is wrong, word for word, and the exit code. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { expectGolden } from "../support/golden.ts";
import { type Ended, run } from "../support/run.ts";

let work: Workplace;
beforeEach(async () => {
  work = await openWorkplace();
  await work.list("images.txt", ["nginx"]);
  await work.list("empty.txt", ["# nothing yet", ""]);
});
afterEach(() => work[Symbol.asyncDispose]());

test.each([
  ["unknown-command", 2, ["sav"]],
  ["command-of-every-object", 2, ["constructor"]],
  ["help-of-unknown-command", 2, ["help", "sav"]],
  ["unknown-flag", 2, ["save", "--jbos", "3"]],
  ["unknown-flag-of-every-object", 2, ["save", "--constructor=3"]],
  ["unknown-letter", 2, ["save", "-x"]],
  ["stray-argument", 2, ["save", "images.txt"]],
  ["missing-value", 2, ["save", "-f"]],
  ["bad-boolean", 2, ["save", "--tls-verify=maybe"]],
  ["bad-jobs", 2, ["save", "-f", "images.txt", "-j", "many"]],
  ["bad-format", 2, ["save", "-f", "images.txt", "-c", "rar"]],
  ["archive-is-a-folder", 2, ["save", "-f", "images.txt", "-d", "out/"]],
  ["unreadable-list", 2, ["save", "-f", "none.txt"]],
  ["empty-list", 2, ["save", "-f", "empty.txt"]],
  ["empty-pipe", 2, ["save"]],
  ["bad-source", 2, ["save", "-f", "images.txt", "-s", "Not A Host"]],
  ["unlike-any-command", 2, ["list-images"]],
  ["command-of-hangar", 2, ["mirror-validate", "-f", "images.txt"]],
  ["flag-of-hangar", 2, ["load", "-default-project=library"]],
  ["mirror-without-destination", 2, ["mirror", "-f", "images.txt"]],
  ["save-to-a-folder", 2, ["save", "-f", "images.txt", "-d", "."]],
  ["platform-as-architecture", 2, ["save", "-f", "images.txt", "-a", "linux/amd64"]],
  ["bad-destination", 2, ["load", "-s", "x.tar.gz", "-d", "host/UPPER"]],
  ["load-without-archive", 2, ["load", "-d", "host"]],
  ["load-without-destination", 2, ["load", "-s", "x.tar.gz"]],
  ["load-of-nothing", 1, ["load", "-s", "none.tar.gz", "-d", "localhost:1"]],
  ["load-of-no-archive", 1, ["load", "-s", "images.txt", "-d", "localhost:1"]],
  ["sync-without-folder", 2, ["sync", "-f", "images.txt"]],
  ["sync-of-nothing", 1, ["sync", "-s", "none.tar.gz", "-d", "cache"]],
  ["sync-only-without-archive", 2, ["sync", "-f", "images.txt", "--only", "nginx*", "-d", "cache"]],
  ["small-parts", 2, ["save", "-f", "images.txt", "--part-size", "100"]],
  ["compress-to-folder", 2, ["compress", "-c", "dir"]],
  ["compress-of-nothing", 1, ["compress", "-f", "none"]],
  ["decompress-without-archive", 2, ["decompress"]],
  ["bad-address", 2, ["serve", "--listen", "nowhere"]],
] as const)("%s", async (name, exit, args) => {
  const before = await readdir(work.path);
  const { code, stdout, stderr } = await work.dray(args);
  expect(code).toBe(exit);
  expect(stdout).toBe("");
  await expectGolden(`error-${name}`, stderr);
  expect(await readdir(work.path)).toEqual(before);
});

test.each([
  [["ls", "-"]],
  [["verify", "-"]],
  [["repair", "-"]],
  [["sync", "-s", "-", "-d", "cache"]],
  [["compress", "-f", "-"]],
  [["decompress", "-f", "-"]],
])("only load reads a pipe: %j", async (args) => {
  const { code, stdout, stderr } = await work.dray(args);
  expect([code, stdout]).toEqual([2, ""]);
  await expectGolden("error-archive-in-a-pipe", stderr);
});

test("malformed-lines", async () => {
  await work.list("bad.txt", ["Nginx", "", "a b c", "docker://nginx", "nginx@sha256:123"]);
  const { code, stdout, stderr } = await work.dray(["save", "-f", "bad.txt"]);
  expect(code).toBe(3);
  expect(stdout).toMatch(/^Saved 0 images, 4 failed; \d+s\n$/);
  await expectGolden("error-malformed-lines", stderr.replace(/^\d\d:\d\d:\d\d/gm, "HH:MM:SS"));
  expect(await Bun.file(work.file("save-failed.txt")).text()).toBe("Nginx\na b c\ndocker://nginx\nnginx@sha256:123\n");
  expect(await readdir(work.path)).not.toContain("saved-images.tar.gz");
});

test("malformed-mirror-lines", async () => {
  await work.list("bad.txt", ["nginx", "nginx host.test/nginx", "a b c d", "nginx host.test/nginx .x"]);
  const { code, stderr } = await work.dray(["mirror", "-f", "bad.txt"]);
  expect(code).toBe(3);
  await expectGolden("error-malformed-mirror-lines", stderr.replace(/^\d\d:\d\d:\d\d/gm, "HH:MM:SS"));
});

test("locked-cache", async () => {
  await mkdir(work.file("saved-image-cache"));
  const holder = { pid: 7, host: "build-7.example", started: "2024-01-02T03:04:05.000Z" };
  await writeFile(work.file("saved-image-cache/.lock"), JSON.stringify(holder));
  const { code, stderr } = await work.dray(["save", "-f", "images.txt"]);
  expect(code).toBe(1);
  await expectGolden("error-locked-cache", stderr);
});

test("bad-epoch", async () => {
  const { code, stderr } = await work.dray(["save", "-f", "images.txt"], { env: { SOURCE_DATE_EPOCH: "yesterday" } });
  expect(code).toBe(2);
  await expectGolden("error-bad-epoch", stderr);
});

test("jobs out of range are no error", async () => {
  const { code, stderr } = await work.dray(["save", "-f", "empty.txt", "-j", "99"]);
  expect(code).toBe(2);
  expect(stderr).toContain("[WARN] --jobs is 20: 99 is not between 1 and 20");
});

test("a flag of Hangar that has no use here is told, and no error", async () => {
  const { code, stderr } = await work.dray(["save", "-f", "empty.txt", "--timeout", "10m", "-y"]);
  expect(code).toBe(2);
  expect(stderr.match(/\[WARN\] .* does nothing:/g)).toEqual([
    "[WARN] --timeout does nothing:",
    "[WARN] -y does nothing:",
  ]);
  expect(stderr).toContain("the list is empty");
});

test("causes are told where they are asked for", async () => {
  const { stderr } = await work.dray(["save", "-f", "none.txt", "--debug"]);
  expect(stderr).toContain("ENOENT");
  expect(stderr).toMatch(/^\s+at /m);
});

test.skipIf(!existsSync("/dev/full"))(
  "a result that cannot be written is one line and exit 1, a log that cannot be is neither",
  async () => {
    const main = join(import.meta.dirname, "../../src/main.ts");
    const list = await work.list("bad.txt", ["Nginx"]);
    const failed = work.file("save-failed.txt");
    const start = (redirect: string): Promise<Ended> =>
      run("sh", [
        "-c",
        `exec "$0" "$1" save -f "$2" -o "$3" --cache-dir "$4" -d "$5" ${redirect}`,
        process.execPath,
        main,
        list,
        failed,
        work.file("cache"),
        work.file("x.tar"),
      ]);
    const result = await start(">/dev/full");
    expect(result.code).not.toBe(0);
    expect(result.stderr.split("\n").at(-2)).toBe("dray: Cannot write the result: no space left on device");
    const log = await start("2>/dev/full");
    expect(log).toMatchObject({ code: 3, stdout: expect.stringMatching(/^Saved 0 images, 1 failed;/) });
  },
);
