/**
 * The central directory of a zip, which alone is believed: what stands before each content only has to agree with it.
 * PKWARE APPNOTE 6.3, sections 4.3 and 4.5.3 (zip64).
 */
import { type Bytes, decode } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import type { Call } from "../store/store.ts";
import { MOST_ENTRIES, refusedEntry } from "./entry-names.ts";
import { corrupt } from "./footer.ts";
import { viewOf } from "./view-of.ts";
import type { Volume } from "./volume.ts";

/** What the directory says of one entry. The name is unchecked. */
export interface ZipEntry {
  readonly name: string;
  readonly method: "stored" | "deflate";
  readonly crc: number;
  /** Bytes in the archive. */
  readonly length: number;
  /** Bytes of content. */
  readonly size: number;
  /** Where the header before its content begins. */
  readonly offset: number;
  readonly type: "file" | "directory" | "symlink";
}

export const LOCAL_HEADER = 30;
const CENTRAL_HEADER = 46;
const END = 22;
const END_64 = 56;
const LOCATOR = 20;
const LONGEST_COMMENT = 65_535;

/** The largest directory that is read, in bytes: as many entries as are read, with long names. */
const DIRECTORY_LIMIT: number = 32 << 20;

/** Deflate cannot make more of a byte. RFC 1951: a bit for 258 bytes, with a little for the end. */
const MOST_OF_A_BYTE = 1032;

/** Where the directory stands. */
interface Directory {
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

/**
 * The entries in the directory's order, and where the last content must have ended. Throws INTEGRITY where the directory is
 * damaged or cannot be true, UNSUPPORTED for encryption, other compressions than deflate, and archives on several disks.
 */
export async function readZipContents(
  volume: Volume,
  call: Call,
): Promise<{ readonly entries: readonly ZipEntry[]; readonly end: number }> {
  const { name } = volume;
  const { offset, length, count } = await findDirectory(volume, call);
  const bytes = await volume.read(offset, offset + length, call);
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count; ) {
    const { entry, next } = parseEntry(bytes, at, name);
    entries.push(entry);
    at = next;
  }
  checkPlaces(entries, offset, name);
  return { entries, end: offset };
}

async function findDirectory(volume: Volume, call: Call): Promise<Directory> {
  const { name, size } = volume;
  const from = Math.max(0, size - END - LONGEST_COMMENT - LOCATOR);
  const tail = await volume.read(from, size, call);
  const view = viewOf(tail);
  let at = tail.length - END;
  // The comment behind it may hold its magic number, but not its own length as well.
  while (
    at >= 0 &&
    !(view.getUint32(at, true) === 0x06054b50 && view.getUint16(at + 20, true) === tail.length - at - END)
  )
    at--;
  if (at < 0) throw corrupt(name, "it has no zip directory at its end");
  const isLong = at >= LOCATOR && view.getUint32(at - LOCATOR, true) === 0x07064b50;
  const found = isLong
    ? await findDirectory64(volume, number64(view, at - LOCATOR + 8), call)
    : {
        disks: [view.getUint16(at + 4, true), view.getUint16(at + 6, true)],
        counts: [view.getUint16(at + 8, true), view.getUint16(at + 10, true)] as const,
        length: view.getUint32(at + 12, true),
        offset: view.getUint32(at + 16, true),
      };
  const { disks, counts, offset, length } = found;
  if (disks.some((disk) => disk !== 0) || counts[0] !== counts[1])
    throw new AppError("UNSUPPORTED", `Cannot read "${name}": it is a zip on several disks`);
  const isInside = [offset, length, counts[1]].every(Number.isSafeInteger) && offset + length <= from + at;
  if (!isInside || counts[1] * CENTRAL_HEADER > length) throw corrupt(name, "its zip directory is not where it says");
  if (length > DIRECTORY_LIMIT || counts[1] > MOST_ENTRIES)
    throw new AppError("UNSUPPORTED", `Cannot read "${name}": its zip directory has ${counts[1]} entries`);
  return { offset, length, count: counts[1] };
}

async function findDirectory64(volume: Volume, at: number, call: Call) {
  const isInside = Number.isSafeInteger(at) && at + END_64 <= volume.size;
  const view = isInside ? viewOf(await volume.read(at, at + END_64, call)) : undefined;
  if (view?.getUint32(0, true) !== 0x06064b50) throw corrupt(volume.name, "its zip64 directory is not where it says");
  return {
    disks: [view.getUint32(16, true), view.getUint32(20, true)],
    counts: [number64(view, 24), number64(view, 32)] as const,
    length: number64(view, 40),
    offset: number64(view, 48),
  };
}

function parseEntry(bytes: Bytes, at: number, archive: string): { entry: ZipEntry; next: number } {
  const view = viewOf(bytes);
  if (at + CENTRAL_HEADER > bytes.length || view.getUint32(at, true) !== 0x02014b50)
    throw corrupt(archive, "its zip directory is damaged");
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
    number,
    number,
    number,
  ];
  const nameAt = at + CENTRAL_HEADER;
  const extraAt = nameAt + nameLength;
  const next = extraAt + extraLength + commentLength;
  if (next > bytes.length) throw corrupt(archive, "its zip directory is damaged");
  const name = nameOf(bytes.subarray(nameAt, extraAt), archive);
  const [flags, method, disk] = [8, 10, 34].map((field) => view.getUint16(at + field, true));
  const [length, size, offset] = longNumbers(
    [view.getUint32(at + 20, true), view.getUint32(at + 24, true), view.getUint32(at + 42, true)],
    bytes.subarray(extraAt, extraAt + extraLength),
  );
  if (![length, size, offset].every(Number.isSafeInteger))
    throw refusedEntry(archive, name, "its size or place is no possible one");
  if ((flags! & 0x2041) !== 0) throw refusedEntry(archive, name, "it is encrypted", "UNSUPPORTED");
  if (method !== 0 && method !== 8)
    throw refusedEntry(archive, name, `its compression is number ${method}`, "UNSUPPORTED");
  if (disk !== 0 && disk !== 0xffff) throw refusedEntry(archive, name, "it is on another disk", "UNSUPPORTED");
  if (method === 0 ? size !== length : size > length * MOST_OF_A_BYTE)
    throw refusedEntry(archive, name, `${length} bytes of it cannot be ${size}`);
  const made = view.getUint16(at + 4, true) >> 8;
  const type = typeOf(name, made === 3 || made === 19 ? view.getUint32(at + 38, true) >>> 28 : 0, archive);
  const crc = view.getUint32(at + 16, true);
  return { entry: { name, method: method === 0 ? "stored" : "deflate", crc, length, size, offset, type }, next };
}

/** A name that is no UTF-8 is in the writer's own code page. */
function nameOf(bytes: Bytes, archive: string): string {
  try {
    return decode(bytes);
  } catch {
    throw refusedEntry(archive, new TextDecoder("latin1").decode(bytes), "its name is not UTF-8", "UNSUPPORTED");
  }
}

/** `kind`: the type of file in the upper bits of a Unix mode, 0 where the writer had none. */
function typeOf(name: string, kind: number, archive: string): ZipEntry["type"] {
  if (name.endsWith("/") || kind === 4) return "directory";
  if (kind === 10) return "symlink";
  if (kind === 0 || kind === 8) return "file";
  throw refusedEntry(archive, name, "it is a device", "UNSUPPORTED");
}

/** Numbers that do not fit 32 bits stand in the extra field, in this order. */
function longNumbers(numbers: readonly [number, number, number], extra: Bytes): [number, number, number] {
  const view = viewOf(extra);
  const long: number[] = [];
  for (let at = 0; at + 4 <= extra.length; at += 4 + view.getUint16(at + 2, true)) {
    const end = Math.min(extra.length, at + 4 + view.getUint16(at + 2, true));
    if (view.getUint16(at, true) !== 1) continue;
    for (let from = at + 4; from + 8 <= end; from += 8) long.push(number64(view, from));
    break;
  }
  return numbers.map((number) => (number === 0xffffffff ? (long.shift() ?? Number.NaN) : number)) as [
    number,
    number,
    number,
  ];
}

/** Contents that share bytes are how a small zip becomes a huge one. */
function checkPlaces(entries: readonly ZipEntry[], end: number, archive: string): void {
  let free = 0;
  for (const { name, offset, length } of [...entries].sort((one, other) => one.offset - other.offset)) {
    if (offset < free) throw refusedEntry(archive, name, "it overlaps with another entry");
    free = offset + LOCAL_HEADER + name.length + length;
    if (free > end) throw refusedEntry(archive, name, "it does not end before the zip directory begins");
  }
}

function number64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}
