/** Seeded bytes as real layers: tars with a diffID, compressed as registries hold them. OCI image-spec v1.1 layer.md. */
import { createHash } from "node:crypto";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { type Bytes, concat, encode } from "../../src/bytes/stream.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { type Digest, digestOf } from "../../src/oci/digest.ts";
import { inMemory } from "../../src/store/read.ts";
import type { Content } from "../../src/store/store.ts";

/** Content whose bytes are at hand. */
export interface Part extends Content {
  readonly bytes: Bytes;
}

/** A layer and the digest of its tar before compression. */
export interface Layer extends Part {
  readonly diffID: Digest;
}

export type Seed = string | number;
export type Format = "oci" | "docker";
export type Compression = "gzip" | "zstd" | "none";

/** Bytes under the digest of their own. Further fields of the descriptor may be given. */
export function part(mediaType: string, bytes: Bytes, fields: Partial<Descriptor> = {}): Part {
  return { ...inMemory({ mediaType, digest: digestOf(bytes), size: bytes.length, ...fields }, bytes), bytes };
}

/** `size` bytes that do not compress, the same ones for the same seed on every machine. */
export function randomBytes(seed: Seed, size: number): Bytes {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = createHash("sha256").update(String(seed)).digest().readUInt32LE(0) || 1;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** Whole numbers `[0, below)`, one at a time, the same ones for the same seed. */
export function randomNumbers(seed: Seed): (below: number) => number {
  let state = createHash("sha256").update(`numbers ${seed}`).digest().readUInt32LE(0);
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}

/** A ustar archive of regular files: mode 0644, owner 0, time 0. */
export function tarOf(files: Readonly<Record<string, Bytes>>): Bytes {
  const blocks: Bytes[] = [];
  for (const [name, bytes] of Object.entries(files)) {
    blocks.push(tarHeader(name, bytes.length), bytes, new Uint8Array(-bytes.length & 511));
  }
  return concat([...blocks, new Uint8Array(1024)]);
}

function tarHeader(name: string, size: number): Bytes {
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, "0")}\0`;
  const header = new Uint8Array(512);
  const fields: readonly (readonly [number, string])[] = [
    [0, name],
    [100, octal(0o644, 8)],
    [108, octal(0, 8)],
    [116, octal(0, 8)],
    [124, octal(size, 12)],
    [136, octal(0, 12)],
    [148, "        "],
    [156, "0"],
    [257, "ustar\x0000"],
  ];
  for (const [at, text] of fields) header.set(encode(text), at);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return header;
}

/** A real layer with one file of `size` random bytes, so that the blob is a little larger than `size`. */
export function layer(seed: Seed, size: number, compression: Compression = "gzip", format: Format = "oci"): Layer {
  const name = createHash("sha256").update(String(seed)).digest("hex").slice(0, 16);
  const tar = tarOf({ [`data/${name}.bin`]: randomBytes(seed, size) });
  return { ...part(layerType(compression, format), compress(tar, compression)), diffID: digestOf(tar) };
}

function layerType(compression: Compression, format: Format): string {
  const suffix = { gzip: "gzip", zstd: "zstd", none: "" }[compression];
  if (format === "docker") return `application/vnd.docker.image.rootfs.diff.tar${suffix && `.${suffix}`}`;
  return `application/vnd.oci.image.layer.v1.tar${suffix && `+${suffix}`}`;
}

function compress(bytes: Bytes, compression: Compression): Bytes {
  if (compression === "none") return bytes;
  if (compression === "gzip") return new Uint8Array(gzipSync(bytes, { level: 1 }));
  return new Uint8Array(zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }));
}
