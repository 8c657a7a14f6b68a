/** What a large blob costs over a bad line, and over two processes: hardly more than its size. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openCache } from "../../src/layout/cache.ts";
import { openRegistry } from "../../src/registry/registry.ts";
import { LARGE, serveLargeBlob } from "../support/large-blob.ts";
import { randomNumbers } from "../support/random-image.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";

setDefaultTimeout(120_000);

const GIB = 2 ** 30;
const HEX = LARGE.digest.slice(7);
const FETCH = fileURLToPath(import.meta.resolve("../support/fetch-blob.ts"));

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

async function sizeOf(...names: readonly string[]): Promise<number> {
  return stat(join(folder.path, ...names)).then(
    ({ size }) => size,
    () => 0,
  );
}

test("1 GiB that is cut at twenty places costs at most 1.02 GiB", async () => {
  const random = randomNumbers("cuts");
  const cuts = Array.from({ length: 20 }, () => 1 + random(GIB - 1)).sort((a, b) => a - b);
  await using server = await serveLargeBlob(cuts);
  await using cache = await openCache(folder.path);
  const registry = openRegistry(server.host, { retry: { delay: 1, maximum: 2 } });
  await cache.repository("a").put(registry.repository("a").get(LARGE));
  expect(await sizeOf("share", "sha256", HEX)).toBe(GIB);
  expect(server.requests.length).toBe(21);
  expect(server.requests.reduce((sum, { sent }) => sum + sent, 0)).toBeLessThanOrEqual(1.02 * GIB);
});

test("a process that is killed in the middle leaves what it has to the next one", async () => {
  await using server = await serveLargeBlob();
  const first = spawn(process.execPath, [FETCH, server.host, folder.path], { stdio: "inherit" });
  while ((await sizeOf(".partial", HEX)) < GIB / 3) await Bun.sleep(5);
  first.kill("SIGKILL");
  await once(first, "exit");
  const held = await sizeOf(".partial", HEX);
  expect(held).toBeLessThan(GIB);

  const second = spawn(process.execPath, [FETCH, server.host, folder.path], { stdio: "inherit" });
  expect(await once(second, "exit")).toEqual([0, null]);
  expect(server.requests.map(({ range }) => range)).toEqual([undefined, `bytes=${held}-${GIB - 1}`]);
  expect(server.requests[1]!.sent).toBe(GIB - held);
  expect(await sizeOf("share", "sha256", HEX)).toBe(GIB);
});
