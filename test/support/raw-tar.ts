/** Tars byte by byte, as no decent program writes them. POSIX ustar and pax, GNU long names. */
import { type Bytes, concat, encode } from "../../src/bytes/stream.ts";

export interface RawEntry {
  readonly name: string;
  readonly content?: Bytes | string;
  /** Default `0`, a file. */
  readonly flag?: string;
  readonly target?: string;
  /** The size field as it stands there. Default: that of the content, in octal. */
  readonly sizeField?: Bytes | string;
  readonly prefix?: string;
  /** Default `ustar` with version 00; GNU's is `ustar  `. */
  readonly magic?: string;
  /** What is wrong with the checksum. Default 0. */
  readonly off?: number;
}

/** The bytes of one entry, padded. */
export function rawEntry(entry: RawEntry): Bytes {
  const { name, content = "", flag = "0", target = "", prefix = "", magic = "ustar\x0000", off = 0 } = entry;
  const data = typeof content === "string" ? encode(content) : content;
  const header = new Uint8Array(512);
  const put = (at: number, text: Bytes | string): void =>
    header.set(typeof text === "string" ? encode(text) : text, at);
  put(0, encode(name).subarray(0, 100));
  put(100, "0000644\0");
  put(124, entry.sizeField ?? `${data.length.toString(8).padStart(11, "0")}\0`);
  put(136, "00000000000\0");
  put(148, "        ");
  put(156, flag);
  put(157, encode(target).subarray(0, 100));
  put(257, magic);
  put(345, prefix);
  const sum = header.reduce((total, byte) => total + byte, 0) + off;
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return concat([header, data, new Uint8Array((512 - (data.length % 512)) % 512)]);
}

/** A tar of these entries, with the blocks that end it. */
export function rawTar(...entries: readonly RawEntry[]): Bytes {
  return concat([...entries.map(rawEntry), new Uint8Array(1024)]);
}

/** An extended header: `x` for the next entry, `g` for all that follow. */
export function pax(records: Readonly<Record<string, string>>, flag = "x"): RawEntry {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = encode(` ${key}=${value}\n`).length;
    let length = rest + 1;
    while (String(length).length + rest !== length) length = String(length).length + rest;
    return `${length} ${key}=${value}\n`;
  });
  return { name: "PaxHeaders/x", flag, content: lines.join("") };
}

/** GNU's way to say a long name (`L`) or link target (`K`). */
export function gnuLong(flag: "L" | "K", text: string): RawEntry {
  return { name: "././@LongLink", flag, content: `${text}\0`, magic: "ustar  \0" };
}

/** A base-256 number of 12 bytes. */
export function base256(value: number): Bytes {
  const field = new Uint8Array(12);
  for (let at = 11, left = value; at > 0; at--, left = Math.floor(left / 256)) field[at] = left % 256;
  field[0] = 0x80;
  return field;
}
