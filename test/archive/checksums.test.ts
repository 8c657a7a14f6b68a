/** The file of checksums beside an archive, and what has its name and is none. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checksumsPath, readChecksums, writeChecksums } from "../../src/archive/checksums.ts";
import { run } from "../support/run.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";

let folder: TemporaryFolder;
let archive: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  archive = join(folder.path, "x.tar");
});
afterEach(() => folder[Symbol.asyncDispose]());

const SUMS = new Map([["x.tar", "0".repeat(64)]]);

test("are read as they were written, also through a link to them", async () => {
  await writeChecksums(archive, SUMS);
  expect(await readChecksums(archive)).toEqual(SUMS);
  await symlink("x.tar.sha256", checksumsPath(join(folder.path, "y.tar")));
  expect(await readChecksums(join(folder.path, "y.tar"))).toEqual(SUMS);
});

test("a pipe is not waited for", async () => {
  expect((await run("mkfifo", [checksumsPath(archive)])).code).toBe(0);
  expect(await readChecksums(archive)).toBeUndefined();
});

test("more than an archive can have is none", async () => {
  const line = `${"0".repeat(64)}  x.tar\n`;
  await writeFile(checksumsPath(archive), line.repeat(Math.ceil((4 << 20) / line.length)));
  expect(await readChecksums(archive)).toBeUndefined();
});
