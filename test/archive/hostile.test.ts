import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codecFor } from "../../src/archive/codec-for.ts";
import { INDEX_PATH } from "../../src/archive/contents.ts";
import { footerLength, formatFooter, parseFooter } from "../../src/archive/footer.ts";
import type { Format } from "../../src/archive/format.ts";
import { openArchive } from "../../src/archive/reader.ts";
import { paddingOf, tarHeader } from "../../src/archive/tar.ts";
import { type Bytes, collect, concat, encode } from "../../src/bytes/stream.ts";
import { AppError } from "../../src/errors.ts";
import { archiveOf, failure, fileEntry, noise, prose } from "../support/archive-entries.ts";
import { type Index, inLines, reindexed } from "../support/reindexed.ts";
import { temporaryFolder } from "../support/temporary.ts";

const FORMATS: readonly Format[] = ["gzip", "zstd", "tar"];
const MIB = 1 << 20;
const CONTENTS: Readonly<Record<string, Bytes>> = {
  noise: noise(2 * MIB),
  small: prose(5000),
  prose: prose(2 * MIB + 9),
};

function good(format: Format): Promise<Bytes> {
  return archiveOf(
    Object.entries(CONTENTS).map(([path, bytes]) => fileEntry(path, bytes)),
    { format },
  );
}

/** Opens an archive of these bytes and reads all of it. */
async function readAll(bytes: Bytes): Promise<Record<string, Bytes | undefined>> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "archive");
  await writeFile(path, bytes);
  await using archive = await openArchive(path);
  const contents: Record<string, Bytes | undefined> = {};
  for (const name of archive.paths()) contents[name] = await collect(archive.file(name)!.open(), 1 << 30);
  return contents;
}

describe.each(FORMATS)("%s", (format) => {
  test("an index that was written again is still good: the lies below are why the others are refused", async () => {
    expect(await readAll(await reindexed(format, await good(format), () => undefined))).toEqual(CONTENTS);
  });

  const numbers = [-1, 0.5, 2 ** 53, 1e300, "1", null, Number.MAX_SAFE_INTEGER];
  const lies: [string, (index: Index) => unknown][] = [
    ...["offset", "length", "size", "header"].flatMap((field) =>
      numbers.map((value): [string, (index: Index) => unknown] => [
        `${field} ${value}`,
        ({ entries }) => {
          entries[1]![field] = value;
        },
      ]),
    ),
    ...["/a", "../a", "a/../../b", "", "a\\b", "a\0", "C:a", 7, undefined].map(
      (name): [string, (index: Index) => unknown] => [
        `name ${JSON.stringify(name)}`,
        ({ entries }) => {
          entries[1]!.name = name;
        },
      ],
    ),
    ["no JSON", () => "{"],
    ["JSON of another kind", () => "[null]"],
    ["nothing", () => "null"],
    ["no list of entries", () => ({ version: 1, entries: {} })],
    ["an entry that is no object", () => ({ version: 1, entries: [null] })],
    ["a link without a target", ({ entries }) => Object.assign(entries[1]!, { type: "link", size: 0 })],
    ["an unknown type", ({ entries }) => void (entries[1]!.type = "device")],
    ["an unknown method", ({ entries }) => void (entries[1]!.method = "brotli")],
    ["a digest that is none", ({ entries }) => void (entries[1]!.digest = "md5:0")],
    ["a header of 0", ({ entries }) => void (entries[1]!.header = 0)],
    ["a header of a MiB", ({ entries }) => void (entries[1]!.header = MIB)],
    ["too few members", ({ entries }) => void (entries[2]!.members = [entries[2]!.length])],
    ["members that are none", ({ entries }) => void (entries[2]!.members = "no")],
    ["members of nothing", ({ entries }) => void (entries[2]!.members = [entries[2]!.length, 0, 0])],
    ["another entry's place", ({ entries }) => void (entries[1]!.offset = entries[0]!.offset)],
    ["another entry once more", ({ entries }) => void entries.splice(2, 0, { ...entries[1]!, name: "other" })],
    ["entries in another order", ({ entries }) => void entries.reverse()],
    ["another entry's name", ({ entries }) => void (entries[1]!.name = "other")],
    ["a size that is one too small", ({ entries }) => void (entries[1]!.size = 4999)],
  ];

  test.each(lies)("an index that lies is refused: %s", async (_, change) => {
    const bytes = await reindexed(format, await good(format), (index) => {
      const changed = change(index);
      return changed === index.entries[1] ? undefined : changed;
    });
    const error = await failure(readAll(bytes));
    expect(error).toMatchObject({ code: expect.stringMatching(/^(INTEGRITY|UNSUPPORTED)$/) });
    expect(error).toMatchObject({ message: expect.stringContaining('/archive"') });
  });

  test("an index of a later version is said to be one", async () => {
    const bytes = await reindexed(format, await good(format), (index) => void (index.version = 2));
    expect(await failure(readAll(bytes))).toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("version 2"),
    });
  });

  test("a file that was cut short anywhere has no index", async () => {
    const bytes = await good(format);
    for (const end of [bytes.length - 1, bytes.length - 40, bytes.length - 600, MIB, 600, 512, 40, 5]) {
      const error = await failure(readAll(bytes.subarray(0, end)));
      // Of a few bytes it cannot be told that they were an archive.
      expect(error).toMatchObject({
        code: expect.stringMatching(end > 512 ? /^INTEGRITY$/ : /^INTEGRITY$|^UNSUPPORTED$/),
      });
    }
    expect(await failure(readAll(bytes.subarray(0, bytes.length - 1)))).toMatchObject({
      message: expect.stringMatching(/^Cannot open ".*archive": it has no Dray index at its end$/),
      hint: expect.stringContaining("cut short"),
    });
  });

  test("bytes behind the footer hide it", async () => {
    const bytes = concat([await good(format), encode("\n")]);
    expect(await failure(readAll(bytes))).toMatchObject({ code: "INTEGRITY" });
  });

  test("a flipped bit of the footer is found, or changes nothing", async () => {
    const bytes = await good(format);
    const length = footerLength(codecFor(format));
    let found = 0;
    for (let at = bytes.length - length; at < bytes.length; at += format === "tar" ? 17 : 1) {
      const bad = bytes.slice();
      bad[at]! ^= 1;
      const result: unknown = await readAll(bad).catch((error: unknown) => error);
      if (result instanceof AppError) {
        expect(result.code).toMatch(/^(INTEGRITY|UNSUPPORTED)$/);
        found++;
      } else expect(result).toEqual(CONTENTS);
    }
    expect(found).toBeGreaterThan(50);
  });

  test("a footer that points outside, or promises an absurd index, is refused before anything is allocated", async () => {
    const bytes = await good(format);
    const codec = codecFor(format);
    const at = bytes.length - footerLength(codec) + codec.payloadAt + 8;
    for (const field of [0, 8, 16])
      for (const value of [2n ** 64n - 1n, 2n ** 53n - 1n, 2n ** 40n, BigInt(bytes.length)]) {
        const bad = bytes.slice();
        new DataView(bad.buffer).setBigUint64(at + field, value, true);
        expect(await failure(readAll(bad))).toMatchObject({ code: "INTEGRITY" });
      }
  });

  test("a flipped bit of the index is found", async () => {
    const bytes = await good(format);
    const codec = codecFor(format);
    const { offset, length } = parseFooter(codec, bytes.subarray(-footerLength(codec)), bytes.length, "x")!;
    for (let at = offset + 12; at < offset + length - 8; at += Math.ceil(length / 40)) {
      const bad = bytes.slice();
      bad[at]! ^= 4;
      const padding = format === "tar" && bytes[at] === 0;
      if (!padding) expect(await failure(readAll(bad))).toMatchObject({ code: "INTEGRITY" });
    }
  });
});

describe("damaged members", () => {
  test.each(FORMATS)(
    "%s: zeroes over the whole content of an archive are found wherever lengths or framing can tell",
    async (format) => {
      const bytes = await good(format);
      const bad = bytes.slice();
      bad.fill(0, 600, 600 + MIB);
      if (format === "tar") expect((await readAll(bad)).noise?.length).toBe(CONTENTS.noise!.length);
      else
        expect(await failure(readAll(bad))).toMatchObject({
          code: "INTEGRITY",
          message: expect.stringContaining("archive"),
        });
    },
  );

  test.each(["gzip", "zstd"] as const)("%s: a packed member that was damaged does not unpack", async (format) => {
    const bytes = await archiveOf([fileEntry("a", prose(3 * MIB))], { format });
    const bad = bytes.slice();
    bad.fill(0xff, 2000, 2100);
    expect(await failure(readAll(bad))).toMatchObject({ code: "INTEGRITY", cause: expect.any(Error) });
  });

  test.each(["gzip", "zstd"] as const)(
    "%s: a member that unpacks to more, or less, than promised is refused",
    async (format) => {
      const codec = codecFor(format);
      for (const size of [100, MIB + 512]) {
        const bytes = await archiveOf([fileEntry("a", prose(5000))], { format });
        const member = await codec.packing!.pack(new Uint8Array(size));
        const entry = { name: "a", offset: 0, length: member.length, size: 5000, header: 512, method: "packed" };
        const json = encode(inLines({ version: 1, entries: [entry] }));
        const header = tarHeader({ path: INDEX_PATH, type: "file", size: json.length });
        const index = await codec.packing!.pack(concat([header, json, new Uint8Array(paddingOf(json.length))]));
        const footer = formatFooter(codec, json, member.length, index.length);
        expect(bytes.length).toBeGreaterThan(0);
        expect(await failure(readAll(concat([member, index, codec.end(), footer])))).toMatchObject({
          code: "INTEGRITY",
        });
      }
    },
  );
});

test("what is no archive is said so", async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "text"), "hello");
  expect(await failure(openArchive(join(folder.path, "no")))).toMatchObject({ code: "NOT_FOUND" });
  expect(await failure(openArchive(folder.path))).toMatchObject({ code: "UNSUPPORTED" });
  expect(await failure(openArchive(join(folder.path, "text")))).toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining("it is no gzip, zstd or tar file"),
  });
});
