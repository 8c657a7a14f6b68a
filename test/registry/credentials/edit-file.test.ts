/** A file with secrets changed in place: who may read it, what others see of it, and that no writer is lost. */
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { chmod, lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { editFile } from "../../../src/registry/credentials/edit-file.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/temporary.ts";
import { errorOf } from "../../support/thrown.ts";

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

const at = (...names: string[]): string => join(folder.path, ...names);
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

test("is made for its owner only, with its folders, and leaves nothing beside it", async () => {
  await editFile(at("a", "b", "file"), (text) => `${text}new`);
  expect(await readFile(at("a", "b", "file"), "utf8")).toBe("new");
  expect(await modeOf(at("a", "b", "file"))).toBe(0o600);
  expect(await modeOf(at("a"))).toBe(0o700);
  expect(await modeOf(at("a", "b"))).toBe(0o700);
  expect(await readdir(at("a", "b"))).toEqual(["file"]);
});

test("is replaced as a whole, and closed to others from then on", async () => {
  await writeFile(at("file"), "old", { mode: 0o644 });
  await chmod(folder.path, 0o755);
  const { ino } = await stat(at("file"));
  await editFile(at("file"), (text) => `${text} and new`);
  expect(await readFile(at("file"), "utf8")).toBe("old and new");
  expect(await modeOf(at("file"))).toBe(0o600);
  expect((await stat(at("file"))).ino).not.toBe(ino);
  expect(await modeOf(folder.path)).toBe(0o755);
});

test("a link stays one, and what it leads to is changed, there or not yet", async () => {
  await mkdir(at("real"));
  await writeFile(at("real", "file"), "old");
  await symlink("real/file", at("link"));
  await symlink(at("link"), at("link-of-link"));
  await symlink("real/absent", at("dangling"));
  await editFile(at("link-of-link"), () => "new");
  await editFile(at("dangling"), () => "made");
  expect(await readlink(at("link"))).toBe("real/file");
  expect((await lstat(at("real", "file"))).isFile()).toBe(true);
  expect(await readFile(at("real", "file"), "utf8")).toBe("new");
  expect(await readFile(at("real", "absent"), "utf8")).toBe("made");
});

test("links that lead in a circle are refused", async () => {
  await symlink("b", at("a"));
  await symlink("a", at("b"));
  expect(await errorOf(() => editFile(at("a"), () => "x"))).toBe(
    `STORAGE: Cannot write "${at("a")}": its links lead nowhere`,
  );
});

test("writers at the same time wait for each other", async () => {
  const numbers = Array.from({ length: 20 }, (_, index) => `${index}`);
  await Promise.all(numbers.map((number) => editFile(at("file"), (text) => `${text}${number} `)));
  const written = (await readFile(at("file"), "utf8")).trim().split(" ");
  expect(written.sort()).toEqual(numbers.sort());
});

test("a lock that was left behind does not stop it for ever", async () => {
  await writeFile(at("file.dray-lock"), "");
  let now = 0;
  const clock = spyOn(performance, "now").mockImplementation(() => (now += 6_000));
  try {
    await editFile(at("file"), () => "new");
  } finally {
    clock.mockRestore();
  }
  expect(await readdir(folder.path)).toEqual(["file"]);
});

test("waiting for a lock ends with the run, which leaves the lock to its owner", async () => {
  await writeFile(at("file.dray-lock"), "");
  const control = new AbortController();
  const edit = editFile(at("file"), () => "new", { signal: control.signal });
  control.abort(new Error("enough"));
  await expect(edit).rejects.toThrow("enough");
  expect(await readdir(folder.path)).toEqual(["file.dray-lock"]);
});

test("nothing changes where nothing is to change, or where the change fails", async () => {
  await writeFile(at("file"), "old", { mode: 0o644 });
  const { ino } = await stat(at("file"));
  await editFile(at("file"), () => undefined);
  const failing = editFile(at("file"), () => {
    throw new Error("no");
  });
  expect(await errorOf(() => failing)).toBe(`STORAGE: Cannot write "${at("file")}": no`);
  expect((await stat(at("file"))).ino).toBe(ino);
  expect(await readdir(folder.path)).toEqual(["file"]);
});

test("a place that cannot be written is named", async () => {
  await writeFile(at("file"), "");
  expect(await errorOf(() => editFile(at("file", "below"), () => "x"))).toStartWith(
    `STORAGE: Cannot write "${at("file", "below")}": `,
  );
  await expect(editFile(at("file", "below"), () => "x")).rejects.toMatchObject({
    hint: expect.stringContaining("--authfile"),
  });
});
