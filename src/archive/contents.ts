/** The index at the end of an archive, which says where every entry stands. It is checked against the file before it is believed. */
import { createHash } from "node:crypto";
import { type Lines, splitLines } from "../bytes/lines.ts";
import type { ByteStream, Bytes } from "../bytes/stream.ts";
import { textChunks } from "../bytes/text-chunks.ts";
import { AppError, reasonOf } from "../errors.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { parseJson } from "../oci/json.ts";
import { type Codec, PIECE } from "./codec.ts";
import { MOST_CHARACTERS, MOST_ENTRIES } from "./entry-names.ts";
import { isEntryPath } from "./entry-path.ts";
import { corrupt, type Footer, INDEX_LIMIT, isSame, requireVersion, VERSION } from "./footer.ts";
import type { Format } from "./format.ts";
import { framedLength } from "./framing.ts";
import { BLOCK, type EntryType, HEADER_LIMIT, paddingOf } from "./tar.ts";

export const INDEX_PATH = "saved-image-cache/.dray/index.json";

/** The longest line of it, which is an entry with the lengths of its members: those of half a terabyte. */
const LONGEST_LINE: number = 4 << 20;

/** Members of all entries that are in several: those of two terabytes. */
const MOST_MEMBERS = 2 << 20;

/** Where one entry stands. */
export interface Placed {
  readonly path: string;
  readonly type: EntryType;
  readonly target?: string | undefined;
  /** Where its first member starts in the archive. */
  readonly offset: number;
  /** Bytes of all its members. */
  readonly length: number;
  /** Bytes of content. */
  readonly size: number;
  /** Bytes of tar headers before the content. */
  readonly header: number;
  /** `stored`: framed; `packed`: compressed members of one PIECE each; `raw`: as it is, in a plain tar. */
  readonly method: "stored" | "packed" | "raw";
  /** Absent in what was read where the path ends with it. */
  readonly digest?: Digest | undefined;
  /** The length of each packed member, where there are several. */
  readonly members?: readonly number[] | undefined;
}

/** Bytes of an entry in the tar: headers, content, padding. */
export function tarLength(entry: { readonly header: number; readonly size: number }): number {
  return entry.header + entry.size + paddingOf(entry.size);
}

/** An index in the making: bytes, since the entries themselves would take twice as much memory. */
export interface GrowingIndex {
  readonly entries: number;
  /** Throws UNSUPPORTED for more than would be read. */
  add(entry: Placed): void;
  /** All of it, in chunks. To be called once. Throws UNSUPPORTED as well. */
  end(): readonly Bytes[];
}

/** No entries yet. Each is a line. */
export function startIndex(): GrowingIndex {
  const text = textChunks(INDEX_LIMIT, tooLarge);
  let entries = 0;
  text.add(`{"version":${VERSION},"entries":[\n`);
  return {
    get entries() {
      return entries;
    },
    add({ path, type, ...rest }) {
      if (entries === MOST_ENTRIES) throw tooLarge();
      const line = JSON.stringify({ name: path, ...(type === "file" ? {} : { type }), ...rest });
      text.add(entries++ === 0 ? line : `,\n${line}`);
    },
    end() {
      text.add(entries === 0 ? "]}\n" : "\n]}\n");
      return text.end();
    },
  };
}

function tooLarge(): AppError {
  return new AppError("UNSUPPORTED", "Cannot write the archive: it has more entries than are read, or longer names", {
    hint: "make several archives, of fewer images each",
  });
}

/**
 * The entries of an index, in the archive's order. Throws INTEGRITY where it is not what the footer hashed, or where any
 * number or name in it cannot be true of an archive whose index entry stands at `footer.offset`.
 */
export async function parseIndex(
  codec: Codec,
  index: ByteStream,
  footer: Footer,
  archive: string,
): Promise<readonly Placed[]> {
  const hash = createHash("sha256");
  const entries: Placed[] = [];
  let end = 0;
  let members = 0;
  let characters = 0;
  const lines = indexLines(archive, (entry) => {
    const placed = parsePlaced(entry, codec.format);
    if (!placed || placed.offset < end || placed.offset + placed.length > footer.offset || !isFramed(codec, placed))
      throw corrupt(archive, `entry ${entries.length + 1} of its index cannot be true`);
    end = placed.offset + placed.length;
    members += placed.members?.length ?? 0;
    characters += placed.path.length + (placed.target?.length ?? 0);
    if (entries.push(placed) > MOST_ENTRIES || members > MOST_MEMBERS || characters > MOST_CHARACTERS)
      throw new AppError(
        "UNSUPPORTED",
        `Cannot read "${archive}": its index has more than ${MOST_ENTRIES} entries, or longer names than are read`,
      );
  });
  let refusal: unknown;
  for await (const bytes of index) {
    hash.update(bytes);
    // What is damaged may seem to be anything: whether it is, is known at the end.
    if (refusal === undefined) refusal = thrownBy(() => lines.push(bytes));
  }
  if (!isSame(hash.digest() as Bytes, footer.sha256)) throw corrupt(archive, "its index is not what its footer says");
  if (refusal !== undefined) throw refusal;
  lines.end();
  return entries;
}

/** The digests that an index has for a path, in the archive's order; none where it is no index. Nothing else of it is checked. */
export async function indexedDigests(index: ByteStream, path: string): Promise<readonly unknown[]> {
  const digests: unknown[] = [];
  const lines = indexLines("", ({ name, digest }) => {
    if (name === path) digests.push(digest);
  });
  let refusal: unknown;
  for await (const bytes of index) refusal ??= thrownBy(() => lines.push(bytes));
  return (refusal ?? thrownBy(() => lines.end())) === undefined ? digests : [];
}

function thrownBy(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Takes an index as startIndex() writes it, line by line: to parse all of it at once would take several times its size. */
function indexLines(archive: string, onEntry: (fields: Readonly<Record<string, unknown>>) => void): Lines {
  let at = 0;
  let isEnded = false;
  function onLine(line: string): void {
    if (isEnded) throw new Error("there is something behind its end");
    isEnded = at > 0 && line === "]}";
    if (isEnded) return;
    if (at++ === 0) requireVersion(Object(parseJson(`${line}]}`)).version, archive);
    else onEntry(Object(parseJson(line.replace(/,$/, ""), LONGEST_LINE)));
  }
  const lines = splitLines(LONGEST_LINE, onLine);
  function check(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw error instanceof AppError ? error : corrupt(archive, `its index: ${reasonOf(error)}`, error);
    }
  }
  return {
    push: (bytes) => check(() => lines.push(bytes)),
    end: () =>
      check(() => {
        lines.end();
        if (!isEnded) throw new Error("it ends before it should");
      }),
  };
}

function parsePlaced(value: unknown, format: Format): Placed | undefined {
  const fields = Object(value) as Record<string, unknown>;
  const { name, type = "file", target, offset, length, size, header, method, digest, members } = fields;
  if (!isEntryPath(name) || (type !== "file" && type !== "directory" && type !== "link")) return undefined;
  if (type === "link" ? !isEntryPath(target) : target !== undefined) return undefined;
  if (!isCount(offset) || !isCount(length) || !isCount(size) || !isCount(header)) return undefined;
  if (header % BLOCK !== 0 || header === 0 || header > HEADER_LIMIT || (type !== "file" && size > 0)) return undefined;
  if (method !== "raw" && method !== "stored" && method !== "packed") return undefined;
  if ((format === "tar") !== (method === "raw")) return undefined;
  if (digest !== undefined && !isDigest(digest)) return undefined;
  if (members !== undefined && !(Array.isArray(members) && members.every(isCount))) return undefined;
  return {
    path: name,
    type,
    target: target as string | undefined,
    offset,
    length,
    size,
    header,
    method,
    // A hundred thousand of them are twenty megabytes.
    digest: digest && name.endsWith(`/${digest.replace(":", "/")}`) ? undefined : digest,
    members,
  };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Whether the lengths of an entry agree with each other. */
function isFramed(codec: Codec, entry: Placed): boolean {
  const total = tarLength(entry);
  if (!Number.isSafeInteger(total)) return false;
  if (entry.method !== "packed") return entry.length === framedLength(codec.framing, total) && !entry.members;
  const lengths = entry.members ?? [entry.length];
  if (lengths.length !== Math.ceil(total / PIECE) || lengths.some((one) => one === 0 || one > 2 * PIECE)) return false;
  return lengths.reduce((sum, one) => sum + one, 0) === entry.length;
}
