/** Archives that ask for far more memory than they have bytes. */
import { createHash } from "node:crypto";
import { truncate, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { codecFor } from "../../src/archive/codec-for.ts";
import { INDEX_PATH } from "../../src/archive/contents.ts";
import { formatFooter } from "../../src/archive/footer.ts";
import type { Format } from "../../src/archive/format.ts";
import { paddingOf, tarHeader } from "../../src/archive/tar.ts";
import { type Bytes, concat, encode } from "../../src/bytes/stream.ts";
import { noise } from "./archive-entries.ts";
import { gnuLong, type RawEntry, rawEntry, rawTar } from "./raw-tar.ts";
import { rawZip } from "./raw-zip.ts";

export const ROOT = "saved-image-cache";
export const LIST = `${ROOT}/saved-images-list.json`;
const DIGEST = `sha256:${"0".repeat(64)}`;
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
/** A little less than the largest index, and the largest document, that are read. */
const INDEX_SIZE = 79 << 20;
const LIST_SIZE = 19 << 20;

/** `unit` so often that all of it has about `size` bytes. */
export function filled(before: string, unit: string, after: string, size: number): Bytes {
  const ends = [encode(before), encode(after)] as const;
  const count = Math.floor((size - ends[0].length - ends[1].length) / unit.length);
  return concat([ends[0], new Uint8Array(Buffer.alloc(count * unit.length, unit)), ends[1]]);
}

export function many(before: string, count: number, one: (at: number) => string, after: string, between = ","): Bytes {
  return encode(before + Array.from({ length: count }, (_, at) => one(at)).join(between) + after);
}

interface Document {
  readonly path: string;
  readonly bytes: Bytes;
}

/** One image is listed, so that whoever reads a pipe reads it to its end. */
const ONE: Document = { path: LIST, bytes: many('{"Version":"v1.1.0","List":[', 1, imageOf, "]}") };

/** Entries that an index tells of at most. */
const MOST_TOLD = 500_000;

/** An archive of ours of these documents, with an index that is whole by its footer, whatever it says. */
export async function own(
  documents: Document | readonly Document[],
  index?: (entry: string) => Bytes,
  format: Exclude<Format, "tar"> = "gzip",
): Promise<Bytes> {
  const codec = codecFor(format);
  const entries: { readonly name: string; readonly type?: "directory"; readonly bytes: Bytes }[] = [
    { name: ROOT, type: "directory", bytes: new Uint8Array(0) },
    { name: `${ROOT}/.dray`, type: "directory", bytes: new Uint8Array(0) },
    ...[documents].flat().map(({ path, bytes }) => ({ name: path, bytes })),
    // Room for all the entries that an index may tell of.
    ...(index ? [{ name: `${ROOT}/room`, bytes: noise(MOST_TOLD) }] : []),
  ];
  const members: Bytes[] = [];
  const lines: string[] = [];
  let offset = 0;
  for (const { name, type, bytes } of entries) {
    const header = tarHeader({ path: name, type: type ?? "file", size: bytes.length });
    const tar = concat([header, bytes, new Uint8Array(paddingOf(bytes.length))]);
    const packed: Bytes[] = [];
    for (let at = 0; at < tar.length; at += 1 << 20)
      packed.push(await codec.packing!.pack(tar.slice(at, at + (1 << 20))));
    const length = packed.reduce((sum, one) => sum + one.length, 0);
    const lengths = packed.length > 1 ? { members: packed.map((one) => one.length) } : {};
    const rest = { offset, length, size: bytes.length, header: header.length, method: "packed", ...lengths };
    lines.push(JSON.stringify({ name, ...(type ? { type } : {}), ...rest }));
    members.push(...packed);
    offset += length;
  }
  const json = index?.(lines[0]!) ?? encode(`{"version":1,"entries":[\n${lines.join(",\n")}\n]}\n`);
  const header = tarHeader({ path: INDEX_PATH, type: "file", size: json.length });
  const last = await codec.packing!.pack(concat([header, json, new Uint8Array(paddingOf(json.length))]));
  return concat([...members, last, codec.end(), formatFooter(codec, json, offset, last.length)]);
}

/** Index entries of one byte each, under names of their own. */
function entriesLike(entry: string, count: number, name: (at: number) => string): Bytes {
  const one = (at: number): string =>
    entry.replace(`"${ROOT}"`, `"${name(at)}"`).replace(/"offset":\d+,"length":\d+/, `"offset":${at},"length":1`);
  return many('{"version":1,"entries":[\n', count, one, "\n]}\n", ",\n");
}

/** What an honest archive of 100,000 entries has at its end, with names of 120 bytes. */
export function largestHonest(): Promise<Bytes> {
  return own(ONE, (entry) => {
    const named = (at: number): string =>
      `${ROOT}/share/${createHash("sha256").update(`${at}`).digest("hex")}`.padEnd(120, "x");
    const lines = new TextDecoder().decode(entriesLike(entry, 100_000, named));
    return encode(lines.replaceAll('"method"', `"digest":"${DIGEST}","method"`));
  });
}

/** Of ours: the archive, and what is said of it. */
export const OWN: Readonly<Record<string, readonly [said: string, make: () => Promise<Bytes>]>> = {
  "an index of one text": [
    "a line has more than",
    () => own(ONE, () => filled('{"version":1,"x":"', "a", '"}', INDEX_SIZE)),
  ],
  "an index of lists in lists": [
    "a line has more than",
    () => own(ONE, () => filled("", "[", "\n", INDEX_SIZE), "zstd"),
  ],
  "an index of empty lists in one line": [
    "it holds more than can be read",
    () => own(ONE, () => filled('{"version":1,"entries":[\n{"x":[', "[],", "[]]}\n]}\n", 4 << 20)),
  ],
  "an index of nothing but line feeds": ["it is not JSON", () => own(ONE, () => filled("", "\n", "", INDEX_SIZE))],
  "an index of half a million entries": [
    "its index has more than 120000 entries",
    () => own(ONE, (entry) => entriesLike(entry, MOST_TOLD, (at) => `d${at}`)),
  ],
  "an index that says it is larger": [
    "its index has 99999999 bytes, more than are read",
    async () => {
      const archive = await own(ONE);
      new DataView(archive.buffer).setBigUint64(archive.length - 10 - 64 + 24, 99_999_999n, true);
      return archive;
    },
  ],
  "a list of empty images": [
    "it holds more than can be read",
    () => listed(filled('{"List":[', "{},", "{}]}", LIST_SIZE)),
  ],
  "a list of lists in lists": ["it holds more than can be read", () => listed(filled('{"List":', "[", "}", LIST_SIZE))],
  "a list of one text": ["it has no list of images", () => listed(filled('{"List":"\u4e00', "a", '"}', LIST_SIZE))],
  "a list that is too large": [
    "it is larger than 20971520 bytes",
    () => listed(filled('{"List":[', " ", "]}", 21 << 20)),
  ],
  "a list of too many images": [
    "it names 90000 images, and 7000 are the most",
    () => listed(many('{"Version":"v1.1.0","List":[', 90_000, imageOf, "]}")),
  ],
};

function listed(bytes: Bytes): Promise<Bytes> {
  return own({ path: LIST, bytes });
}

function imageOf(at: number): string {
  return `{"Source":"a.b/c${at}","Tag":"1","Root":{"MediaType":"${MANIFEST}","Digest":"${DIGEST}","Size":9}}`;
}

/** Of others. */
export const FOREIGN: Readonly<Record<string, readonly [said: string, make: () => Promise<Bytes>]>> = {
  "an index.json of empty lists": [
    "it holds more than can be read",
    () => document("index.json", '{"manifests":[', "[],", "[]]}"),
  ],
  "an index.json of lists in lists": [
    "it holds more than can be read",
    () => document("index.json", '{"manifests":', "[", "}"),
  ],
  "a manifest.json of empty lists": [
    "it holds more than can be read",
    () => document("manifest.json", "[", "[],", "[]]"),
  ],
  "a tar of long names": [
    "all names take too much memory",
    () => tarOf(10_000, (at) => gnuLong("L", `${"n/".repeat(2000)}${at}`)),
  ],
  "a tar of long links": [
    "all names take too much memory",
    () => tarOf(60, (at) => gnuLong("K", `${"n".repeat(1e6)}${at}`)),
  ],
  "a tar of 150,000 names": [
    "it is one of more than 120000 entries",
    async () => {
      const tar = new Uint8Array(150_000 * 512);
      for (let at = 0; at < tar.length; at += 512) tar.set(rawEntry({ name: `SOME/FOLDER/WITH/A/FILE-${at}` }), at);
      return new Uint8Array(gzipSync(tar, { level: 1 }));
    },
  ],
  "a zip of 250,000 names": ["its zip directory has 250000 entries", async () => zipOf(250_000, 50)],
  "a zip that counts more than it has": [
    "its zip directory is not where it says",
    async () => rawZip([{ name: "a" }], { isLong: true, count: 2 ** 50 }),
  ],
};

async function document(path: string, before: string, unit: string, after: string): Promise<Bytes> {
  return new Uint8Array(
    gzipSync(rawTar({ name: path, content: filled(before, unit, after, LIST_SIZE) }), { level: 1 }),
  );
}

async function tarOf(count: number, before: (at: number) => RawEntry): Promise<Bytes> {
  const entries = Array.from({ length: count }, (_, at) => [before(at), { name: `f${at}`, flag: "2", target: "x" }]);
  return new Uint8Array(gzipSync(rawTar(...entries.flat()), { level: 1 }));
}

/** What stands there is no directory: it is refused before anybody looks. */
function zipOf(count: number, length: number): Bytes {
  const content = new Uint8Array(count * length);
  return rawZip([{ name: "a", content }], { isLong: true, count, directoryOffset: 0, directoryLength: content.length });
}

/** A part of an archive, beside checksums of the given size: one enormous hole. */
export async function besideChecksums(path: string, size: number): Promise<void> {
  await writeFile(`${path}.part0`, "x");
  await writeFile(`${path}.sha256`, "");
  await truncate(`${path}.sha256`, size);
}
