import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Format } from "../../src/archive/format.ts";
import { fileOutput, type Output } from "../../src/archive/output.ts";
import { openArchive } from "../../src/archive/reader.ts";
import { type Entry, writeArchive } from "../../src/archive/writer.ts";
import { type ByteStream, type Bytes, collect } from "../../src/bytes/stream.ts";
import { AppError } from "../../src/errors.ts";
import {
  archiveOf,
  directoryEntry,
  each,
  failure,
  fileEntry,
  linkEntry,
  memoryOutput,
  noise,
  prose,
} from "../support/archive-entries.ts";
import { temporaryFolder } from "../support/temporary.ts";

const FORMATS: readonly Format[] = ["gzip", "zstd", "tar"];
const MIB = 1 << 20;

/** An entry that promises 3 MiB, delivers two, then fails. */
function broken(path: string, more: Partial<Entry> = {}): Entry {
  const open = async function* (): ByteStream {
    yield noise(MIB);
    yield noise(MIB, 2);
    throw new Error("the source went away");
  };
  return { path, size: 3 * MIB, open, ...more };
}

function someEntries(chunk: number): Entry[] {
  return [
    directoryEntry("d"),
    linkEntry("blobs", "d"),
    fileEntry("d/small", prose(900), { chunk }),
    fileEntry("d/packed", prose(3 * MIB), { chunk }),
    fileEntry("d/stored", noise(2 * MIB), { chunk, compressed: true }),
    fileEntry("d/tried", noise(2 * MIB, 5), { chunk }),
  ];
}

async function pathsIn(bytes: Bytes): Promise<Record<string, number>> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "archive");
  await writeFile(path, bytes);
  await using archive = await openArchive(path);
  const sizes: Record<string, number> = {};
  for (const name of archive.paths())
    sizes[name] = (await collect(archive.file(name)!.open(), 1 << 30))?.length ?? Number.NaN;
  return sizes;
}

describe.each(FORMATS)("%s", (format) => {
  test("the same entries give the same bytes, however they are chunked and timed", async () => {
    const expected = await archiveOf(someEntries(1 << 20), { format });
    const slow = someEntries(70_001).map((entry) => ({
      ...entry,
      async *open() {
        for await (const chunk of entry.open()) {
          await new Promise((resolve) => setImmediate(resolve));
          yield chunk;
        }
      },
    }));
    expect(Buffer.compare(await archiveOf(slow, { format }), expected)).toBe(0);
  });

  test.each([{ compressed: true }, { compressed: false }])(
    "a lost entry (%j) is cut off, and left out",
    async (kind) => {
      const lost: [string, string][] = [];
      const onLost = async (entry: Entry, error: unknown) => {
        lost.push([entry.path, (error as Error).message]);
        return undefined;
      };
      const entries = [fileEntry("a", prose(9)), broken("lost", kind), fileEntry("b", noise(MIB))];
      const bytes = await archiveOf(entries, { format, onLost });
      expect(lost).toEqual([["lost", "the source went away"]]);
      expect(await pathsIn(bytes)).toEqual({ a: 9, b: MIB });
      expect(Buffer.compare(bytes, await archiveOf([entries[0]!, entries[2]!], { format }))).toBe(0);
    },
  );

  test("a lost entry is replaced, and its replacement too", async () => {
    const asked: string[] = [];
    const onLost = async (entry: Entry) => {
      asked.push(entry.path);
      return entry.path === "lost" ? broken("again", { compressed: true }) : fileEntry("note", prose(5));
    };
    const bytes = await archiveOf([broken("lost"), fileEntry("b", prose(7))], { format, onLost });
    expect(asked).toEqual(["lost", "again"]);
    expect(await pathsIn(bytes)).toEqual({ note: 5, b: 7 });
  });

  test.each([-1, 1])("an entry whose stream differs from its size by %d byte is lost", async (difference) => {
    const wrong = { ...fileEntry("a", prose(5000)), size: 5000 + difference };
    const error = await failure(archiveOf([wrong], { format }));
    expect(error).toMatchObject({ code: "INTEGRITY", message: expect.stringContaining('Cannot archive "a"') });
    expect(await pathsIn(await archiveOf([wrong], { format, onLost: async () => undefined }))).toEqual({});
  });

  test("abort ends it, without asking about the entry", async () => {
    const abort = new AbortController();
    const entry = broken("a");
    const open = async function* (): ByteStream {
      yield noise(MIB);
      abort.abort(new Error("stopped"));
      yield noise(MIB);
      yield noise(MIB);
    };
    const onLost = async (): Promise<undefined> => expect.unreachable();
    const work = archiveOf([{ ...entry, open }], { format, signal: abort.signal, onLost });
    expect(await failure(work)).toMatchObject({ message: "stopped" });
  });
});

test("without onLost the error of the entry is thrown, and its stream is closed", async () => {
  let closed = 0;
  const open = async function* (): ByteStream {
    try {
      yield noise(MIB);
      throw new Error("gone");
    } finally {
      closed++;
    }
  };
  for (const compressed of [true, false])
    expect(
      await failure(archiveOf([{ path: "a", size: 2 * MIB, compressed, open }], { format: "gzip" })),
    ).toMatchObject({
      message: "gone",
    });
  expect(closed).toBe(2);
});

test("an output that cannot truncate cannot lose an entry", async () => {
  const { truncate: _, ...output } = memoryOutput();
  const onLost = async (): Promise<undefined> => expect.unreachable();
  const error = await failure(writeArchive(each([broken("a")]), output, { format: "gzip", onLost }));
  expect(error).toMatchObject({ message: "the source went away" });
});

test.each([true, false])(
  "a full disk ends it at once, without asking about the entry (stored: %p)",
  async (compressed) => {
    let closed = false;
    const full: Output = {
      ...memoryOutput(),
      position: 0,
      write: () => Promise.reject(new AppError("STORAGE", 'Cannot write "x": no space is left on the disk')),
    };
    const open = async function* (): ByteStream {
      try {
        for (;;) yield noise(MIB);
      } finally {
        closed = true;
      }
    };
    const onLost = async (): Promise<undefined> => expect.unreachable();
    const work = writeArchive(each([{ path: "a", size: 2 ** 40, compressed, open }]), full, { format: "zstd", onLost });
    expect(await failure(work)).toMatchObject({ code: "STORAGE" });
    expect(closed).toBe(true);
  },
);

test("an aborted archive leaves no file", async () => {
  await using folder = await temporaryFolder();
  const abort = new AbortController();
  const entries = async function* () {
    yield fileEntry("a", noise(3 * MIB));
    abort.abort(new Error("stopped"));
    yield fileEntry("b", noise(3 * MIB));
  };
  const work = async () => {
    await using output = await fileOutput(join(folder.path, "x.tar.gz"));
    await writeArchive(entries(), output, { format: "gzip", signal: abort.signal });
    await output.finish();
  };
  expect(await failure(work())).toMatchObject({ message: "stopped" });
  expect(await readdir(folder.path)).toEqual([]);
});

test("onBytes hears every write", async () => {
  const totals: number[] = [];
  const bytes = await archiveOf([fileEntry("a", noise(5 * MIB))], { format: "tar", onBytes: (n) => totals.push(n) });
  expect(totals.at(-1)).toBe(bytes.length);
  expect(totals.length).toBeGreaterThan(4);
});

test("many small entries need few writes", async () => {
  let writes = 0;
  const entries = Array.from({ length: 2000 }, (_, at) => fileEntry(`${at}`, prose(at)));
  await archiveOf(entries, { format: "gzip", onBytes: () => writes++ });
  expect(writes).toBeLessThan(4);
});

test.each<[Format, string]>([
  ["tar", "906cbd0ba3aab438eae62c3e035c4f8d77531f6f0cda40df6d6a142ad55f521c"],
  ["gzip", "3a6bca2c05c42e8b90c44999a8c83b3db37af26dd15aec8385bd03ec2fb9f061"],
  ["zstd", "57a3ef0ccbca63435342278fc073d146f99c6d418d8a3c24dff0fb32ab60e7bb"],
])("the stored bytes of an archive are pinned: %s", async (format, expected) => {
  const entries = someEntries(1 << 20).map((entry) => ({ ...entry, compressed: true }));
  const bytes = await archiveOf(entries, { format });
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "x"), bytes);
  await using archive = await openArchive(join(folder.path, "x"));
  const last = archive.entries.at(-1)!;
  // What is compressed, as the index, may change with the runtime's zlib.
  const pinned = format === "tar" ? bytes : bytes.subarray(0, last.offset + last.length);
  expect(createHash("sha256").update(pinned).digest("hex")).toBe(expected);
});
