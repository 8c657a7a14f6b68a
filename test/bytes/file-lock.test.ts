/** One process at a time changes a small file. */
import { afterEach, beforeEach, describe, expect, jest, spyOn, test } from "bun:test";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lockFile, lockIfFree, lockOf, type Unlock } from "../../src/bytes/file-lock.ts";
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

describe("one that was left behind", () => {
  let now: number;
  beforeEach(() => {
    now = 0;
    spyOn(performance, "now").mockImplementation(() => now);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** Locks that somebody asks for, all of whom have looked at it before ten seconds pass. */
  async function asked(file: string, count: number): Promise<readonly Promise<Unlock>[]> {
    const looked = Array.from({ length: count }, () => Promise.withResolvers<void>());
    const locks = looked.map(({ resolve }) => {
      let looks = 0;
      const control = new AbortController();
      // It is asked for at each turn: at the second the first look is over.
      const signal = new Proxy(control.signal, {
        get(target, name) {
          if (name === "throwIfAborted" && ++looks === 2) resolve();
          const value = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      return lockFile(file, signal);
    });
    await Promise.all(looked.map(({ promise }) => promise));
    return locks;
  }

  test.each([-60, 0, 60])("is taken over after ten seconds, by whatever clock it was made: %p s", async (seconds) => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "file");
    await writeFile(lockOf(file), "");
    const then = new Date(Date.now() + seconds * 1000);
    await utimes(lockOf(file), then, then);
    const [waiting] = await asked(file, 1);
    now = 10_001;
    await (await waiting!)();
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("is taken over by one of those that wait, and by the others after it", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "file");
    let holders = 0;
    for (let round = 0; round < 8; round++) {
      await writeFile(lockOf(file), "");
      const locks = await asked(file, 6);
      now += 10_001;
      let most = 0;
      await Promise.all(
        locks.map(async (lock) => {
          const unlock = await lock;
          most = Math.max(most, ++holders);
          for (let turn = 0; turn < 5; turn++) await readdir(folder.path);
          holders--;
          await unlock();
        }),
      );
      expect(most).toBe(1);
      expect(await readdir(folder.path)).toEqual([]);
    }
  });

  test("and the one that those hold who take it over: also when that is left behind", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "file");
    await writeFile(lockOf(file), "");
    await writeFile(`${lockOf(file)}.old`, "");
    const locks = await asked(file, 2);
    now += 10_001;
    await Promise.all(locks.map(async (lock) => (await lock)()));
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("stays with who took it over, when its owner comes back", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "file");
    const unlock = await lockFile(file);
    const [waiting] = await asked(file, 1);
    now += 10_001;
    const unlockLater = await waiting!;
    await unlock();
    expect(await readdir(folder.path)).toEqual(["file.dray-lock"]);
    await unlockLater();
    expect(await readdir(folder.path)).toEqual([]);
  });
});

test("without waiting: only where nobody has it", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  const unlock = await lockIfFree(file);
  expect(await lockIfFree(file)).toBeUndefined();
  await unlock!();
  await (await lockIfFree(file))!();
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
