/** Exchanges by Node's own HTTP, with servers that do not keep to it. */
import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { sendOnNode } from "../../../src/registry/network/node-exchange.ts";

async function answered(statusLine: string): Promise<Response> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(`HTTP/1.1 ${statusLine}\r\ncontent-length: 2\r\n\r\nhi`));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    return await sendOnNode(url, { method: "GET", headers: {} }, { proxy: undefined, tls: undefined });
  } finally {
    server.close();
  }
}

test.each(["204 No Content", "205 Reset Content", "304 Not Modified"])("%s has no body", async (line) => {
  const response = await answered(line);
  expect(response.status).toBe(Number(line.slice(0, 3)));
  expect(response.body).toBeNull();
});

test.each(["999 X", "099 X"])("%s fails this exchange alone", async (line) => {
  await expect(answered(line)).rejects.toThrow(/status/);
});
