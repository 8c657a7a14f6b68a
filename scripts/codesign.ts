/**
 * Ad hoc code signatures of Mach-O files, without a Mac. Bun leaves the signature of its own runtime in a file that it
 * compiled for darwin-x64, with hashes of pages that are no longer those; macOS may refuse to run it. The structures
 * are those of `cs_blobs.h` and `mach-o/loader.h`: the file little-endian, the signature big-endian.
 */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";

type Bytes = Uint8Array<ArrayBuffer>;

const MAGIC = 0xfeedfacf;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const SUPER_BLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const CMS_SLOT = 0x10000;
const ALTERNATE_SLOTS = 0x1000;
const HASH_SIZE = 32;
const HASH_TYPE_SHA256 = 2;
/** What `ld` and `codesign --sign -` use, on both processors. */
const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
/** Of segments in memory: the larger page of the two processors. */
const SEGMENT_PAGE = 1 << 14;
/** CS_ADHOC | CS_LINKER_SIGNED: anyone may replace it, and no hardened runtime that would forbid the JIT. */
const FLAGS = 0x20002;
const ADHOC = 0x2;
/** The first version whose directory names the executable segment. */
const VERSION = 0x20400;
const HEADER_SIZE = 88;
const MAIN_BINARY = 1n;

interface Segment {
  readonly name: string;
  /** Where its load command begins. */
  readonly at: number;
  readonly address: number;
  readonly memory: number;
  readonly offset: number;
  readonly size: number;
}

interface Image {
  readonly view: DataView;
  readonly segments: readonly Segment[];
  readonly text: Segment;
  readonly linkedit: Segment;
  /** Where the load command of the signature begins, and what it says. */
  readonly signature: { readonly at: number; readonly offset: number; readonly size: number };
}

export interface CodeSignature {
  readonly identifier: string;
  readonly adHoc: boolean;
  /** Hashes of code pages. */
  readonly pages: number;
  /** Everything that macOS could object to, one line each; empty for a right signature. */
  readonly problems: readonly string[];
}

/** Reads the signature of a 64 bit Mach-O file and proves every hash. Throws where there is none that can be read. */
export function verifyCodeSignature(bytes: Bytes): CodeSignature {
  const image = parseImage(bytes);
  const problems = layoutProblems(image, bytes.length);
  const { offset, size } = image.signature;
  const blobs = parseSuperBlob(new DataView(bytes.buffer, bytes.byteOffset + offset, size));
  const directory = blobs.find(({ slot }) => slot === 0);
  if (directory === undefined) throw new Error("Cannot verify the signature: it has no code directory");
  const code = parseDirectory(bytes.subarray(offset + directory.at, offset + directory.at + directory.size));
  problems.push(...pageProblems(code, bytes, offset));
  for (const { slot, at, size: length } of blobs) {
    if (slot === 0 || slot >= ALTERNATE_SLOTS) continue;
    const actual = sha256(bytes.subarray(offset + at, offset + at + length));
    if (!code.special(slot)?.equals(actual)) problems.push(`the hash of special slot ${slot} is wrong`);
  }
  const adHoc = (code.flags & ADHOC) !== 0;
  if (adHoc && blobs.some(({ slot, size: length }) => slot === CMS_SLOT && length > 8))
    problems.push("an ad hoc signature carries somebody's certificate");
  return { identifier: code.identifier, adHoc, pages: code.pages, problems };
}

/**
 * Replaces the signature of a file with an ad hoc one under `identifier`, and sets the load command and `__LINKEDIT`
 * to its size. A signature that was made with a certificate goes: changed pages have made it worthless.
 */
export async function signAdHoc(path: string, identifier: string): Promise<void> {
  await writeFile(path, signed(new Uint8Array(await readFile(path)), identifier));
}

/** The bytes of `signAdHoc`. The input is left as it is. */
export function signed(bytes: Bytes, identifier: string): Bytes {
  const { signature, linkedit, text } = parseImage(bytes);
  const limit = signature.offset;
  const pages = Math.ceil(limit / PAGE);
  const directorySize = HEADER_SIZE + identifier.length + 1 + pages * HASH_SIZE;
  const superSize = 12 + 8 + directorySize;
  const size = Math.ceil(superSize / 16) * 16;
  const out = new Uint8Array(limit + size);
  out.set(bytes.subarray(0, limit));

  const head = new DataView(out.buffer);
  head.setUint32(signature.at + 12, size, true);
  const linkeditSize = limit + size - linkedit.offset;
  head.setBigUint64(linkedit.at + 32, BigInt(Math.ceil(linkeditSize / SEGMENT_PAGE) * SEGMENT_PAGE), true);
  head.setBigUint64(linkedit.at + 48, BigInt(linkeditSize), true);

  const view = new DataView(out.buffer, limit);
  for (const [index, value] of [SUPER_BLOB, superSize, 1, 0, 20].entries()) view.setUint32(index * 4, value);
  const hashes = HEADER_SIZE + identifier.length + 1;
  const fields = [CODE_DIRECTORY, directorySize, VERSION, FLAGS, hashes, HEADER_SIZE, 0, pages, limit];
  for (const [index, value] of fields.entries()) view.setUint32(20 + index * 4, value);
  out.set([HASH_SIZE, HASH_TYPE_SHA256, 0, PAGE_BITS], limit + 20 + 36);
  view.setBigUint64(20 + 64, BigInt(text.offset));
  view.setBigUint64(20 + 72, BigInt(text.size));
  view.setBigUint64(20 + 80, MAIN_BINARY);
  out.set(new TextEncoder().encode(identifier), limit + 20 + HEADER_SIZE);
  for (let page = 0; page < pages; page++)
    out.set(hashOfPage(out, page, PAGE, limit), limit + 20 + hashes + page * HASH_SIZE);
  return out;
}

function parseImage(bytes: Bytes): Image {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 32 || view.getUint32(0, true) !== MAGIC)
    throw new Error("Cannot read the file: it is not a 64 bit Mach-O file");
  const segments: Segment[] = [];
  let signature: Image["signature"] | undefined;
  for (let index = 0, at = 32; index < view.getUint32(16, true); index++) {
    const command = view.getUint32(at, true);
    if (command === LC_SEGMENT_64) segments.push(parseSegment(view, at));
    if (command === LC_CODE_SIGNATURE)
      signature = { at, offset: view.getUint32(at + 8, true), size: view.getUint32(at + 12, true) };
    at += view.getUint32(at + 4, true);
  }
  const named = (name: string): Segment => {
    const segment = segments.find((each) => each.name === name);
    if (segment === undefined) throw new Error(`Cannot read the file: it has no ${name}`);
    return segment;
  };
  if (signature === undefined) throw new Error("Cannot read the file: it has no place for a signature");
  return { view, segments, text: named("__TEXT"), linkedit: named("__LINKEDIT"), signature };
}

function parseSegment(view: DataView, at: number): Segment {
  const name = Array.from({ length: 16 }, (_, index) => String.fromCharCode(view.getUint8(at + 8 + index))).join("");
  const [address, memory, offset, size] = [24, 32, 40, 48].map((field) => Number(view.getBigUint64(at + field, true)));
  return { name: name.replace(/\0+$/, ""), at, address: address!, memory: memory!, offset: offset!, size: size! };
}

/** What is wrong with where the segments and the signature lie. */
function layoutProblems({ segments, linkedit, signature }: Image, length: number): string[] {
  const problems: string[] = [];
  const end = signature.offset + signature.size;
  if (end !== length) problems.push(`the signature ends at ${end}, the file at ${length}`);
  if (signature.offset % 16 !== 0) problems.push("the signature is not aligned to 16 bytes");
  if (linkedit.offset + linkedit.size !== length) problems.push("__LINKEDIT does not end with the file");
  if (signature.offset < linkedit.offset) problems.push("the signature lies outside of __LINKEDIT");
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    if (segment.memory < segment.size) problems.push(`${segment.name} is larger in the file than in memory`);
    if (segment.memory % PAGE !== 0) problems.push(`${segment.name} does not end at a page`);
    if (next !== undefined && segment.address + segment.memory > next.address)
      problems.push(`${segment.name} reaches into ${next.name} in memory`);
    if (next !== undefined && segment.offset + segment.size > next.offset)
      problems.push(`${segment.name} reaches into ${next.name} in the file`);
  }
  return problems;
}

function parseSuperBlob(view: DataView): { slot: number; at: number; size: number }[] {
  if (view.byteLength < 12 || view.getUint32(0) !== SUPER_BLOB || view.getUint32(4) > view.byteLength)
    throw new Error("Cannot read the signature: it does not begin as one");
  return Array.from({ length: view.getUint32(8) }, (_, index) => {
    const [slot, at] = [view.getUint32(12 + index * 8), view.getUint32(16 + index * 8)];
    const size = view.getUint32(at + 4);
    if (at + size > view.byteLength) throw new Error("Cannot read the signature: a part reaches past its end");
    return { slot, at, size };
  });
}

interface CodeDirectory {
  readonly identifier: string;
  readonly flags: number;
  readonly pages: number;
  readonly limit: number;
  readonly pageSize: number;
  readonly hash: (page: number) => Buffer;
  readonly special: (slot: number) => Buffer | undefined;
}

function parseDirectory(bytes: Bytes): CodeDirectory {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [magic, , , flags, hashes, name, specials, pages, limit] = Array.from({ length: 9 }, (_, index) =>
    view.getUint32(index * 4),
  ) as [number, number, number, number, number, number, number, number, number];
  if (magic !== CODE_DIRECTORY || view.getUint8(36) !== HASH_SIZE || view.getUint8(37) !== HASH_TYPE_SHA256)
    throw new Error("Cannot verify the signature: its code directory is not one of SHA-256");
  if (hashes + pages * HASH_SIZE > bytes.length)
    throw new Error("Cannot verify the signature: its code directory is cut off");
  const identifier = new TextDecoder().decode(bytes.subarray(name, bytes.indexOf(0, name)));
  const hash = (page: number): Buffer =>
    Buffer.from(bytes.subarray(hashes + page * HASH_SIZE, hashes + (page + 1) * HASH_SIZE));
  const special = (slot: number): Buffer | undefined => (slot <= specials ? hash(-slot) : undefined);
  return { identifier, flags, pages, limit, pageSize: 1 << view.getUint8(39), hash, special };
}

function pageProblems(code: CodeDirectory, bytes: Bytes, end: number): string[] {
  if (code.limit !== end || code.pages !== Math.ceil(end / code.pageSize))
    return [`${code.pages} hashes cover ${code.limit} bytes of ${end}`];
  const wrong = Array.from({ length: code.pages }, (_, page) => page).filter(
    (page) => !code.hash(page).equals(hashOfPage(bytes, page, code.pageSize, end)),
  );
  return wrong.length === 0
    ? []
    : [`${wrong.length} of ${code.pages} pages have a wrong hash, the first is ${wrong[0]}`];
}

function hashOfPage(bytes: Bytes, page: number, pageSize: number, end: number): Buffer {
  return sha256(bytes.subarray(page * pageSize, Math.min((page + 1) * pageSize, end)));
}

function sha256(bytes: Bytes): Buffer {
  return createHash("sha256").update(bytes).digest();
}
