/** A registry with one blob of 1 GiB that is nowhere: its bytes are computed, and what it sends is counted and cut. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { randomBytes } from "./random-image.ts";

const BLOCK = 1 << 20;
/** Each block is the same random bytes behind its own number. */
const base = Buffer.from(randomBytes("resume", BLOCK));

export const LARGE: Descriptor = {
  mediaType: "application/octet-stream",
  digest: "sha256:e7916a75bfb72f1731abc0b4d4bdcdbd822bb590c2fc34d556239911407aa6be",
  size: 2 ** 30,
};

export interface LargeBlob extends AsyncDisposable {
  readonly host: string;
  /** The requests for the blob. */
  readonly requests: {
    readonly range: string | undefined /** Bytes that were handed to the network for it. */;
    sent: number;
  }[];
}

/** Milliseconds before a reset, which takes with it what is under way: on a real line that is little, on loopback megabytes. */
const ARRIVAL = 100;

/**
 * Serves it. A connection that comes to one of the `cuts` (places in the blob, ascending) ends there: by turns as if the
 * server had left, and by a reset. Each place cuts once.
 */
export async function serveLargeBlob(cuts: readonly number[] = []): Promise<LargeBlob> {
  const requests: LargeBlob["requests"] = [];
  const ahead = [...cuts];
  const server = createServer((socket) => {
    let head = "";
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      head += bytes.toString("latin1");
      if (!head.endsWith("\r\n\r\n")) return;
      const request = head;
      head = "";
      if (!request.startsWith("GET /v2/a/blobs/"))
        socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      else void answer(socket, request);
    });
  });
  async function answer(socket: Socket, request: string): Promise<void> {
    const range = /^range: *(bytes=(\d+)-\d*)/im.exec(request);
    const entry = { range: range?.[1], sent: 0 };
    requests.push(entry);
    const start = Number(range?.[2] ?? 0);
    const { size } = LARGE;
    const status = range ? `206 Partial\r\ncontent-range: bytes ${start}-${size - 1}/${size}` : "200 OK";
    socket.write(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: ${size - start}\r\n\r\n`);
    const next = ahead.findIndex((cut) => cut > start);
    const end = next < 0 ? size : ahead[next]!;
    for (let at = start; at < end && !socket.destroyed; ) {
      const piece = pieceAt(at, end);
      at += piece.length;
      entry.sent += piece.length;
      if (!socket.write(piece)) await drained(socket);
    }
    if (end === size || socket.destroyed) return void socket.end();
    ahead.splice(next, 1);
    if (ahead.length % 2 === 0) socket.end();
    else setTimeout(() => socket.resetAndDestroy(), ARRIVAL);
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    function done(): void {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    }
    socket.on("drain", done);
    socket.on("close", done);
  });
}

/** The bytes from `at` on, as far as they are in one block; its number is in memory of its own. */
function pieceAt(at: number, end: number): Buffer {
  const [block, within] = [Math.floor(at / BLOCK), at % BLOCK];
  const most = Math.min(end - at, BLOCK - within, 256 << 10);
  if (within >= 4) return base.subarray(within, within + most);
  const number = Buffer.alloc(4);
  number.writeUInt32LE(block);
  return number.subarray(within, Math.min(4, within + most));
}
