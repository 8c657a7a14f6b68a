/** Volumes with holes, places for messages, lists of checksums. */
import { describe, expect, test } from "bun:test";
import { rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readChecksums, sha256Of, writeChecksums } from "../../src/archive/checksums.ts";
import { findParts } from "../../src/archive/parts.ts";
import { firstParts, openVolume, placeOf } from "../../src/archive/volume.ts";
import { encode } from "../../src/bytes/stream.ts";
import { run } from "../support/run.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";

async function threeParts() {
  const folder = await temporaryFolder();
  const paths = ["0000", "1111", "22"].map((_, number) => join(folder.path, `x.part${number}`));
  for (const [number, text] of ["0000", "1111", "22"].entries()) await writeFile(paths[number]!, text);
  return { folder, paths, name: join(folder.path, "x") };
}

describe("a volume with holes", () => {
  test("has the bytes around a missing part where they belong", async () => {
    const { folder, paths, name } = await threeParts();
    await using _ = folder;
    await rm(paths[1]!);
    await using volume = await openVolume(paths, name, { holes: true });
    expect(volume.size).toBe(10);
    expect(await volume.read(8, 10)).toEqual(encode("22"));
    expect(await errorOf(() => volume.read(3, 5))).toBe(`INTEGRITY: Cannot read "${paths[1]}": that part is missing`);
  });

  test("has the bytes around a part that is cut short", async () => {
    const { folder, paths, name } = await threeParts();
    await using _ = folder;
    await truncate(paths[0]!, 3);
    await using volume = await openVolume(paths, name, { holes: true });
    expect(await volume.read(0, 3)).toEqual(encode("000"));
    expect(await volume.read(4, 9)).toEqual(encode("11112"));
    expect(await errorOf(() => volume.read(0, 4))).toBe(
      `INTEGRITY: Cannot read "${paths[0]}": it ends before it should`,
    );
  });

  test("ends where a part that is cut off ends", async () => {
    const { folder, paths, name } = await threeParts();
    await using _ = folder;
    await writeFile(join(folder.path, "x.part3"), "3333");
    await using volume = await openVolume([...paths, join(folder.path, "x.part3")], name, { holes: true });
    expect(volume.size).toBe(16);
    expect(firstParts(volume, 3).size).toBe(10);
  });
});

test("a pipe by name is refused at once, with the way to read one", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "pipe");
  expect((await run("mkfifo", [path])).code).toBe(0);
  expect(await openVolume([path], path).catch((error: unknown) => error)).toMatchObject({
    code: "UNSUPPORTED",
    message: `Cannot open "${path}": it is no regular file`,
    hint: "a pipe is read from standard input, with dray load -s -",
  });
  expect(await errorOf(() => openVolume(["/dev/null"], "x"))).toBe(
    'UNSUPPORTED: Cannot open "/dev/null": it is no regular file',
  );
});

test("a place is told by its part, with the last one that it reaches", async () => {
  const { folder, paths, name } = await threeParts();
  await using _ = folder;
  await using volume = await openVolume(paths, name);
  expect(placeOf(volume, 5)).toBe(`"${paths[1]}" at byte 1`);
  expect(placeOf(volume, 3, 9)).toBe(`"${paths[0]}" at byte 3 through "${paths[2]}"`);
  expect(placeOf(volume, 3, 4)).toBe(`"${paths[0]}" at byte 3`);
  expect(placeOf(volume, 12)).toBe(`"${name}" at byte 12`);
});

describe("checksums", () => {
  test("are written and read as sha256sum has them", async () => {
    const { folder, paths, name } = await threeParts();
    await using _ = folder;
    const sums = new Map([["x.part0", await sha256Of(paths[0]!)]]);
    await writeChecksums(name, sums);
    expect(await readChecksums(name)).toEqual(sums);
    const [sum] = [...sums.values()];
    await writeFile(`${name}.sha256`, `${sum} *a b\r\nsomething else\n`);
    expect(await readChecksums(name)).toEqual(new Map([["a b", sum!]]));
    await writeFile(`${name}.sha256`, "nothing\n");
    expect(await readChecksums(name)).toBeUndefined();
  });

  test("tell of a last part that is missing", async () => {
    const { folder, paths, name } = await threeParts();
    await using _ = folder;
    const sum = await sha256Of(paths[0]!);
    await writeChecksums(
      name,
      new Map(["x.part0", "x.part1", "x.part2", "x.part3", "y.part9"].map((part) => [part, sum])),
    );
    expect(await errorOf(() => findParts([name]))).toBe(
      `INTEGRITY: Cannot open "${name}": part 3 of it cannot be found`,
    );
    const { missing } = await findParts([paths[0]!], { holes: true });
    expect(missing).toEqual([join(folder.path, "x.part3")]);
  });
});
