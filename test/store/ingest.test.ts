/** Blob files: resumed, verified, then renamed into place. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Range } from "../../src/bytes/stream.ts";
import { IntegrityError } from "../../src/errors.ts";
import { ingest, isPresent } from "../../src/store/ingest.ts";
import type { Content } from "../../src/store/store.ts";
import { type Part, part, randomBytes } from "../support/random-image.ts";
import { run } from "../support/run.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";
import { thrownBy } from "../support/thrown.ts";

let folder: TemporaryFolder;
let path: string;
let partial: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  path = join(folder.path, "blob");
  partial = join(folder.path, "partial");
});
afterEach(() => folder[Symbol.asyncDispose]());

const ONE = part("a/b", randomBytes("ingest", 1_000_000));

/** The part in chunks, with the count of the bytes that were asked for; breaks at `breakAt`. */
function source({ descriptor, bytes }: Part, breakAt = Number.POSITIVE_INFINITY) {
  const count = { opened: 0, bytes: 0 };
  const content: Content = {
    descriptor,
    async *open({ start = 0 }: Range = {}) {
      count.opened++;
      for (let at = start; at < bytes.length; at += 10_000) {
        if (at >= breakAt) throw new Error("the line is dead");
        const chunk = bytes.subarray(at, at + 10_000);
        count.bytes += chunk.length;
        yield chunk;
      }
    },
  };
  return { content, count };
}

test("lands as one file, and leaves no other", async () => {
  await ingest(source(ONE).content, path, partial);
  expect(new Uint8Array(await readFile(path))).toEqual(ONE.bytes);
  expect(await readdir(folder.path)).toEqual(["blob"]);
});

test("what came before the line broke is kept, and the next run asks only for the rest", async () => {
  expect(await thrownBy(() => ingest(source(ONE, 730_000).content, path, partial))).toMatchObject({
    message: "the line is dead",
  });
  const { size } = await stat(partial);
  expect(size).toBeGreaterThanOrEqual(720_000);
  const { content, count } = source(ONE);
  await ingest(content, path, partial);
  expect(count).toEqual({ opened: 1, bytes: ONE.bytes.length - size });
  expect(new Uint8Array(await readFile(path))).toEqual(ONE.bytes);
});

test("a partial file that is whole costs no byte", async () => {
  await writeFile(partial, ONE.bytes);
  const { content, count } = source(ONE);
  await ingest(content, path, partial);
  expect(count.opened).toBe(0);
  expect(await readdir(folder.path)).toEqual(["blob"]);
});

test.each([
  ["of other bytes", randomBytes("other", 500_000)],
  ["as long as the whole", randomBytes("other", ONE.bytes.length)],
  ["longer than the whole", randomBytes("other", ONE.bytes.length + 1)],
])("a partial file %s is begun anew", async (_, bytes) => {
  await writeFile(partial, bytes);
  await ingest(source(ONE).content, path, partial);
  expect(new Uint8Array(await readFile(path))).toEqual(ONE.bytes);
  expect(await readdir(folder.path)).toEqual(["blob"]);
});

test.each([undefined, 500_000])("wrong bytes leave no file at all (held before: %p)", async (held) => {
  const wrong = part("a/b", randomBytes("wrong", 1_000_000), { digest: ONE.descriptor.digest });
  if (held) await writeFile(partial, ONE.bytes.subarray(0, held));
  const { content, count } = source(wrong);
  expect(await thrownBy(() => ingest(content, path, partial))).toBeInstanceOf(IntegrityError);
  expect(await readdir(folder.path)).toEqual([]);
  expect(count.opened).toBe(held ? 2 : 1);
});

test("what comes only once begins anew, whatever lies there", async () => {
  await writeFile(partial, ONE.bytes.subarray(0, 500_000));
  const { content, count } = source(ONE);
  await ingest({ ...content, once: true }, path, partial);
  expect(count).toEqual({ opened: 1, bytes: ONE.bytes.length });
  expect(new Uint8Array(await readFile(path))).toEqual(ONE.bytes);
});

test("is present only with the right size, and as a file", async () => {
  await writeFile(path, "abc");
  expect(await isPresent(path, 3)).toBe(true);
  expect(await isPresent(path, 4)).toBe(false);
  expect(await isPresent(join(folder.path, "none"), 0)).toBe(false);
  expect(await isPresent(folder.path, (await stat(folder.path)).size)).toBe(false);
  await symlink("blob", partial);
  expect(await isPresent(partial, 3)).toBe(false);
});

test.each([undefined, true] as const)(
  "a link that was put in its way is not written through (once: %p)",
  async (once) => {
    await writeFile(join(folder.path, "precious"), "precious");
    await symlink("precious", partial);
    const { content } = source(ONE);
    await ingest(once ? { ...content, once } : content, path, partial);
    expect(await readFile(join(folder.path, "precious"), "utf8")).toBe("precious");
    expect((await lstat(path)).isFile()).toBe(true);
    expect((await readdir(folder.path)).sort()).toEqual(["blob", "precious"]);
  },
);

test.each(["a pipe", "a folder"])("%s that was put in its way is removed, not written into", async (kind) => {
  if (kind === "a pipe") expect((await run("mkfifo", [partial])).code).toBe(0);
  else await mkdir(join(partial, "inside"), { recursive: true });
  await ingest(source(ONE).content, path, partial);
  expect(new Uint8Array(await readFile(path))).toEqual(ONE.bytes);
  expect((await lstat(path)).isFile()).toBe(true);
  expect(await readdir(folder.path)).toEqual(["blob"]);
});
