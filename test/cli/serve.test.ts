/** What dray serve looks at before it listens. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { testWithoutRights } from "../support/without-rights.ts";

let work: Workplace;
beforeEach(async () => {
  work = await openWorkplace();
  await writeFile(work.file("list.txt"), "nginx\n");
});
afterEach(() => work[Symbol.asyncDispose]());

function served(...args: string[]): ReturnType<Workplace["dray"]> {
  return work.dray(["serve", "--listen", "127.0.0.1:0", "--folder", ...args]);
}

function refused(message: string): object {
  return { code: 1, stdout: "", stderr: expect.stringContaining(`dray: ${message}\n`) };
}

test.each([[], ["--read-only"]])("a file is no folder to serve %p", async (...flags) => {
  expect(await served("list.txt", ...flags)).toMatchObject(refused('Cannot serve "list.txt": it is no folder'));
});

test("a folder that cannot be made is told before anybody pushes", async () => {
  expect(await served("list.txt/below")).toMatchObject(refused('Cannot write "list.txt/below": its folder is a file'));
});

test("what is not there cannot be read", async () => {
  expect(await served("none", "--read-only")).toMatchObject(refused('Cannot serve "none": there is no such folder'));
});

testWithoutRights("a folder that takes nothing is told before anybody pushes", import.meta.path, async () => {
  await mkdir(work.file("closed"), { mode: 0o500 });
  expect(await served("closed")).toMatchObject(refused('Cannot write "closed": permission denied'));
  await chmod(work.file("closed"), 0o300);
  expect(await served("closed", "--read-only")).toMatchObject(refused('Cannot serve "closed": permission denied'));
  await chmod(work.file("closed"), 0o700);
});

test("a folder is made, and nothing is left in it by the trial", async () => {
  const server = work.start(["serve", "--listen", "127.0.0.1:0", "--folder", "new/one"]);
  await server.saying(/^http:/m);
  expect(await readdir(work.file("new/one"))).toEqual([]);
  server.kill("SIGTERM");
  expect((await server.ended).code).toBe(143);
});
