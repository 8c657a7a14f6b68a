/** From an archive's paths to the tree of its files, whoever wrote it. Told by its first bytes, never by its name. */
import { tmpdir } from "node:os";
import { dirname } from "node:path/posix";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import type { Bytes } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import type { Call, Tree } from "../store/store.ts";
import { codecFor } from "./codec-for.ts";
import { INDEX_PATH } from "./contents.ts";
import { decompressed } from "./decompress.ts";
import { corrupt, footerLength, parseFooter } from "./footer.ts";
import { type Format, SNIFFED, sniffFormat } from "./format.ts";
import { findParts } from "./parts.ts";
import { archiveIn, checkSizes, type OpenOptions } from "./reader.ts";
import { spool } from "./spool.ts";
import { BLOCK, parseTarHeader } from "./tar.ts";
import { checksum, octalField } from "./tar-fields.ts";
import { openTar } from "./tar-tree.ts";
import { firstParts, openVolume, type Volume, volumeRange } from "./volume.ts";
import { openZip } from "./zip.ts";

/** Every kind of file that can be opened. */
export type Container = Format | "zip";

export interface ContainerOptions extends OpenOptions {
  /** Where compressed archives that Dray did not write are unpacked to while they are open. Default: the system's folder for temporary files. */
  readonly spoolFolder?: string | undefined;
  /** Bytes that it may unpack to, be they ever so many more than it has itself. Default 1 GiB. */
  readonly spoolLimit?: number | undefined;
  /** Hears that an archive is unpacked there, which may take a while. */
  readonly onSpool?: ((archive: string, folder: string) => void) | undefined;
}

const OWN_FOLDER: string = dirname(INDEX_PATH);

/** Decompressed bytes for each compressed one that are believed. */
export const MOST_OF_A_BYTE = 200;
/** Decompressed bytes that are always believed. */
export const SPOOL_LIMIT: number = 1 << 30;

/** Begins of compressed files that Dray does not unpack, and who does. */
const UNPACKERS: readonly (readonly [magic: readonly number[], name: string, program: string])[] = [
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "xz", "xz -d"],
  [[0x42, 0x5a, 0x68], "bzip2", "bzip2 -d"],
  [[0x04, 0x22, 0x4d, 0x18], "lz4", "lz4 -d"],
  [[0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], "7z", "7z x"],
];

/** The container that the first bytes of a file announce; undefined where that is nothing we know. */
export function sniffContainer(firstBytes: Bytes): Container | undefined {
  const [p, k, one, two] = firstBytes;
  const isZip = p === 0x50 && k === 0x4b && ((one === 3 && two === 4) || (one === 5 && two === 6));
  return isZip ? "zip" : (sniffFormat(firstBytes) ?? (isOldTar(firstBytes) ? "tar" : undefined));
}

/** Tars of before POSIX have no magic number, and nothing but their checksum to be known by. */
function isOldTar(firstBytes: Bytes): boolean {
  const header = firstBytes.subarray(0, BLOCK);
  return header.length === BLOCK && header[0] !== 0 && octalField(header, 148, 8) === checksum(header);
}

/**
 * Opens an archive, by its path, that of any of its parts, or its parts in several folders. One that Dray wrote is read by
 * its index, a tar or zip of others where it lies; what others compressed is unpacked once, into a file that nobody sees.
 * Throws NOT_FOUND, STORAGE, INTEGRITY where it is damaged or hostile, UNSUPPORTED where it is nothing that Dray reads.
 */
export async function openContainer(paths: string | readonly string[], options: ContainerOptions = {}): Promise<Tree> {
  const found = await findParts(typeof paths === "string" ? [paths] : paths, options);
  const volume = await openVolume(found.paths, found.name, options);
  let isTaken = false;
  try {
    const first = await volume.read(0, Math.min(SNIFFED, volume.size), options);
    const container = sniffContainer(first);
    if (container === undefined && volume.parts.length > 1)
      throw corrupt(volume.parts[0]!.path, "it is not the first part of an archive");
    if (container === undefined) throw unknown(volume.name, first);
    if (container !== "zip" && ((await hasFooter(volume, container, options)) || (await isOwn(volume, container)))) {
      isTaken = true;
      return await archiveIn(volume, options);
    }
    checkSizes(volume);
    if (container === "gzip" || container === "zstd") {
      const unpacked = await unpack(volume, container, options);
      return await openForeignTar(unpacked, options);
    }
    isTaken = true;
    return await (container === "zip" ? openZip(volume, options) : openForeignTar(volume, options));
  } finally {
    if (!isTaken) await volume[Symbol.asyncDispose]();
  }
}

/** The files of a tar or zip of whatever origin that was read out of a pipe. Owns the volume, also where it throws. */
export async function openSpooled(volume: Volume, options: ContainerOptions = {}): Promise<Tree> {
  const isZip = sniffContainer(await volume.read(0, Math.min(SNIFFED, volume.size), options)) === "zip";
  return isZip ? openZip(volume, options) : openForeignTar(volume, options);
}

/** Whether Dray finished it: there is a footer at its end, or at that of a part with others of an older archive behind. */
async function hasFooter(volume: Volume, format: Format, call: Call): Promise<boolean> {
  const codec = codecFor(format);
  for (let count = volume.parts.length; count > 0; count--) {
    const { size } = firstParts(volume, count);
    const from = size - footerLength(codec);
    if (from >= 0 && parseFooter(codec, await volume.read(from, size, call), size, volume.name)) return true;
  }
  return false;
}

/** Whether it begins as Dray's archives do, with a member of one tar header: without a footer, such a one was cut short. */
async function isOwn(volume: Volume, format: Format): Promise<boolean> {
  if (format === "tar") return false;
  const head = await volume.read(0, Math.min(4 << 10, volume.size));
  const magic = format === "gzip" ? [0x1f, 0x8b, 8, 0, 0, 0, 0, 0] : [0x28, 0xb5, 0x2f, 0xfd];
  const next = head.findIndex((_, at) => at > 0 && magic.every((byte, index) => head[at + index] === byte));
  if (next < 0) return false;
  try {
    const unpacked = (format === "gzip" ? gunzipSync : zstdDecompressSync)(head.subarray(0, next), {
      maxOutputLength: BLOCK,
    });
    return parseTarHeader(new Uint8Array(unpacked))?.type === "directory";
  } catch {
    return false;
  }
}

/** The tar inside, in a file without a name. Closes nothing. */
function unpack(volume: Volume, format: "gzip" | "zstd", options: ContainerOptions): Promise<Volume> {
  const { name } = volume;
  const { spoolFolder: folder = tmpdir(), spoolLimit = SPOOL_LIMIT, signal } = options;
  options.onSpool?.(name, folder);
  const limit = Math.max(spoolLimit, volume.size * MOST_OF_A_BYTE);
  async function* tarOf(): AsyncGenerator<Bytes> {
    let isFirst = true;
    for await (const chunk of decompressed(volumeRange(volume, 0, volume.size, { signal }), format, name)) {
      if (isFirst && chunk.length >= SNIFFED && sniffContainer(chunk) !== "tar")
        throw new AppError("UNSUPPORTED", `Cannot open "${name}": what is compressed in it is no tar`);
      isFirst = false;
      yield chunk;
    }
  }
  function check(total: number): void {
    if (total <= limit) return;
    throw new AppError(
      "UNSUPPORTED",
      `Cannot open "${name}": it unpacks to more than ${MOST_OF_A_BYTE} times its size`,
      {
        hint: "unpack it yourself if you trust it, and name the tar",
      },
    );
  }
  return spool(tarOf(), { folder, name, check, signal });
}

async function openForeignTar(volume: Volume, { onWarning, signal }: ContainerOptions): Promise<Tree> {
  const tree = await openTar(volume, { signal });
  if (tree.isEnded) return tree;
  // Neither we nor whoever unpacked one of our archives would have left the end away.
  if (tree.hasFolder(OWN_FOLDER)) {
    await tree[Symbol.asyncDispose]();
    throw corrupt(volume.name, "it ends before it should");
  }
  onWarning?.(`"${volume.name}" does not end as archives do: it may have been cut short on its way`);
  return tree;
}

function unknown(name: string, first: Bytes): AppError {
  const known = UNPACKERS.find(([magic]) => magic.every((byte, at) => first[at] === byte));
  const reason = first.length === 0 ? "it is empty" : "it is no gzip, zstd, tar or zip file";
  if (!known) return new AppError("UNSUPPORTED", `Cannot open "${name}": ${reason}`);
  const [, kind, program] = known;
  return new AppError(
    "UNSUPPORTED",
    `Cannot open "${name}": it is compressed with ${kind}, which Dray does not unpack`,
    {
      hint: `unpack it with ${program}, and name the result`,
    },
  );
}
