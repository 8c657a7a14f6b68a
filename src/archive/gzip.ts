/** Archives of gzip members. RFC 1952 (gzip), RFC 1951 section 3.2.4 (stored blocks). */
import { promisify } from "node:util";
import { crc32, gunzip, gunzipSync, gzip, gzipSync } from "node:zlib";
import { type Bytes, concat } from "../bytes/stream.ts";
import { type Codec, type Framing, type Packing, PIECE } from "./codec.ts";
import { END_OF_TAR } from "./tar.ts";

/** Deflate, no time, operating system unknown: the same on every machine. */
const HEADER = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
const OS_BYTE = 9;
const EXTRA_FLAG = 4;
const FLAGS_BYTE = 3;

/** The largest stored block that deflate has. */
const STORED_BLOCK = 65_535;
const BLOCK_HEAD = 5;

/** Members of so many bytes are unpacked at once. */
const SMALL: number = 64 << 10;

const framing: Framing = {
  block: STORED_BLOCK,
  head(at, total) {
    const length = Math.min(STORED_BLOCK, total - at);
    const final = at + length === total ? 1 : 0;
    const head = [final, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff];
    return Uint8Array.from(at === 0 ? [...HEADER, ...head] : head);
  },
  overhead: (at) => HEADER.length + BLOCK_HEAD * (Math.floor(at / STORED_BLOCK) + 1),
  tail(total, checksum) {
    const tail = new DataView(new ArrayBuffer(8));
    tail.setUint32(0, checksum, true);
    tail.setUint32(4, total % 2 ** 32, true);
    return new Uint8Array(tail.buffer);
  },
  checksum: (bytes, before) => crc32(bytes, before),
};

/** `level` 1-9, default 6. */
export function gzipCodec(level = 6): Codec {
  const packing: Packing = {
    pack: async (bytes) => anonymous(await promisify(gzip)(bytes, { level })),
    // Without it each of ten thousand small members would take 16 KiB until it is written.
    packSync: (bytes) => anonymous(gzipSync(bytes, { level, chunkSize: roomFor(bytes) })),
    async unpack(member, size) {
      const limits = { maxOutputLength: size, chunkSize: Math.min(Math.max(size, 64), PIECE) };
      // A thread costs more than it saves where there is little to do.
      const bytes = size <= SMALL ? gunzipSync(member, limits) : await promisify(gunzip)(member, limits);
      if (bytes.length !== size) throw new Error(`a member holds ${bytes.length} bytes instead of ${size}`);
      return bytes;
    },
  };
  return {
    format: "gzip",
    framing,
    packing,
    end: () => packing.packSync(END_OF_TAR),
    footer,
    payloadAt: HEADER.length + 6,
  };
}

/** Bytes for what becomes of so few. */
function roomFor({ length }: Bytes): number {
  return Math.min(16 << 10, Math.max(64, length));
}

function anonymous(member: Bytes): Bytes {
  member[OS_BYTE] = 0xff;
  return member;
}

/** An empty member that carries the payload in an extra field of its header. */
function footer(payload: Bytes): Bytes {
  const header = Uint8Array.from(HEADER);
  header[FLAGS_BYTE] = EXTRA_FLAG;
  const extra = payload.length + 4;
  const field = [extra & 0xff, extra >> 8, 0x44, 0x52, payload.length & 0xff, payload.length >> 8];
  const empty = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  return concat([header, Uint8Array.from(field), payload, Uint8Array.from(empty)]);
}
