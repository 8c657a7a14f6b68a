/** Folders as trees. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmod, mkdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { collect, decode } from "../../src/bytes/stream.ts";
import { openFolder, subtree } from "../../src/layout/folder.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder.path, "in/a/b"), { recursive: true });
  await writeFile(join(folder.path, "in/one"), "1");
  await writeFile(join(folder.path, "in/a/b/two"), "22");
  await writeFile(join(folder.path, "secret"), "not for you");
});
afterEach(() => folder[Symbol.asyncDispose]());

test("has all files below it, with their sizes", async () => {
  const tree = await openFolder(join(folder.path, "in"));
  expect([...tree.paths()].sort()).toEqual(["a/b/two", "one"]);
  expect(tree.file("a/b/two")?.size).toBe(2);
  expect(decode((await collect(tree.file("a/b/two")!.open({ start: 1 }), 9))!)).toBe("2");
  expect(tree.file("a/b")).toBeUndefined();
});

test("does not follow links, nor paths out of it", async () => {
  await symlink("../secret", join(folder.path, "in/link"));
  await symlink("..", join(folder.path, "in/up"));
  const tree = await openFolder(join(folder.path, "in"));
  expect([...tree.paths()].sort()).toEqual(["a/b/two", "one"]);
  for (const path of ["link", "up/secret", "../secret"]) expect(tree.file(path)).toBeUndefined();
});

test("passes over what the file system of a disk keeps in its root", async () => {
  const root = join(folder.path, "in");
  await mkdir(join(root, "lost+found"));
  await writeFile(join(root, "lost+found/#12"), "");
  await chmod(join(root, "lost+found"), 0);
  await mkdir(join(root, "a/lost+found"));
  await writeFile(join(root, "a/lost+found/three"), "333");
  expect([...(await openFolder(root)).paths()].sort()).toEqual(["a/b/two", "a/lost+found/three", "one"]);
});

test("a part of it begins without the prefix", async () => {
  const tree = subtree(await openFolder(folder.path), "in/a/");
  expect([...tree.paths()]).toEqual(["b/two"]);
  expect(tree.file("b/two")?.size).toBe(2);
  expect(tree.file("in/one")).toBeUndefined();
});

test("is refused where it has more, or longer, paths than can be held", async () => {
  await symlink("nowhere", join(folder.path, "link"));
  const memory =
    7 * 64 + ["in", "secret", "link", "in", "one", "in", "a", "in/a", "b", "in/a/b", "two"].join("").length;
  expect(await errorOf(() => openFolder(folder.path, memory - 1))).toStartWith(
    `UNSUPPORTED: Cannot open folder "${folder.path}": it has more files than can be read`,
  );
  expect([...(await openFolder(folder.path, memory)).paths()].join("")).toHaveLength(22);
});

test("is refused by the size of its list, before that is read", async () => {
  const sizes = await Promise.all(["", "in", "in/a", "in/a/b"].map((path) => stat(join(folder.path, path))));
  const largest = Math.max(...sizes.map(({ size }) => size));
  expect(await errorOf(() => openFolder(folder.path, undefined, largest - 1))).toStartWith(
    `UNSUPPORTED: Cannot open folder "${folder.path}": it has more files than can be read`,
  );
  expect([...(await openFolder(folder.path, undefined, largest)).paths()]).toHaveLength(3);
});

test("says that there is no folder", async () => {
  expect(await errorOf(() => openFolder(join(folder.path, "none")))).toStartWith(
    `NOT_FOUND: Cannot open folder "${join(folder.path, "none")}": `,
  );
});
