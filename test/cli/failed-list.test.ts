/** The list of what failed. */
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lockFile } from "../../src/bytes/file-lock.ts";
import { type FailedList, openFailedList } from "../../src/cli/failed-list.ts";
import { failedPath } from "../../src/cli/failed-path.ts";
import { run } from "../support/run.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";
import { testWithoutRights } from "../support/without-rights.ts";

let folder: TemporaryFolder;
let path: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  path = join(folder.path, "failed.txt");
});
afterEach(() => folder[Symbol.asyncDispose]());

async function opened(list?: string): Promise<FailedList> {
  return openFailedList(await failedPath(path, { list }));
}

/** Once what was added until now is in the file. */
async function written(text: string): Promise<void> {
  while ((await readFile(path, "utf8").catch(() => "")) !== text)
    await new Promise((resolve) => setTimeout(resolve, 1));
}

test("has the lines in order, and nothing of an earlier run", async () => {
  await writeFile(path, "older\n");
  const list = await opened();
  for (const line of ["c", "a", "b"]) list.add(line);
  expect(await list.close()).toBe(true);
  expect(await readFile(path, "utf8")).toBe("c\na\nb\n");
  expect(await readdir(folder.path)).toEqual(["failed.txt"]);
});

test("a run without failures removes that of an earlier one", async () => {
  await writeFile(path, "older\n");
  expect(await (await opened()).close()).toBe(false);
  expect(await readdir(folder.path)).toEqual([]);
});

test("is there while the run goes on", async () => {
  const list = await opened();
  list.add("a");
  await written("a\n");
  list.add("b");
  await written("a\nb\n");
  await list.close();
});

test.each(["failed.txt", "link.txt"])(
  "where it is the list that was read (%s), that stays until the end",
  async (name) => {
    await writeFile(path, "a\nb\n");
    await symlink("failed.txt", join(folder.path, "link.txt"));
    const list = await opened(join(folder.path, name));
    list.add("b");
    const before = await readdir(folder.path);
    expect(await readFile(path, "utf8")).toBe("a\nb\n");
    expect(await list.close()).toBe(true);
    expect(await readFile(path, "utf8")).toBe("b\n");
    expect(await readdir(folder.path)).toEqual(before);
  },
);

test("where it is the list that was read, it goes when all went well", async () => {
  await writeFile(path, "a\n");
  expect(await (await opened(path)).close()).toBe(false);
  expect(await readdir(folder.path)).toEqual([]);
});

test("a link stays, and leads to the list", async () => {
  await mkdir(join(folder.path, "there"));
  await symlink("there/failed.txt", path);
  const list = await opened();
  list.add("a");
  await list.close();
  expect(await readFile(join(folder.path, "there/failed.txt"), "utf8")).toBe("a\n");
  await (await opened()).close();
  expect((await readdir(folder.path)).sort()).toEqual(["failed.txt", "there"]);
  expect(await readdir(join(folder.path, "there"))).toEqual([]);
});

test("an empty file stays: nobody wrote a list there", async () => {
  await writeFile(path, "");
  await (await opened()).close();
  expect(await readdir(folder.path)).toEqual(["failed.txt"]);
});

test("what killed runs left is removed; what only looks alike is not", async () => {
  await writeFile(`${path}.0a1b2c3d.new`, "half");
  await writeFile(`${path}.new`, "mine");
  await (await opened()).close();
  expect(await readdir(folder.path)).toEqual(["failed.txt.new"]);
});

test("of runs that overlap, no list is lost: not by one that is clean", async () => {
  const failing = await opened();
  failing.add("a");
  await written("a\n");
  await (await opened()).close();
  expect(await readdir(folder.path)).toEqual([]);
  expect(await failing.close()).toBe(true);
  expect(await readFile(path, "utf8")).toBe("a\n");
});

test("a clean run leaves what another wrote meanwhile, also where that replaced a list of an earlier run", async () => {
  await writeFile(path, "older\n");
  const clean = await opened();
  const failing = await opened();
  failing.add("a");
  expect(await failing.close()).toBe(true);
  expect(await clean.close()).toBe(false);
  expect(await readFile(path, "utf8")).toBe("a\n");
});

test("two that fail end in one list with the lines of both", async () => {
  const [one, two] = [await opened(), await opened()];
  one.add("a");
  await written("a\n");
  two.add("b");
  await written("a\nb\n");
  two.add("a");
  one.add("c");
  await one.close();
  await two.close();
  expect((await readFile(path, "utf8")).split("\n").sort()).toEqual(["", "a", "b", "c"]);
});

test("of runs that fail and end while another changes the list, no line is lost", async () => {
  const [one, two] = [await opened(), await opened()];
  const unlock = await lockFile(path);
  one.add("a");
  two.add("b");
  const closed = Promise.all([one.close(), two.close()]);
  for (let look = 0; look < 200; look++) expect(await readdir(folder.path)).toEqual(["failed.txt.dray-lock"]);
  await unlock();
  expect(await closed).toEqual([true, true]);
  expect((await readFile(path, "utf8")).split("\n").sort()).toEqual(["", "a", "b"]);
  expect(await readdir(folder.path)).toEqual(["failed.txt"]);
});

test("the start of a run waits for no lock, and leaves what its holder may be writing", async () => {
  const unlock = await lockFile(path);
  await writeFile(`${path}.0a1b2c3d.new`, "half");
  const list = await opened();
  expect((await readdir(folder.path)).sort()).toEqual(["failed.txt.0a1b2c3d.new", "failed.txt.dray-lock"]);
  await unlock();
  await list.close();
});

test("a lock that a killed run left is no obstacle, and goes", async () => {
  let now = 0;
  const clock = spyOn(performance, "now").mockImplementation(() => (now += 6_000));
  try {
    await writeFile(`${path}.dray-lock`, "");
    const list = await opened();
    list.add("a");
    expect(await list.close()).toBe(true);
    expect(await readdir(folder.path)).toEqual(["failed.txt"]);
  } finally {
    clock.mockRestore();
  }
});

test("what is no list stays, also where it came while the run went on", async () => {
  const list = await opened();
  await writeFile(path, "a\0b");
  list.add("a");
  expect(await errorOf(() => list.close())).toBe(
    `STORAGE: Cannot write "${path}": another program has put something else there`,
  );
  expect(await readFile(path, "utf8")).toBe("a\0b");
});

test("says that it cannot be written", async () => {
  const list = await opened();
  await mkdir(path);
  list.add("a");
  expect(await errorOf(() => list.close())).toStartWith(`STORAGE: Cannot write "${path}": `);
  expect(await readdir(folder.path)).toEqual(["failed.txt"]);
});

test("a folder that vanished is told of", async () => {
  const list = await opened();
  await rm(folder.path, { recursive: true });
  list.add("a");
  expect(await errorOf(() => list.close())).toBe(`STORAGE: Cannot write "${path}": its folder does not exist`);
});

test("what is no file, such as /dev/null, is never removed", async () => {
  expect((await run("mkfifo", [path])).code).toBe(0);
  expect(await (await opened()).close()).toBe(false);
  expect(await readdir(folder.path)).toEqual(["failed.txt"]);
});

testWithoutRights(
  "a folder where nothing can be made or removed has the list all the same",
  import.meta.path,
  async () => {
    await writeFile(path, "older\n");
    await chmod(folder.path, 0o555);
    try {
      const list = await opened();
      for (const line of ["a", "b"]) list.add(line);
      expect(await list.close()).toBe(true);
      expect(await readFile(path, "utf8")).toBe("a\nb\n");
      expect(await (await opened()).close()).toBe(false);
      expect(await readFile(path, "utf8")).toBe("");
    } finally {
      await chmod(folder.path, 0o755);
    }
  },
);
