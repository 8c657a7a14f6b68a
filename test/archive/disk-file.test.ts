import { describe, expect, test } from "bun:test";
import { constants } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { openDisk, PAGE, pages } from "../../src/archive/disk-file.ts";
import { concat } from "../../src/bytes/stream.ts";
import { noise } from "../support/archive-entries.ts";
import { run } from "../support/run.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { requireTool } from "../support/tool.ts";

const SIZE = 1 << 20;

/** Random bytes in memory that may go to the disk directly. */
function noisePages(seed: number): ReturnType<typeof pages> {
  const bytes = pages(SIZE);
  bytes.set(noise(SIZE, seed));
  return bytes;
}

describe("openDisk", () => {
  test("what is written arrives, whether it lies at the border of a page or not", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "file");
    const file = await openDisk(path, "wx+");
    const written = [
      noisePages(1),
      noise(1000, 2),
      noise(SIZE - 1000, 3),
      noisePages(4).subarray(0, PAGE),
      noise(7, 5),
    ];
    let at = 0;
    const writing = written.map((bytes) => {
      const position = at;
      at += bytes.length;
      return file.write(bytes, position);
    });
    await Promise.all(writing);
    await file.sync();
    await file.close();
    expect((await readFile(path)).equals(concat(written))).toBe(true);
  });

  test("bytes whose memory begins anywhere arrive too", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "file");
    const file = await openDisk(path, "wx+");
    const memory = noisePages(1);
    await file.write(memory.subarray(1, PAGE + 1), 0);
    await file.write(memory.subarray(PAGE), PAGE);
    await file.close();
    const expected = concat([memory.subarray(1, PAGE + 1), memory.subarray(PAGE)]);
    expect((await readFile(path)).equals(expected)).toBe(true);
  });

  test("a file that was cut takes more where it ends now", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "file");
    const file = await openDisk(path, "wx+");
    await file.write(noisePages(1), 0);
    await file.handle.truncate(5);
    await file.write(noise(SIZE - 5, 2), 5);
    await file.write(noisePages(3), SIZE);
    await file.close();
    const expected = concat([noise(5, 1), noise(SIZE - 5, 2), noise(SIZE, 3)]);
    expect((await readFile(path)).equals(expected)).toBe(true);
  });

  test("what the disk refuses is told, of whichever way the bytes went", async () => {
    const file = await openDisk("/dev/full", "r+");
    await expect(file.write(noisePages(1), 0)).rejects.toMatchObject({ code: "ENOSPC" });
    await expect(file.write(noise(10), 0)).rejects.toMatchObject({ code: "ENOSPC" });
    await file.close();
  });

  test.skipIf(requireTool("fincore") !== undefined)(
    "the system's cache is left to others, where the file system lets us",
    async () => {
      await using folder = await temporaryFolder();
      const path = join(folder.path, "file");
      const file = await openDisk(path, "wx+");
      for (let at = 0; at < 8; at++) await file.write(noisePages(at), at * SIZE);
      const cached = await cachedBytes(path);
      await file.close();
      expect(cached === 0).toBe(await takesDirectWrites(path));
    },
  );
});

/** Bytes of the file that the system's cache holds. */
async function cachedBytes(path: string): Promise<number> {
  const { stdout } = await run("fincore", ["--bytes", "--noheadings", "--output", "RES", path]);
  return Number(stdout);
}

async function takesDirectWrites(path: string): Promise<boolean> {
  try {
    const file = await open(path, constants.O_WRONLY | constants.O_DIRECT);
    await file.write(pages(SIZE), 0, SIZE, 0).finally(() => file.close());
    // A file system in memory takes them, and is the cache.
    return (await run("stat", ["--file-system", "--format", "%T", path])).stdout.trim() !== "tmpfs";
  } catch {
    return false;
  }
}
