/** The list of what failed. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openFailedList } from "../../src/cli/failed-list.ts";
import { run } from "../support/run.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";

let folder: TemporaryFolder;
let path: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  path = join(folder.path, "failed.txt");
});
afterEach(() => folder[Symbol.asyncDispose]());

test("has the lines in order, and nothing of an earlier run", async () => {
  await writeFile(path, "older\n");
  const list = await openFailedList(path, undefined);
  for (const line of ["c", "a", "b"]) list.add(line);
  expect(await list.close()).toBe(true);
  expect(await readFile(path, "utf8")).toBe("c\na\nb\n");
});

test("a run without failures removes that of an earlier one", async () => {
  await writeFile(path, "older\n");
  expect(await (await openFailedList(path, undefined)).close()).toBe(false);
  expect(await readdir(folder.path)).toEqual([]);
});

test("is there while the run goes on", async () => {
  const list = await openFailedList(path, undefined);
  list.add("a");
  while (!(await readdir(folder.path)).includes("failed.txt")) await new Promise((resolve) => setTimeout(resolve, 1));
  await list.close();
});

test.each(["failed.txt", "link.txt"])(
  "where it is the list that was read (%s), that stays until the end",
  async (name) => {
    await writeFile(path, "a\nb\n");
    await symlink("failed.txt", join(folder.path, "link.txt"));
    const input = join(folder.path, name);
    const list = await openFailedList(path, input);
    list.add("b");
    while (!(await readdir(folder.path)).includes("failed.txt.new"))
      await new Promise((resolve) => setTimeout(resolve, 1));
    expect(await readFile(path, "utf8")).toBe("a\nb\n");
    expect(await list.close()).toBe(true);
    expect(await readFile(path, "utf8")).toBe("b\n");
    expect(await readdir(folder.path)).not.toContain("failed.txt.new");
  },
);

test("the user's own list stays when it was the input and all went well; a list of failures goes", async () => {
  await writeFile(path, "a\n");
  await openFailedList(path, path).then((list) => list.close());
  expect(await readFile(path, "utf8")).toBe("a\n");
  const generated = join(folder.path, "save-failed.txt");
  await writeFile(generated, "a\n");
  await openFailedList(generated, generated).then((list) => list.close());
  expect(await readdir(folder.path)).toEqual(["failed.txt"]);
});

test("says that it cannot be written", async () => {
  const list = await openFailedList(path, undefined);
  await mkdir(path);
  list.add("a");
  expect(await errorOf(() => list.close())).toStartWith(`STORAGE: Cannot write "${path}": `);
});

test("where it cannot be written, that is said before any work", async () => {
  expect(await errorOf(() => openFailedList(folder.path, undefined))).toBe(
    `STORAGE: Cannot write "${folder.path}": it is a folder`,
  );
  const absent = join(folder.path, "none/failed.txt");
  expect(await errorOf(() => openFailedList(absent, undefined))).toBe(
    `STORAGE: Cannot write "${absent}": its folder does not exist`,
  );
});

test("what is no file, such as /dev/null, is never removed", async () => {
  expect((await run("mkfifo", [path])).code).toBe(0);
  expect(await (await openFailedList(path, undefined)).close()).toBe(false);
  expect(await readdir(folder.path)).toEqual(["failed.txt"]);
});
