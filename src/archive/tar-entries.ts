/**
 * The entries of a tar that anybody wrote, from its headers alone: contents are passed over. POSIX.1-2017 ustar and pax, GNU
 * long names and base-256 sizes. What readers disagree about is refused instead of guessed.
 */
import type { Bytes } from "../bytes/stream.ts";
import type { ErrorCode } from "../errors.ts";
import type { Call } from "../store/store.ts";
import { type NamedEntry, refusedEntry } from "./entry-names.ts";
import { corrupt } from "./footer.ts";
import { BLOCK, paddingOf } from "./tar.ts";
import { checksum, numberField, octalField, parseRecords, textField } from "./tar-fields.ts";
import type { Volume } from "./volume.ts";

export interface ForeignEntry extends NamedEntry {
  readonly target: string;
  /** Where the content begins. */
  readonly offset: number;
  /** Bytes of content; 0 unless it is a file. */
  readonly size: number;
}

/** The largest extended header or long name that is read: extended attributes may be large. */
const EXTENDED_LIMIT = 1 << 20;

/** Extended headers before an entry: a name and a target, or a global one and its own, are all that anybody writes. */
const MOST_EXTENDED = 4;

/** Windows in which headers are read: a small one behind a content that was passed over, larger ones for entry upon entry. */
const SMALLEST = 4 << 10;
const LARGEST = 1 << 20;

const TYPES: Readonly<Record<string, ForeignEntry["type"]>> = {
  "\0": "file",
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "5": "directory",
  "7": "file",
};

/** As much of a volume as is needed to read its headers. */
type Readable = Pick<Volume, "name" | "size" | "read">;

/** What extended headers said about the entry that comes next. */
interface Overrides {
  path?: string | undefined;
  linkpath?: string | undefined;
  size?: number | undefined;
}

/**
 * The entries in the order of the archive. Returns whether it ends as tars must. Throws INTEGRITY where a header is damaged
 * or the archive ends inside of an entry, UNSUPPORTED for devices, sparse files and other kinds of entries.
 */
export async function* tarEntries(volume: Readable, call: Call): AsyncGenerator<ForeignEntry, boolean> {
  const { name: archive, size: whole } = volume;
  const read = headerReader(volume, call);
  let overrides: Overrides = {};
  let extended = 0;
  for (let at = 0; at < whole; ) {
    const header = await read(at, BLOCK);
    if (isEmpty(header)) return isEmpty(await read(at + BLOCK, BLOCK)) && at + 2 * BLOCK <= whole;
    if (header.length < BLOCK) throw corrupt(archive, "it ends before it should");
    if (!isHeader(header)) throw corrupt(archive, `there is no tar header at byte ${at}`);
    const flag = String.fromCharCode(header[156]!);
    const name = overrides.path ?? plainName(header);
    const size = overrides.size ?? numberField(header, 124, 12);
    const offset = at + BLOCK;
    if (!Number.isSafeInteger(size) || size < 0) throw refusedEntry(archive, name, "its size is no possible size");
    const end = offset + size + paddingOf(size);
    if (offset + size > whole) throw cutShort(archive, name);
    at = end;
    if ("xgLK".includes(flag)) {
      if (++extended > MOST_EXTENDED)
        throw refusedEntry(archive, name, `it has more than ${MOST_EXTENDED} extended headers`);
      if (size > EXTENDED_LIMIT) throw refusedEntry(archive, name, `its extended header has ${size} bytes`);
      const data = await read(offset, size);
      if (flag === "g") checkGlobal(data, archive, name);
      else overrides = { ...overrides, ...(flag === "x" ? recordsOf(data, archive, name) : longName(data, flag)) };
      continue;
    }
    yield entryOf(flag, { name, target: overrides.linkpath ?? textField(header, 157, 100), offset, size }, archive);
    overrides = {};
    extended = 0;
  }
  return false;
}

function isEmpty(block: Bytes): boolean {
  return block.every((byte) => byte === 0);
}

function entryOf(flag: string, entry: Omit<ForeignEntry, "type">, archive: string): ForeignEntry {
  const { name, size } = entry;
  // Tars of old say that it is a folder by the name alone.
  const type = TYPES[flag] === "file" && name.endsWith("/") ? "directory" : TYPES[flag];
  if (type === undefined) throw refusedEntry(archive, name, `it is ${kindOf(flag)}`, "UNSUPPORTED");
  if (type !== "file" && size > 0) throw refusedEntry(archive, name, `it is a ${type} of ${size} bytes`);
  return { ...entry, type };
}

function kindOf(flag: string): string {
  if (flag === "3" || flag === "4") return "a device";
  if (flag === "6") return "a pipe";
  if (flag === "S") return "a sparse file";
  return `an entry of the unknown type ${JSON.stringify(flag)}`;
}

/** Blocks at any place, of which those behind each other are read at once. */
function headerReader({ size, read }: Readable, call: Call): (at: number, length: number) => Promise<Bytes> {
  let start = 0;
  let window: Bytes = new Uint8Array(0);
  let step = SMALLEST;
  return async (at, length) => {
    if (at < start || at + length > start + window.length) {
      step = at === start + window.length && window.length > 0 ? Math.min(LARGEST, 2 * step) : SMALLEST;
      start = at;
      window = await read(Math.min(at, size), Math.min(size, at + Math.max(step, length)), call);
    }
    return window.subarray(at - start, at - start + length);
  };
}

/** Some writers of old add the bytes up as signed ones. */
function isHeader(header: Bytes): boolean {
  const sum = octalField(header, 148, 8);
  if (sum === checksum(header)) return true;
  return sum === header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : (byte << 24) >> 24), 0);
}

/** The name, with what stands before it in POSIX headers. GNU keeps other things at that place. */
function plainName(header: Bytes): string {
  const name = textField(header, 0, 100);
  const prefix = textField(header, 257, 6) === "ustar" && header[262] === 0 ? textField(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function recordsOf(data: Bytes, archive: string, name: string): Overrides {
  const records = parseRecords(data);
  if (!records) throw refusedEntry(archive, name, "its extended header is malformed");
  for (const key of records.keys())
    if (key.startsWith("GNU.sparse.")) throw refusedEntry(archive, name, "it is a sparse file", "UNSUPPORTED");
  const size = records.get("size");
  if (size !== undefined && !/^\d{1,16}$/.test(size)) throw refusedEntry(archive, name, "its size is no possible size");
  const overrides: Overrides = {};
  if (records.has("path")) overrides.path = records.get("path");
  if (records.has("linkpath")) overrides.linkpath = records.get("linkpath");
  if (size !== undefined) overrides.size = Number(size);
  return overrides;
}

/** Readers do not agree whether a global header renames what follows: comments and times are all that it may have. */
function checkGlobal(data: Bytes, archive: string, name: string): void {
  const code: ErrorCode = "UNSUPPORTED";
  const records = parseRecords(data);
  if (!records) throw refusedEntry(archive, name, "its extended header is malformed");
  for (const key of records.keys())
    if (key === "path" || key === "linkpath" || key === "size" || key.startsWith("GNU.sparse."))
      throw refusedEntry(archive, name, `it is a global header that sets "${key}"`, code);
}

function longName(data: Bytes, flag: string): Overrides {
  const text = textField(data, 0, data.length);
  return flag === "L" ? { path: text } : { linkpath: text };
}

function cutShort(archive: string, name: string): Error {
  return corrupt(archive, `it ends inside of ${JSON.stringify(name)}`);
}
