/** One process at a time changes a small file. */
import { expect, test } from "bun:test";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lockFile, lockOf } from "../../src/bytes/file-lock.ts";
import { temporaryFolder } from "../support/temporary.ts";

test("who has the lock is alone, and leaves nothing", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  await writeFile(file, "0");
  async function add(): Promise<void> {
    const unlock = await lockFile(file);
    const count = Number(await readFile(file, "utf8"));
    await writeFile(file, `${count + 1}`);
    await unlock();
  }
  await Promise.all(Array.from({ length: 20 }, add));
  expect(await readFile(file, "utf8")).toBe("20");
  expect(await readdir(folder.path)).toEqual(["file"]);
});

test.each([-60, 60])("one that was left behind is taken over, by whatever clock: %s s", async (seconds) => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  await writeFile(lockOf(file), "");
  const then = new Date(Date.now() + seconds * 1000);
  await utimes(lockOf(file), then, then);
  await (await lockFile(file))();
  expect(await readdir(folder.path)).toEqual([]);
});

test("whoever gives up waits no longer, and the lock stays with its owner", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  const unlock = await lockFile(file);
  const control = new AbortController();
  const waiting = lockFile(file, control.signal);
  control.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  expect(await readdir(folder.path)).toEqual(["file.dray-lock"]);
  await unlock();
});

test("where no file can be made there is no lock", async () => {
  await using folder = await temporaryFolder();
  await expect(lockFile(join(folder.path, "none", "file"))).rejects.toMatchObject({ code: "ENOENT" });
});
