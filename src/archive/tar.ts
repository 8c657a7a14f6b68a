/**
 * Tar headers: an entry's name, kind and size as the blocks that stand before its content. POSIX.1-2017 pax Interchange
 * Format. nanotar writes the plain fields; what it cannot say (links, long names, 8 GiB and more) is added here. It does not
 * parse them, since it mends hostile names instead of refusing them and drops link targets.
 */
import { createTar } from "nanotar";
import { type Bytes, concat, encode } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import { isEntryPath } from "./entry-path.ts";
import { checksum, octalField, parseRecords, textField } from "./tar-fields.ts";

export type EntryType = "file" | "directory" | "link";

/** What a header says. */
export interface TarEntry {
  readonly path: string;
  readonly type: EntryType;
  /** Bytes of content; 0 unless it is a file. */
  readonly size: number;
  /** Where a symbolic link points. */
  readonly target?: string | undefined;
}

export const BLOCK = 512;

/** No header that we write, or accept, is longer: two of the longest names fit. */
export const HEADER_LIMIT: number = 16 << 10;

/** The two empty blocks that end every tar. */
export const END_OF_TAR: Bytes = new Uint8Array(2 * BLOCK);

/** Sizes from here on do not fit the eleven octal digits of a header. */
const OCTAL_LIMIT = 8 ** 11;
const NAME_LENGTH = 100;
const TYPE_FLAGS = { file: "0", link: "2", directory: "5" } as const;
const MODES = { file: "644", link: "777", directory: "755" } as const;

/** How many bytes fill the last block of `size` bytes. */
export function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** The blocks before an entry's content, the same for the same entry everywhere. Throws UNSUPPORTED for unsafe names. */
export function tarHeader(entry: TarEntry): Bytes {
  const { path, type, size, target = "" } = entry;
  if (!isEntryPath(path)) throw refused(path, "its name is not a plain relative path");
  if (type === "link" && !isEntryPath(target)) throw refused(path, "its link does not point to a plain relative path");
  if (!Number.isSafeInteger(size) || size < 0 || (type !== "file" && size !== 0))
    throw refused(path, `its size is ${size}`);
  const name = type === "directory" ? `${path}/` : path;
  const records = [
    ...(fits(name) ? [] : [record("path", name)]),
    ...(fits(target) ? [] : [record("linkpath", target)]),
    ...(size < OCTAL_LIMIT ? [] : [record("size", String(size))]),
  ];
  const plain = block(name, TYPE_FLAGS[type], MODES[type], size < OCTAL_LIMIT ? size : 0, target);
  if (records.length === 0) return plain;
  const data = concat(records);
  const head = block("PaxHeaders", "x", "644", data.length, "");
  return concat([head, data, new Uint8Array(paddingOf(data.length)), plain]);
}

function refused(path: string, reason: string): AppError {
  return new AppError("UNSUPPORTED", `Cannot archive "${path}": ${reason}`);
}

/** Whether a plain header can carry the text. Other tools read its non-ASCII bytes in whatever locale they run in. */
function fits(text: string): boolean {
  return text.length <= NAME_LENGTH && /^[\x20-\x7e]*$/.test(text);
}

/** A pax record, `<length> <key>=<value>\n`, whose length counts its own digits. */
function record(key: string, value: string): Bytes {
  const rest = encode(` ${key}=${value}\n`);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return concat([encode(String(length)), rest]);
}

function block(name: string, flag: string, mode: string, size: number, target: string): Bytes {
  const attrs = { mode, uid: 0, gid: 0, mtime: 0 };
  const header = createTar([{ name, data: new Uint8Array(0), attrs }]).slice(0, BLOCK) as Bytes;
  put(header, 124, 12, `${size.toString(8).padStart(11, "0")}\0`);
  put(header, 156, 1, flag);
  put(header, 157, NAME_LENGTH, target);
  put(header, 148, 8, `${checksum(header).toString(8).padStart(6, "0")}\0 `);
  return header;
}

/** Whole characters only: half of one would be read as another name. */
function put(header: Bytes, at: number, length: number, text: string): void {
  new TextEncoder().encodeInto(text, header.subarray(at, at + length));
}

/** What {@link tarHeader} wrote, read back; undefined where the bytes are not one whole header of that kind, or unsafe. */
export function parseTarHeader(header: Bytes): TarEntry | undefined {
  const plain = header.subarray(-BLOCK);
  if (header.length < BLOCK || !hasChecksum(plain)) return undefined;
  const extended = header.length > BLOCK ? extendedRecords(header.subarray(0, -BLOCK)) : new Map<string, string>();
  const type = (["file", "link", "directory"] as const).find((one) => TYPE_FLAGS[one] === textField(plain, 156, 1));
  const name = extended?.get("path") ?? textField(plain, 0, NAME_LENGTH);
  const target = extended?.get("linkpath") ?? textField(plain, 157, NAME_LENGTH);
  const size = extended?.get("size") ?? String(octalField(plain, 124, 12));
  if (!extended || !type || !/^\d{1,16}$/.test(size) || !Number.isSafeInteger(Number(size))) return undefined;
  if (name.endsWith("/") !== (type === "directory")) return undefined;
  const path = type === "directory" ? name.slice(0, -1) : name;
  if (!isEntryPath(path) || (type === "link" && !isEntryPath(target))) return undefined;
  return { path, type, size: Number(size), ...(type === "link" ? { target } : {}) };
}

/** The pax records of an `x` header with its data; undefined where they are malformed. */
function extendedRecords(bytes: Bytes): ReadonlyMap<string, string> | undefined {
  const size = octalField(bytes, 124, 12);
  const data = bytes.subarray(BLOCK, BLOCK + size);
  if (bytes.length % BLOCK !== 0 || !hasChecksum(bytes.subarray(0, BLOCK)) || textField(bytes, 156, 1) !== "x")
    return undefined;
  if (data.length !== size || BLOCK + size + paddingOf(size) !== bytes.length) return undefined;
  return parseRecords(data);
}

function hasChecksum(header: Bytes): boolean {
  return textField(header, 257, 5) === "ustar" && octalField(header, 148, 8) === checksum(header);
}
