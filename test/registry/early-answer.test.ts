/** Registries that answer before they have read the body, and close: the answer must be seen on both runtimes. */
import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../support/run.ts";

const ROOT = dirname(dirname(import.meta.dirname));
const SCRIPT = fileURLToPath(import.meta.resolve("../support/put-blob.ts"));
const RUNTIMES = {
  bun: [process.execPath, SCRIPT],
  deno: [join(ROOT, "node_modules", ".bin", "deno"), "run", "-A", SCRIPT],
} as const;

interface Hasty extends AsyncDisposable {
  readonly host: string;
  /** Methods in order, without HEAD. */
  readonly asked: string[];
}

/** Opens uploads, and answers a body with `status` when `after` bytes of it are here; the rest is never read. */
async function hasty(status: number, after: number): Promise<Hasty> {
  const asked: string[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => answer(socket, status, after, asked));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

function answer(socket: Socket, status: number, after: number, asked: string[]): void {
  let seen = "";
  let isAnswered = false;
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    seen += bytes.toString("latin1");
    const head = seen.indexOf("\r\n\r\n");
    const method = seen.slice(0, seen.indexOf(" "));
    const isUpload = method === "PUT" || method === "PATCH";
    if (isAnswered || head < 0 || (isUpload && seen.length < head + 4 + after)) return;
    isAnswered = true;
    if (method !== "HEAD") asked.push(method);
    const first = isUpload ? status : method === "POST" ? 202 : method === "HEAD" ? 404 : 200;
    socket.end(`HTTP/1.1 ${first} So\r\nlocation: /up\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    socket.pause();
    // As nginx and Go do: what was said has time to arrive before the rest of the body is met with a reset.
    setTimeout(() => socket.destroy(), 200);
  });
}

test.each([
  ["bun", 0],
  ["bun", 500_000],
  ["deno", 0],
  ["deno", 500_000],
] as const)("413 on %s after %d bytes: smaller requests, then the registry's own word", async (runtime, after) => {
  await using server = await hasty(413, after);
  const [program, ...args] = RUNTIMES[runtime];
  const { stdout } = await run(program, [...args, server.host, "3000000"]);
  expect(stdout).toBe("UNSUPPORTED PATCH 413\n");
  expect(server.asked).toEqual(["POST", "PUT", "DELETE", "POST", "PATCH", "DELETE"]);
});

test.each(["bun", "deno"] as const)("401 on %s", async (runtime) => {
  await using server = await hasty(401, 100_000);
  const [program, ...args] = RUNTIMES[runtime];
  const { stdout } = await run(program, [...args, server.host, "3000000"]);
  expect(stdout).toBe("UNAUTHORIZED PUT 401\n");
  expect(server.asked).toEqual(["POST", "PUT", "DELETE"]);
});
