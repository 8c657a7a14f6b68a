/** One writer for a folder. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { readdir, readFile, rename, symlink, truncate, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { lockFolder } from "../../src/layout/lock.ts";
import { run } from "../support/run.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";
import { errorOf, thrownBy } from "../support/thrown.ts";

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

async function lockedBy(pid: number, host: string): Promise<void> {
  await writeFile(join(folder.path, ".lock"), JSON.stringify({ pid, host, started: "2024-01-02T03:04:05Z" }));
}

test("says who holds it, and gives it back", async () => {
  const unlock = await lockFolder(folder.path);
  expect(JSON.parse(await readFile(join(folder.path, ".lock"), "utf8"))).toEqual({
    pid: process.pid,
    host: hostname(),
    started: expect.stringMatching(/^\d{4}-/),
  });
  await unlock();
  expect(await readdir(folder.path)).toEqual([]);
});

test("a second writer is refused, told by whom, and told what to do", async () => {
  await lockedBy(process.pid, hostname());
  const error = await thrownBy(() => lockFolder(folder.path));
  expect(error).toMatchObject({
    code: "STORAGE",
    message: `Cannot use "${folder.path}": process ${process.pid} on ${hostname()} has used it since 2024-01-02T03:04:05Z`,
    hint: `wait for it, use another folder, or remove "${join(folder.path, ".lock")}" if that process is gone`,
  });
});

test("one of many at once gets it", async () => {
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder.path)));
  expect(results.filter(({ status }) => status === "fulfilled").length).toBe(1);
});

test("the lock of a process that is gone is taken over", async () => {
  const { stdout } = await run(process.execPath, ["-e", "console.log(process.pid)"]);
  await lockedBy(Number(stdout), hostname());
  await (await lockFolder(folder.path))();
});

test("what processes that are gone left of their tries is removed, what others are about to use is not", async () => {
  const { stdout } = await run(process.execPath, ["-e", "console.log(process.pid)"]);
  const [gone, alive] = [`.lock.${randomUUID()}`, `.lock.${randomUUID()}`];
  for (const [name, pid] of [[gone, Number(stdout)] as const, [alive, process.pid] as const])
    await writeFile(
      join(folder.path, name),
      JSON.stringify({ pid, host: hostname(), started: "2024-01-02T03:04:05Z" }),
    );
  await (await lockFolder(folder.path))();
  expect(await readdir(folder.path)).toEqual([alive]);
});

test("a process of another machine counts as alive", async () => {
  const { stdout } = await run(process.execPath, ["-e", "console.log(process.pid)"]);
  await lockedBy(Number(stdout), "another.example");
  expect(await errorOf(() => lockFolder(folder.path))).toContain("on another.example has used it");
});

test.each(["", "{", '{"pid":"1"}'])("a lock that says nothing (%p) is taken over", async (text) => {
  await writeFile(join(folder.path, ".lock"), text);
  await (await lockFolder(folder.path))();
});

test("only a file of a few lines says anything: a link to one, a pipe and a large file are taken over", async () => {
  const lock = join(folder.path, ".lock");
  await lockedBy(process.pid, hostname());
  await rename(lock, join(folder.path, "elsewhere"));
  await symlink("elsewhere", lock);
  await (await lockFolder(folder.path))();
  expect((await run("mkfifo", [lock])).code).toBe(0);
  await (await lockFolder(folder.path))();
  await writeFile(lock, (await readFile(join(folder.path, "elsewhere"), "utf8")) + " ".repeat(4096));
  await (await lockFolder(folder.path))();
  expect(await readdir(folder.path)).toEqual(["elsewhere"]);
});

test("what is called as a try and is none is not opened", async () => {
  const [pipe, large] = [`.lock.${randomUUID()}`, `.lock.${randomUUID()}`];
  expect((await run("mkfifo", [join(folder.path, pipe)])).code).toBe(0);
  await writeFile(join(folder.path, large), "");
  await truncate(join(folder.path, large), 2 ** 31);
  await (await lockFolder(folder.path))();
  expect((await readdir(folder.path)).sort()).toEqual([pipe, large].sort());
});

test("a folder that is not there cannot be locked", async () => {
  expect(await errorOf(() => lockFolder(join(folder.path, "none")))).toStartWith("STORAGE: Cannot lock ");
});
