/** Zips byte by byte, with whatever lies a test needs. PKWARE APPNOTE 6.3. */
import { crc32, deflateRawSync } from "node:zlib";
import { type Bytes, concat, encode } from "../../src/bytes/stream.ts";

export interface RawZipEntry {
  readonly name: string;
  readonly content?: Bytes | string;
  /** Default 0, stored; 8 is deflate. */
  readonly method?: number;
  readonly flags?: number;
  /** What the directory claims. Default: the truth. */
  readonly crc?: number;
  readonly size?: number;
  readonly length?: number;
  readonly offset?: number;
  /** The name that stands before the content. Default: the same. */
  readonly localName?: string;
  /** Unix mode. Default: none. */
  readonly mode?: number;
  /** Sizes and places in zip64 fields. */
  readonly isLong?: boolean;
  readonly extra?: Bytes;
}

export interface RawZipOptions {
  readonly comment?: string;
  readonly isLong?: boolean;
  readonly disk?: number;
  readonly count?: number;
  readonly directoryOffset?: number;
  readonly directoryLength?: number;
}

export function rawZip(entries: readonly RawZipEntry[], options: RawZipOptions = {}): Bytes {
  const parts: Bytes[] = [];
  const directory: Bytes[] = [];
  let at = 0;
  for (const entry of entries) {
    const { name, content = "", method = 0, flags = 0, localName = name } = entry;
    const plain = typeof content === "string" ? encode(content) : content;
    const data = method === 8 ? new Uint8Array(deflateRawSync(plain)) : plain;
    const { crc = crc32(plain), size = plain.length, length = data.length, offset = at } = entry;
    const local = [u32(0x04034b50), u16(20), u16(flags), u16(method), u32(0), u32(crc), u32(length), u32(size)];
    const head = concat([...local, u16(encode(localName).length), u16(0), encode(localName)]);
    parts.push(head, data);
    at += head.length + data.length;
    const long = entry.isLong ? concat([u16(1), u16(24), u64(size), u64(length), u64(offset)]) : new Uint8Array(0);
    const extra = concat([long, entry.extra ?? new Uint8Array(0)]);
    const short = (value: number): Bytes => u32(entry.isLong ? 0xffffffff : value);
    directory.push(
      ...[u32(0x02014b50), u16((entry.mode === undefined ? 0 : 3) << 8), u16(20), u16(flags), u16(method), u32(0)],
      ...[u32(crc), short(length), short(size), u16(encode(name).length), u16(extra.length), u16(0), u16(0), u16(0)],
      ...[u32(((entry.mode ?? 0) << 16) >>> 0), short(offset), encode(name), extra],
    );
  }
  const list = concat([new Uint8Array(0), ...directory]);
  const {
    disk = 0,
    count = entries.length,
    directoryOffset = at,
    directoryLength = list.length,
    comment = "",
  } = options;
  const end64 = [u32(0x06064b50), u64(44), u16(45), u16(45), u32(disk), u32(0), u64(count), u64(count)];
  const locator = [u32(0x07064b50), u32(0), u64(at + list.length), u32(1)];
  const long = options.isLong ? [...end64, u64(directoryLength), u64(directoryOffset), ...locator] : [];
  const short = (value: number, isSmall = false): Bytes =>
    isSmall ? u16(options.isLong ? 0xffff : value) : u32(options.isLong ? 0xffffffff : value);
  const end = [u32(0x06054b50), u16(disk), u16(0), short(count, true), short(count, true)];
  const tail = [short(directoryLength), short(directoryOffset), u16(comment.length), encode(comment)];
  return concat([...parts, list, ...long, ...end, ...tail]);
}

function u16(value: number): Bytes {
  return Uint8Array.of(value & 0xff, (value >> 8) & 0xff);
}

function u32(value: number): Bytes {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value, true);
  return new Uint8Array(view.buffer);
}

function u64(value: number): Bytes {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(value), true);
  return new Uint8Array(view.buffer);
}
