/** The fields of tar headers, read. POSIX.1-2017 pax Interchange Format; GNU tar's base-256 numbers. */
import { type Bytes, decode } from "../bytes/stream.ts";

/** The length of a header in bytes. */
const BLOCK = 512;

/** Records of an extended header: more than any has. Each takes time, be it ever so short. */
const MOST_RECORDS = 1000;

/** Text up to the first NUL; empty where it is not UTF-8, which no name may be. */
export function textField(bytes: Bytes, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  try {
    return decode(end < 0 ? field : field.subarray(0, end));
  } catch {
    return "";
  }
}

/** An octal number, NaN where there is none. */
export function octalField(bytes: Bytes, at: number, length: number): number {
  const digits = textField(bytes, at, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** An octal or base-256 number; NaN where it is none, negative where it says so, unsafe where it is huge. */
export function numberField(bytes: Bytes, at: number, length: number): number {
  const first = bytes[at]!;
  if ((first & 0x80) === 0) return octalField(bytes, at, length);
  if (first === 0xff) return -1;
  let value = first & 0x7f;
  for (let index = at + 1; index < at + length; index++) value = value * 256 + bytes[index]!;
  return value;
}

/** The sum of all bytes, with those of the sum itself taken as spaces. */
export function checksum(header: Bytes): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += header[at]!;
  return sum;
}

/** Pax records, `<length> <key>=<value>\n` each; undefined where they are malformed, or more than a thousand. */
export function parseRecords(data: Bytes): ReadonlyMap<string, string> | undefined {
  const records = new Map<string, string>();
  let count = 0;
  for (let at = 0; at < data.length; ) {
    if (++count > MOST_RECORDS) return undefined;
    const found = /^(\d{1,7}) /.exec(textField(data, at, 8));
    const length = Number(found?.[1] ?? 0);
    if (!found || length <= found[0].length || at + length > data.length) return undefined;
    const equals = data.indexOf(0x3d, at);
    if (equals < 0 || equals >= at + length || data[at + length - 1] !== 0x0a) return undefined;
    const key = textField(data, at + found[0].length, equals - at - found[0].length);
    const value = data.subarray(equals + 1, at + length - 1);
    // Values may be binary (extended attributes); those that we read must be text without a NUL.
    records.set(key, textOrNul(value));
    at += length;
  }
  return records;
}

/** A NUL where the bytes are no text: no name and no number has one. */
function textOrNul(bytes: Bytes): string {
  try {
    return decode(bytes);
  } catch {
    return "\0";
  }
}
