/** Archives in parts: how they are named, found, written and read. */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, truncate, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileOutput } from "../../src/archive/output.ts";
import { findParts, parsePartPath, partPath } from "../../src/archive/parts.ts";
import { openArchive } from "../../src/archive/reader.ts";
import { openVolume } from "../../src/archive/volume.ts";
import { writeArchive } from "../../src/archive/writer.ts";
import { collect, encode } from "../../src/bytes/stream.ts";
import { each, fileEntry, noise } from "../support/archive-entries.ts";
import { run } from "../support/run.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";

describe("names", () => {
  test("parts are numbered as Hangar numbers them", () => {
    expect(partPath("/a/x.tar.gz", 11)).toBe("/a/x.tar.gz.part11");
    expect(parsePartPath("/a/x.tar.gz.part11")).toEqual({ archive: "/a/x.tar.gz", number: 11 });
  });

  test.each(["x.tar.gz", "x.part", "x.part01", "x.part-1", ".part0", "x.part0.sha256", "x.part1234567"])(
    "%s is no part",
    (name) => {
      expect(parsePartPath(name)).toBeUndefined();
    },
  );
});

describe("findParts", () => {
  async function folderOf(...names: string[]) {
    const folder = await temporaryFolder();
    for (const name of names) await writeFile(join(folder.path, name), name);
    return folder;
  }

  test("all parts are found by the name of the whole, and by that of any part, in the order of their numbers", async () => {
    const names = Array.from({ length: 12 }, (_, number) => `x.tar.gz.part${number}`);
    await using folder = await folderOf(...names.toReversed(), "x.tar.gz.part0.sha256", "y.tar.gz.part0");
    const whole = {
      name: join(folder.path, "x.tar.gz"),
      paths: names.map((name) => join(folder.path, name)),
      missing: [],
    };
    for (const asked of ["x.tar.gz", "x.tar.gz.part0", "x.tar.gz.part11"])
      expect(await findParts([join(folder.path, asked)])).toEqual(whole);
  });

  test("a file that has the whole name wins over parts that lie beside it", async () => {
    await using folder = await folderOf("x", "x.part0");
    const path = join(folder.path, "x");
    expect(await findParts([path])).toEqual({ name: path, paths: [path], missing: [] });
  });

  test("where nothing is, the path stands for itself", async () => {
    expect(await findParts(["nowhere/x"])).toEqual({ name: "nowhere/x", paths: ["nowhere/x"], missing: [] });
  });

  test("parts in several folders are put together", async () => {
    await using one = await folderOf("x.part0", "x.part2");
    await using other = await folderOf("x.part1");
    const { paths } = await findParts([join(one.path, "x.part0"), join(other.path, "x.part1")]);
    expect(paths).toEqual([join(one.path, "x.part0"), join(other.path, "x.part1"), join(one.path, "x.part2")]);
  });

  test("a part that is missing between others is named", async () => {
    await using folder = await folderOf("x.part0", "x.part3");
    const path = join(folder.path, "x");
    expect(await errorOf(() => findParts([path]))).toBe(
      `INTEGRITY: Cannot open "${path}": parts 1, 2 of it cannot be found`,
    );
  });

  test("many that are missing are told as what they are: a run, and what to do in any command", async () => {
    await using folder = await folderOf("x.part0", "x.part3", "x.part4", "x.part6", "x.part99");
    const path = join(folder.path, "x");
    const error: unknown = await findParts([path]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: `Cannot open "${path}": parts 1, 2, 5, 7 to 98 of it cannot be found`,
      hint: "copy them beside the others, or name those parts too",
    });
  });

  test("a part that is there twice is refused, unless one of them was named", async () => {
    await using one = await folderOf("x.part0", "x.part1");
    await using other = await folderOf("x.part0", "x.part1");
    const [first, second] = [join(one.path, "x.part0"), join(other.path, "x.part1")];
    expect((await findParts([first, second])).paths).toEqual([first, second]);
    const both = [join(one.path, "x.part0"), join(other.path, "x.part0")];
    expect(await errorOf(() => findParts(both))).toContain("is the same part");
  });

  test("parts of two archives are refused", async () => {
    await using folder = await folderOf("x.part0", "y.part1");
    const paths = ["x.part0", "y.part1"].map((name) => join(folder.path, name));
    expect(await errorOf(() => findParts(paths))).toBe(`USAGE: Cannot open "${paths[1]}": it is no part of "x"`);
  });
});

describe("fileOutput in parts", () => {
  test("every part but the last has the size asked for, and a list of checksums is beside them", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x.tar");
    await using output = await fileOutput(path, { partSize: 10 });
    await Promise.all(["0123", "456789abcdefghij", "klm"].map((text) => output.write(encode(text))));
    expect(output.position).toBe(23);
    expect((await readdir(folder.path)).every((name) => name.endsWith(".incomplete"))).toBe(true);
    await output.finish();
    const texts = await Promise.all([0, 1, 2].map((number) => readFile(partPath(path, number), "utf8")));
    expect(texts).toEqual(["0123456789", "abcdefghij", "klm"]);
    const sums = texts.map((text, number) => `${sha256(text)}  x.tar.part${number}\n`).join("");
    expect(await readFile(`${path}.sha256`, "utf8")).toBe(sums);
    expect((await readdir(folder.path)).sort()).toEqual(["x.tar.part0", "x.tar.part1", "x.tar.part2", "x.tar.sha256"]);
  });

  test("no empty part follows a last one that is full", async () => {
    await using folder = await temporaryFolder();
    await using output = await fileOutput(join(folder.path, "x"), { partSize: 4 });
    await output.write(encode("01234567"));
    await output.finish();
    expect((await readdir(folder.path)).sort()).toEqual(["x.part0", "x.part1", "x.sha256"]);
  });

  test("what is cut off is in no part and in no checksum", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x");
    await using output = await fileOutput(path, { partSize: 4 });
    await output.write(encode("0123456789ab"));
    await output.truncate?.(6);
    await output.write(encode("XY"));
    await output.truncate?.(8);
    await output.write(encode("Z"));
    await output.finish();
    const texts = await Promise.all([0, 1, 2].map((number) => readFile(partPath(path, number), "utf8")));
    expect(texts).toEqual(["0123", "45XY", "Z"]);
    const sums = (await readFile(`${path}.sha256`, "utf8")).split("\n").map((line) => line.split(" ", 1)[0]!);
    expect(sums).toEqual([...texts.map(sha256), ""]);
  });

  test("what an earlier archive left over goes when the new one is whole, and not before", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x");
    for (const name of ["x", "x.part0", "x.part1", "x.part2", "x.party", "x.sha256"])
      await writeFile(join(folder.path, name), "old");
    await using output = await fileOutput(path, { partSize: 4 });
    await output.write(encode("0123456"));
    expect(await readFile(path, "utf8")).toBe("old");
    await output.finish();
    expect((await readdir(folder.path)).sort()).toEqual(["x.part0", "x.part1", "x.party", "x.sha256"]);
    await using single = await fileOutput(path);
    await single.write(encode("one file"));
    await single.finish();
    expect((await readdir(folder.path)).sort()).toEqual(["x", "x.party"]);
  });

  test("its own parts stay, however the path is written", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "below"));
    const path = `./${relative(".", folder.path)}/below/../x`;
    await using output = await fileOutput(path, { partSize: 4 });
    await output.write(encode("01234"));
    await output.finish();
    expect((await readdir(folder.path)).sort()).toEqual(["below", "x.part0", "x.part1", "x.sha256"]);
  });

  test("what a killed run left unfinished goes, in parts or whole, and nothing else", async () => {
    await using folder = await temporaryFolder();
    for (const name of [
      ".x.incomplete",
      ".x.part0.incomplete",
      ".x.part5.incomplete",
      ".xy.part5.incomplete",
      ".x.part5",
    ])
      await writeFile(join(folder.path, name), "left");
    await using output = await fileOutput(join(folder.path, "x"), { partSize: 4 });
    await output.write(encode("01234"));
    await output.finish();
    const left = [".x.part5", ".xy.part5.incomplete"];
    expect((await readdir(folder.path)).sort()).toEqual([...left, "x.part0", "x.part1", "x.sha256"]);
  });

  test("more parts than files can be open at once", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x");
    const source = join(import.meta.dirname, "../../src/archive");
    const program = `
      const { fileOutput } = await import(${JSON.stringify(`${source}/output.ts`)});
      const { openVolume } = await import(${JSON.stringify(`${source}/volume.ts`)});
      await using output = await fileOutput(${JSON.stringify(path)}, { partSize: 10 });
      await output.write(new Uint8Array(3000));
      await output.truncate(5);
      for (let at = 0; at < 300; at++) await output.write(new Uint8Array(10).fill(at));
      await output.finish();
      const paths = Array.from({ length: 301 }, (_, number) => ${JSON.stringify(`${path}.part`)} + number);
      await using volume = await openVolume(paths, "x");
      const bytes = await volume.read(0, 3005);
      if (bytes[1500] !== 149 || bytes[3004] !== 299 % 256) throw new Error("wrong bytes");`;
    const ended = await run("bash", ["-c", `ulimit -n 128; exec "$0" -e "$1"`, process.execPath, program]);
    expect(ended).toEqual({ code: 0, stdout: "", stderr: "" });
    const bytes = await Promise.all(Array.from({ length: 301 }, (_, number) => readFile(partPath(path, number))));
    const expected = [new Uint8Array(5), ...Array.from({ length: 300 }, (_, at) => new Uint8Array(10).fill(at))];
    expect(Buffer.compare(Buffer.concat(bytes), Buffer.concat(expected))).toBe(0);
    const sums = bytes.map((one, number) => `${sha256(one)}  x.part${number}\n`).join("");
    expect(await readFile(`${path}.sha256`, "utf8")).toBe(sums);
  });

  test("a run that another one overtook publishes nothing of its own, nor of the other", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x");
    await using first = await fileOutput(path, { partSize: 4 });
    await first.write(encode("0123456"));
    await using second = await fileOutput(path, { partSize: 4 });
    await second.write(encode("abcdefgh"));
    expect(await errorOf(() => first.write(encode("789")))).toContain("another run writes it at the same time");
    expect(await errorOf(() => first.finish())).toContain("another run writes it at the same time");
    await first[Symbol.asyncDispose]();
    expect((await readdir(folder.path)).sort()).toEqual([".x.part0.incomplete", ".x.part1.incomplete"]);
    await second.finish();
    expect(await readFile(partPath(path, 1), "utf8")).toBe("efgh");
  });

  test("disposed before its end it leaves nothing", async () => {
    await using folder = await temporaryFolder();
    {
      await using output = await fileOutput(join(folder.path, "x"), { partSize: 4 });
      await output.write(encode("0123456789"));
    }
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("one file has a checksum where that is asked for", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x");
    await using output = await fileOutput(path, { checksum: true });
    await output.write(encode("hello"));
    await output.finish();
    expect(await readFile(`${path}.sha256`, "utf8")).toBe(`${sha256("hello")}  x\n`);
  });
});

describe("openVolume", () => {
  async function volumeOf(...texts: string[]) {
    const folder = await temporaryFolder();
    const paths = texts.map((_, number) => join(folder.path, `x.part${number}`));
    for (const [number, text] of texts.entries()) await writeFile(paths[number]!, text);
    return { folder, paths, volume: await openVolume(paths, "x") };
  }

  test("any range is read, across parts too", async () => {
    const { folder, volume } = await volumeOf("0123", "", "4567", "89");
    await using _ = folder;
    await using __ = volume;
    expect(volume.size).toBe(10);
    for (let start = 0; start <= 10; start++)
      for (let end = start; end <= 10; end++)
        expect(new TextDecoder().decode(await volume.read(start, end))).toBe("0123456789".slice(start, end));
    expect(await errorOf(() => volume.read(8, 11))).toBe('INTEGRITY: Cannot read "x": it ends before it should');
  });

  test("a part that is gone is named", async () => {
    const { folder, paths, volume } = await volumeOf("0123", "4567");
    await using _ = folder;
    await volume[Symbol.asyncDispose]();
    await rename(paths[1]!, `${paths[1]}x`);
    expect(await errorOf(() => openVolume(paths, "x"))).toBe(
      `NOT_FOUND: Cannot open "${paths[1]}": there is no such file`,
    );
  });
});

describe("openArchive in parts", () => {
  const size = 4000;
  async function archiveOf(bytes: number) {
    const folder = await temporaryFolder();
    const path = join(folder.path, "x.tar.gz");
    await using output = await fileOutput(path, { partSize: size });
    await writeArchive(each([fileEntry("a", noise(bytes))]), output, { format: "gzip" });
    await output.finish();
    return { folder, path };
  }

  test("it is read as if it were one file", async () => {
    const { folder, path } = await archiveOf(20_000);
    await using _ = folder;
    await using archive = await openArchive(partPath(path, 2));
    const bytes = await collect(archive.file("a")!.open(), 30_000);
    expect(bytes).toEqual(noise(20_000));
  });

  test("parts that a longer archive left behind it are not read, and said", async () => {
    const { folder, path } = await archiveOf(9000);
    await using _ = folder;
    const last = (await readdir(folder.path)).filter((name) => name.includes(".part")).length - 1;
    await writeFile(partPath(path, last + 1), new Uint8Array(size));
    await writeFile(partPath(path, last + 2), new Uint8Array(10));
    const warnings: string[] = [];
    await using archive = await openArchive(path, { onWarning: (message) => warnings.push(message) });
    expect(await collect(archive.file("a")!.open(), 30_000)).toEqual(noise(9000));
    expect(warnings).toEqual([
      `"${path}" ends in part ${last}: what lies behind it is of another archive, and is not read`,
    ]);
  });

  test("a part that was cut short is named", async () => {
    const { folder, path } = await archiveOf(20_000);
    await using _ = folder;
    await truncate(partPath(path, 1), 3999);
    expect(await errorOf(() => openArchive(path))).toBe(
      `INTEGRITY: Cannot read "${partPath(path, 1)}": it has 3999 bytes, and the first part has 4000`,
    );
  });
});

function sha256(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex");
}
