/** Compressed streams of all kinds, on every runtime: their decoders differ where it matters. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { constants, deflateRawSync, gzipSync, zstdCompressSync } from "node:zlib";
import { type Compression, decompressed } from "../../src/archive/decompress.ts";
import { type ByteStream, type Bytes, concat } from "../../src/bytes/stream.ts";
import { AppError } from "../../src/errors.ts";
import { noise, prose } from "../support/archive-entries.ts";
import { type Cases, runCases } from "../support/run-cases.ts";

/** Parts that do not end where chunks do. */
const PARTS: readonly Bytes[] = Array.from({ length: 60 }, (_, at) =>
  concat([noise(1 + at * 37, at + 1), prose(at * 91)]),
);
const WHOLE = concat(PARTS);
const SKIPPABLE = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
const CHECKED = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

const GZIP = concat(PARTS.map((part) => new Uint8Array(gzipSync(part))));
const ZSTD = concat(PARTS.flatMap((part, at) => [...(at % 7 === 0 ? [SKIPPABLE] : []), zstd(part)]));

function zstd(bytes: Bytes): Bytes {
  return new Uint8Array(zstdCompressSync(bytes, CHECKED));
}

async function* chunked(bytes: Bytes, size: number): ByteStream {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function unpack(bytes: Bytes, compression: Compression, chunk = 1000, mostFrames?: number): Promise<Buffer> {
  const chunks: Bytes[] = [];
  for await (const one of decompressed(chunked(bytes, chunk), compression, "x.tar", mostFrames)) chunks.push(one);
  return Buffer.concat(chunks);
}

async function refusal(bytes: Bytes, compression: Compression, mostFrames?: number): Promise<string> {
  const error = await unpack(bytes, compression, 1000, mostFrames).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert(error instanceof AppError, String(error));
  return `${error.code}: ${error.message}`;
}

/** A frame of one raw block, with the window that a descriptor byte says. */
function rawFrame(window: number, content: Bytes): Bytes {
  const head = (content.length << 3) | 1;
  return concat([
    Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, window, head & 0xff, (head >> 8) & 0xff, head >> 16),
    content,
  ]);
}

export const cases: Cases = {
  "gzip of many members comes whole, however it is cut into chunks": async () => {
    for (const chunk of [97, 1000, 65_536, 1 << 20])
      assert.deepEqual(await unpack(GZIP, "gzip", chunk), Buffer.from(WHOLE));
  },
  "zstd of many frames, with others to be skipped between them, comes whole": async () => {
    for (const chunk of [1, 97, 65_536, 1 << 20])
      assert.deepEqual(await unpack(ZSTD, "zstd", chunk), Buffer.from(WHOLE));
  },
  "zeros behind gzip are padding": async () => {
    assert.deepEqual(await unpack(concat([GZIP, new Uint8Array(5000)]), "gzip"), Buffer.from(WHOLE));
  },
  "bare deflate comes whole": async () => {
    assert.deepEqual(await unpack(new Uint8Array(deflateRawSync(WHOLE)), "deflate"), Buffer.from(WHOLE));
  },
  "nothing is nothing": async () => {
    assert.equal((await unpack(new Uint8Array(0), "zstd")).length, 0);
    assert.equal((await unpack(new Uint8Array(gzipSync("")), "gzip")).length, 0);
  },
  "a stream that is cut short is damaged, wherever it ends": async () => {
    for (const length of [1, 3, 12, 500, 5000, GZIP.length - 1])
      assert.match(await refusal(GZIP.slice(0, length), "gzip"), /^INTEGRITY: Cannot read "x.tar": /);
    for (const length of [1, 3, 5, 7, 12, 13, 500, 5000, ZSTD.length - 5, ZSTD.length - 1])
      assert.match(await refusal(ZSTD.slice(0, length), "zstd"), /^INTEGRITY: Cannot read "x.tar": /);
  },
  "a flipped bit is found": async () => {
    for (const [bytes, compression] of [
      [GZIP, "gzip"],
      [ZSTD, "zstd"],
    ] as const)
      for (const at of [20_000, 50_000]) {
        const bad = bytes.slice();
        bad[at]! ^= 4;
        assert.match(await refusal(bad, compression), /^INTEGRITY: Cannot read "x.tar": /);
      }
  },
  "something else behind the last frame is refused": async () => {
    assert.match(await refusal(concat([ZSTD, prose(20)]), "zstd"), /^INTEGRITY: .*something else than zstd/);
    assert.match(await refusal(concat([GZIP, prose(20)]), "gzip"), /^INTEGRITY: /);
  },
  "windows of 128 MiB are read, larger ones are not": async () => {
    assert.deepEqual(await unpack(rawFrame(17 << 3, prose(500)), "zstd"), Buffer.from(prose(500)));
    assert.match(
      await refusal(rawFrame(18 << 3, prose(500)), "zstd"),
      /^UNSUPPORTED: Cannot read "x.tar": .* bytes of memory/,
    );
  },
  "frames are not too many where there is something in them": async () => {
    const large = Array.from({ length: 20 }, () => zstd(new Uint8Array(16 << 10)));
    assert.equal((await unpack(concat(large), "zstd", 1000, 1)).length, 20 * (16 << 10));
    const tiny = Array.from({ length: 20 }, () => rawFrame(8, prose(1)));
    assert.equal((await unpack(concat(tiny), "zstd", 1000, 20)).length, 20);
    assert.match(
      await refusal(concat(tiny), "zstd", 19),
      /^UNSUPPORTED: Cannot read "x.tar": it has too many frames for what is in them$/,
    );
  },
  "a frame that needs a dictionary is said to": async () => {
    const frame = concat([Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 1), rawFrame(8, prose(1)).slice(6)]);
    assert.match(await refusal(frame, "zstd"), /^UNSUPPORTED: .*dictionary/);
  },
  "what the source throws comes through": async () => {
    for (const [bytes, compression] of [
      [GZIP, "gzip"],
      [ZSTD, "zstd"],
    ] as const) {
      async function* failing(): ByteStream {
        yield bytes.subarray(0, 5000);
        throw new Error("the disk is gone");
      }
      await assert.rejects(async () => {
        for await (const _ of decompressed(failing(), compression, "x.tar"));
      }, /the disk is gone/);
    }
  },
  "whoever leaves early closes the source": async () => {
    for (const [bytes, compression] of [
      [GZIP, "gzip"],
      [ZSTD, "zstd"],
    ] as const) {
      let isClosed = false;
      async function* watched(): ByteStream {
        try {
          for (;;) yield bytes;
        } finally {
          isClosed = true;
        }
      }
      for await (const _ of decompressed(watched(), compression, "x.tar")) break;
      assert(isClosed);
    }
  },
};

if (import.meta.main) await runCases(cases);
