/** Room on disks, before anything is written. */
import { describe, expect, test } from "bun:test";
import { type Space, spaceOf } from "../../src/bytes/space.ts";
import { archivedSize, type Claim, requireRoom } from "../../src/operations/room.ts";
import { layer } from "../support/random-image.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";

const GIB = 2 ** 30;
const DISKS: Readonly<Record<string, Space>> = {
  "/small": { device: 1, free: 3 * GIB, largestFile: Number.POSITIVE_INFINITY },
  "/small/too": { device: 1, free: 3 * GIB, largestFile: Number.POSITIVE_INFINITY },
  "/large": { device: 2, free: 900 * GIB, largestFile: Number.POSITIVE_INFINITY },
  "/stick": { device: 3, free: 60 * GIB, largestFile: 2 ** 32 - 1 },
};

function claim(folder: string, bytes: number, largestFile = bytes): Claim {
  return { name: `${folder}/x`, folder, bytes, largestFile };
}

function asked(...claims: Claim[]): Promise<string> {
  return errorOf(() => requireRoom(claims, async (folder) => DISKS[folder]));
}

async function granted(...claims: Claim[]): Promise<void> {
  await requireRoom(claims, async (folder) => DISKS[folder]);
}

test("what fits is written, and where nobody knows the room too", async () => {
  await granted(claim("/small", 2 * GIB), claim("/large", 800 * GIB), claim("/unknown", 2 ** 50));
});

test("what does not fit is refused with how much is missing", async () => {
  expect(await asked(claim("/small", 5 * GIB))).toBe(
    'STORAGE: Cannot write "/small/x": it needs 5.01 GiB, and 3.00 GiB are free',
  );
});

test("two that fit alone do not fit on one disk", async () => {
  await granted(claim("/small", 2 * GIB), claim("/large", 2 * GIB));
  expect(await asked(claim("/small", 2 * GIB), claim("/small/too", 2 * GIB))).toContain(
    'Cannot write "/small/too/x": it needs 4.00 GiB, and 3.00 GiB are free',
  );
});

test("to write nothing needs no room", async () => {
  await requireRoom([claim("/full", 0)], async () => ({ device: 9, free: 0, largestFile: 100 }));
});

test("FAT holds no file of 4 GiB, but parts of it", async () => {
  expect(await asked(claim("/stick", 4 * GIB))).toBe(
    'STORAGE: Cannot write "/stick/x": its disk takes no file of 4.00 GiB',
  );
  await granted(claim("/stick", 4 * GIB - 1));
  await granted(claim("/stick", 40 * GIB, 2 * GIB));
});

test("blobs that may shrink count in a plain tar only, and each once", () => {
  const [packed, plain] = [layer("a", 3000, "gzip").descriptor, layer("b", 5000, "none").descriptor];
  expect(archivedSize([packed, plain, packed], true)).toBe(packed.size);
  expect(archivedSize([packed, plain, packed], false)).toBe(packed.size + plain.size);
});

describe("spaceOf", () => {
  test("a folder has some, another of the same disk the same device", async () => {
    await using one = await temporaryFolder();
    await using other = await temporaryFolder();
    const [space, there] = [await spaceOf(one.path), await spaceOf(other.path)];
    expect(space?.free).toBeGreaterThan(0);
    expect(there?.device).toBe(space?.device);
  });

  test("a folder that is not there has none", async () => {
    expect(await spaceOf("/nowhere/at/all")).toBeUndefined();
  });
});
