/**
 * Archives of zstd frames. RFC 8878. No frame is single-segment, so a reader needs a window of a MiB, whatever the size.
 * Members are unpacked by node:zlib: it is faster than fzstd on Bun and on Deno when given its output size, does not hold up
 * the event loop, and checks the frames' checksums.
 */
import { promisify } from "node:util";
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from "node:zlib";
import { type Bytes, concat } from "../bytes/stream.ts";
import { type Codec, type Framing, type Packing, PIECE } from "./codec.ts";
import { END_OF_TAR } from "./tar.ts";

/** Magic number, no flags, a window of 128 KiB: raw blocks refer to nothing. */
const FRAME_HEAD = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
const FRAME: number = 64 << 20;

/** The largest block that zstd has. */
const RAW_BLOCK: number = 128 << 10;
const BLOCK_HEAD = 3;
const WINDOW_LOG = 20;

/** Members of so many bytes are unpacked at once. */
const SMALL: number = 64 << 10;

/** The last of the sixteen magic numbers of skippable frames, as far as we know used by nobody else. */
const SKIPPABLE = [0x5f, 0x2a, 0x4d, 0x18];

const framing: Framing = {
  block: RAW_BLOCK,
  head(at, total) {
    const length = Math.min(RAW_BLOCK, total - at);
    const last = at + length === total || (at + length) % FRAME === 0 ? 1 : 0;
    const head = [last | ((length << 3) & 0xff), (length >> 5) & 0xff, length >> 13];
    return Uint8Array.from(at % FRAME === 0 ? [...FRAME_HEAD, ...head] : head);
  },
  overhead: (at) => FRAME_HEAD.length * (Math.floor(at / FRAME) + 1) + BLOCK_HEAD * (Math.floor(at / RAW_BLOCK) + 1),
  tail: () => new Uint8Array(0),
};

/** `level` 1-22, default 3. */
export function zstdCodec(level = 3): Codec {
  const options = {
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_windowLog]: WINDOW_LOG,
      [constants.ZSTD_c_checksumFlag]: 1,
      // A frame that tells its content size becomes single-segment when that is small.
      [constants.ZSTD_c_contentSizeFlag]: 0,
    },
  };
  const packing: Packing = {
    pack: (bytes) => promisify(zstdCompress)(bytes, options),
    packSync: (bytes) => zstdCompressSync(bytes, options),
    async unpack(member, size) {
      const limits = { maxOutputLength: size, chunkSize: Math.min(Math.max(size, 64), PIECE) };
      // A thread costs more than it saves where there is little to do.
      const bytes =
        size <= SMALL ? zstdDecompressSync(member, limits) : await promisify(zstdDecompress)(member, limits);
      if (bytes.length !== size) throw new Error(`a frame holds ${bytes.length} bytes instead of ${size}`);
      return bytes;
    },
  };
  return {
    format: "zstd",
    framing,
    packing,
    end: () => packing.packSync(END_OF_TAR),
    footer,
    payloadAt: SKIPPABLE.length + 4,
  };
}

/** A frame that every reader must skip. RFC 8878 section 3.1.2. */
function footer(payload: Bytes): Bytes {
  const length = new DataView(new ArrayBuffer(4));
  length.setUint32(0, payload.length, true);
  return concat([Uint8Array.from(SKIPPABLE), new Uint8Array(length.buffer), payload]);
}
