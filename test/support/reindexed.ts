/** An archive of ours whose index says something else, hashed and pointed to as it should be. */
import { codecFor } from "../../src/archive/codec-for.ts";
import { INDEX_PATH } from "../../src/archive/contents.ts";
import { footerLength, formatFooter, parseFooter } from "../../src/archive/footer.ts";
import type { Format } from "../../src/archive/format.ts";
import { paddingOf, tarHeader } from "../../src/archive/tar.ts";
import { type Bytes, concat, decode, encode } from "../../src/bytes/stream.ts";

export interface Index {
  version: unknown;
  entries: Record<string, unknown>[];
}

/** `change` returns what stands instead, as bytes, text or JSON; by nothing it says that it has changed what it was given. */
export async function reindexed(format: Format, bytes: Bytes, change: (index: Index) => unknown): Promise<Bytes> {
  const codec = codecFor(format);
  const footer = parseFooter(codec, bytes.subarray(-footerLength(codec)), bytes.length, "x")!;
  const member = bytes.slice(footer.offset, footer.offset + footer.length);
  const whole = (await codec.packing?.unpack(member, 512 + footer.size + paddingOf(footer.size))) ?? member;
  const index = JSON.parse(decode(whole.subarray(512, 512 + footer.size))) as Index;
  const changed = change(index) ?? index;
  const json =
    changed instanceof Uint8Array
      ? (changed as Bytes)
      : encode(typeof changed === "string" ? changed : inLines(changed));
  const header = tarHeader({ path: INDEX_PATH, type: "file", size: json.length });
  const entry = concat([header, json, new Uint8Array(paddingOf(json.length))]);
  const packed = (await codec.packing?.pack(entry)) ?? entry;
  const tail = formatFooter(codec, json, footer.offset, packed.length);
  return concat([bytes.subarray(0, footer.offset), packed, codec.end(), tail]);
}

/** As it is written: the entries a line each, at the end. */
export function inLines(index: unknown): string {
  const { entries, ...rest } = Object(index) as Record<string, unknown>;
  if (!Array.isArray(entries)) return JSON.stringify(index);
  const head = JSON.stringify(rest).replace(/\}$/, "");
  const lines = entries.map((entry) => JSON.stringify(entry)).join(",\n");
  return `${head}${head === "{" ? "" : ","}"entries":[\n${lines}\n]}\n`;
}
