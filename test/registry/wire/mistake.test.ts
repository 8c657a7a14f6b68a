/** Whose fault an error is. */
import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { AppError } from "../../../src/errors.ts";
import { isMistake, ofNetwork } from "../../../src/registry/wire/mistake.ts";

test.each([
  [new TypeError("x is not a function"), true],
  [new ReferenceError("x is not defined"), true],
  [new RangeError("Invalid array length"), true],
  [ofNetwork(new TypeError("fetch failed")), false],
  [Object.assign(new TypeError("closed"), { code: "ECONNRESET" }), false],
  [new Error("no byte came"), false],
  [new DOMException("enough", "TimeoutError"), false],
  [new AppError("NETWORK", "Cannot"), false],
  ["text", false],
])("case %#", (error, expected) => {
  expect(isMistake(error)).toBe(expected);
});

test("what really comes of a closed port is the network's", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  const error = await fetch(`http://127.0.0.1:${port}/`).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Error);
  expect(isMistake(ofNetwork(error))).toBe(false);
});
