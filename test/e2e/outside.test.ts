/** `dray decompress` of hostile archives, and into hostile folders: refused with a reason, and nothing is written outside of the folder that it was given. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Bytes, encode } from "../../src/bytes/stream.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { hangarFiles, hangarZipFiles } from "../support/foreign-layouts.ts";
import type { Files } from "../support/memory-tree.ts";
import { packImages } from "../support/packed-archive.ts";
import { multiPlatform, part } from "../support/random-image.ts";
import { gnuLong, pax, type RawEntry, rawTar } from "../support/raw-tar.ts";
import { type RawZipEntry, rawZip } from "../support/raw-zip.ts";
import { reindexed } from "../support/reindexed.ts";

setDefaultTimeout(60_000);

const artifact = multiPlatform(["linux/amd64"], { size: 500 });
const named = [{ name: "docker.io/team/app", tag: "1", artifact }];
const LAYER = artifact.blobs[1]!.descriptor.digest.slice(7);

/** What stands in every file outside. */
const SECRET_TEXT = "keep secret";

let work: Workplace;
/** Everything around the folder that archives are unpacked in. */
let before: Readonly<Record<string, string>>;

beforeAll(async () => {
  work = await openWorkplace();
  const outside = dirname(work.path);
  await mkdir(join(outside, "sentinel"));
  for (const path of ["sentinel/secret", "secret", "work/secret"]) await writeFile(join(outside, path), SECRET_TEXT);
  before = await filesIn(outside);
});
afterAll(() => work[Symbol.asyncDispose]());

/** All files below a folder but those that Dray was given or told to write, and what the runtime keeps at home. */
async function filesIn(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const one of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(one.parentPath, one.name).slice(folder.length + 1);
    if (/^home|^work\/(archive|into\d|failed\.txt)/.test(path)) continue;
    files[path] = one.isFile() ? await readFile(join(folder, path), "utf8") : "";
  }
  return files;
}

interface Unpacked {
  readonly code: number;
  readonly stderr: string;
  /** Names of what is in the folder that it was unpacked into; none where there is no such folder. */
  readonly names: readonly string[];
}

let count = 0;

async function decompress(bytes: Bytes): Promise<Unpacked> {
  await writeFile(work.file("archive"), bytes);
  const into = `into${count++}`;
  const { code, stderr } = await work.dray(["decompress", "-f", "archive", "-d", into, "--failed", "failed.txt"]);
  expect(await filesIn(dirname(work.path))).toEqual(before);
  const found = await readdir(work.file(into), { recursive: true }).catch(() => []);
  return { code, stderr, names: found.map((path) => path.split("/").at(-1)!) };
}

/** A tar whose image is good, with these entries in it. */
function tarWith(...entries: readonly RawEntry[]): Bytes {
  return tarOf(hangarFiles(named), entries);
}

function tarOf(files: Files, entries: readonly RawEntry[] = []): Bytes {
  return rawTar(...Object.entries(files).map(([name, content]) => ({ name, content })), ...entries);
}

function zipWith(...entries: readonly RawZipEntry[]): Bytes {
  return rawZip([...Object.entries(hangarZipFiles(named)).map(([name, content]) => ({ name, content })), ...entries]);
}

/** The tar, of which the list says something else. */
function tarListing(from: string, to: string): Bytes {
  const files = hangarFiles(named);
  const list = files["saved-images-list.json"] as string;
  if (!list.includes(from)) throw new Error("the list would say the same");
  return tarOf({ ...files, "saved-images-list.json": list.replace(from, to) });
}

/** An archive of ours whose index says something else of the layer. */
async function ownWith(fields: object): Promise<Bytes> {
  const path = work.file("archive");
  await packImages(path, { "docker.io/team/app:1": artifact });
  return reindexed("gzip", new Uint8Array(await readFile(path)), ({ entries }) => {
    Object.assign(entries.find(({ name }) => String(name).endsWith(LAYER))!, fields);
  });
}

test("the same without the lies is unpacked", async () => {
  for (const bytes of [tarWith(), new Uint8Array(gzipSync(tarWith())), zipWith(), await ownWith({})]) {
    const { code, names } = await decompress(bytes);
    expect(code).toBe(0);
    expect(names).toContain(LAYER);
    expect(names).toContain("saved-images-list.json");
  }
});

const PLAIN = "its name is not a plain relative path";
const LINK = "is refused: it is a link";
const TWICE = "is refused: it is there twice";
const INDEX = "of its index cannot be true";
const OTHER = `share/sha256/${"0".repeat(64)}`;
const SECRET = "../../secret";
/** From the folder that digests are in, when it was unpacked where it lies. */
const SECRET_FROM_SHARE = "../../../secret";

const CASES: readonly (readonly [title: string, code: number, reason: string, () => Bytes | Promise<Bytes>])[] = [
  ["a name with ..", 4, PLAIN, () => tarWith({ name: "../sentinel/planted", content: "x" })],
  ["a name with .. over what is there", 4, PLAIN, () => tarWith({ name: "share/../../secret", content: "x" })],
  ["a name with .. in pax", 4, PLAIN, () => tarWith(pax({ path: SECRET }), { name: "x", content: "x" })],
  ["a name with .. in GNU's way", 4, PLAIN, () => tarWith(gnuLong("L", SECRET), { name: "x", content: "x" })],
  ["an absolute name", 4, PLAIN, () => tarWith({ name: join(dirname(work.path), "secret"), content: "x" })],
  ["a drive letter", 4, PLAIN, () => tarWith({ name: "C:/planted", content: "x" })],
  ["a device", 1, "it is a device", () => tarWith({ name: "share/device", flag: "3" })],
  ["a link out of it", 4, LINK, () => tarWith({ name: "share/link", flag: "2", target: SECRET })],
  ["a hard link out of it", 4, LINK, () => tarWith({ name: "link", flag: "1", target: "../secret" })],
  ["a link to an absolute name", 4, LINK, () => tarWith({ name: "link", flag: "2", target: "/etc/passwd" })],
  ["a link out of it, in a zip", 1, LINK, () => zipWith({ name: "link", content: SECRET, mode: 0o120777 })],
  ["a blob that comes twice", 4, TWICE, () => tarWith({ name: `share/sha256/${LAYER}`, content: "x" })],
  ["a blob that comes twice, in a zip", 4, TWICE, () => zipWith({ name: `share/sha256/${LAYER}`, content: "x" })],
  ["a negative size", 4, "no possible size", () => tarWith({ name: "x", sizeField: new Uint8Array(12).fill(0xff) })],
  ["a name in capitals, too", 4, "but for capitals", () => tarWith({ name: "SAVED-IMAGES-LIST.JSON", content: "{}" })],
  ["a name with .., in gzip", 4, PLAIN, () => new Uint8Array(gzipSync(tarWith({ name: "../secret", content: "x" })))],
  ["a name with .., in a zip", 4, PLAIN, () => zipWith({ name: "../secret", content: "x" })],
  ["an absolute name, in a zip", 4, PLAIN, () => zipWith({ name: join(dirname(work.path), "secret"), content: "x" })],
  ["a folder that leads out", 3, "it is missing", () => tarListing('"Folder":"', '"Folder":"../../')],
  ["an image that leads out", 4, "is not the name of an image", () => tarListing("team/app", "../../sentinel")],
  ["a tag that leads out", 4, "is not a tag", () => tarListing('"Tag":"1"', `"Tag":"${SECRET}"`)],
  ["an index with a name that leads out", 4, INDEX, () => ownWith({ name: "../secret" })],
  ["an index with a link that leads out", 4, INDEX, () => ownWith({ type: "link", target: "../secret", size: 0 })],
  ["an index that points behind the end", 4, INDEX, () => ownWith({ offset: 2 ** 40 })],
  ["an index with another name", 3, "it is not in", () => ownWith({ name: `saved-image-cache/${OTHER}` })],
];

test.each(CASES)("%s is refused", async (_, expected, reason, make) => {
  const { code, stderr, names } = await decompress(await make());
  expect(stderr).toMatch(/Cannot read .*: /);
  expect(stderr).toContain(reason);
  expect(code).toBe(expected);
  expect(names).not.toContain("planted");
  expect(names).not.toContain("saved-images-list.json");
});

test.each([".partial", "share", "share/sha256"])("a folder whose %s is a link is not written into", async (name) => {
  const path = work.file(`into${count}/${name}`);
  await mkdir(dirname(path), { recursive: true });
  await symlink(join(dirname(work.path), "sentinel"), path);
  const { code, stderr } = await decompress(tarWith());
  expect(stderr).toContain(`dray: Cannot use the cache folder "into${count - 1}": "${name}" is a link`);
  expect(code).toBe(1);
});

test("a document that is a link is not written through", async () => {
  const path = work.file(`into${count}/.partial`);
  await mkdir(path, { recursive: true });
  await symlink(join(dirname(work.path), "secret"), join(path, "document"));
  expect((await decompress(tarWith())).code).toBe(0);
});

/** A secret of this machine, whose digest is known to whoever wrote the archive. */
const stolen = part("application/vnd.oci.image.layer.v1.tar", encode(SECRET_TEXT));
const thief = multiPlatform(["linux/amd64"], { layers: [{ ...stolen, diffID: stolen.descriptor.digest }] });

test.each([
  ["symbolic, relative", "2", () => SECRET_FROM_SHARE],
  ["symbolic, absolute", "2", () => join(dirname(work.path), "secret")],
  ["hard, relative", "1", () => "../secret"],
  ["hard, absolute", "1", () => join(dirname(work.path), "secret")],
])("a layer that is a link out of the archive is not read there: %s", async (_, flag, target) => {
  const path = `share/${stolen.descriptor.digest.replace(":", "/")}`;
  const { [path]: bytes, ...files } = hangarFiles([{ ...named[0]!, artifact: thief }]);
  expect(bytes).toEqual(encode(SECRET_TEXT));
  const whole = await decompress(tarOf(files, [{ name: path, content: bytes! }]));
  expect(whole).toMatchObject({ code: 0, names: expect.arrayContaining([stolen.descriptor.digest.slice(7)]) });
  const { code, names } = await decompress(tarOf(files, [{ name: path, flag, target: target() }]));
  expect(code).toBe(4);
  expect(names).not.toContain(stolen.descriptor.digest.slice(7));
  expect(names).not.toContain("saved-images-list.json");
});
