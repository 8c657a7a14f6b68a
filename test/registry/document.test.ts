/** Manifests and lists that are cut on their way. */
import { expect, test } from "bun:test";
import { openRegistry } from "../../src/registry/registry.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Sink } from "../../src/store/store.ts";
import { withFaults } from "../support/faults.ts";
import { pushTo } from "../support/push.ts";
import { image, referrer } from "../support/random-image.ts";
import { startRegistry } from "../support/registry.ts";
import { thrownBy } from "../support/thrown.ts";

const subject = image();
const sbom = referrer(subject.root, "x/sbom");

const READERS: readonly [path: RegExp, read: (repository: Sink) => Promise<unknown>, expected: unknown][] = [
  [/\/manifests\/v1$/, (repository) => repository.resolve("v1"), subject.root.digest],
  [/\/tags\/list/, (repository) => Array.fromAsync(repository.tags!()), "v1"],
  [/\/referrers\//, (repository) => repository.referrers!(subject.root.digest), "x/sbom"],
];

/** What `read` says of a registry whose first `times` answers to GETs of `path` are cut. */
async function readCut(path: RegExp, read: (repository: Sink) => Promise<unknown>, times: number) {
  const store = memoryStore();
  for (const one of [subject, sbom]) await pushTo(store.repository("a"), one, one === subject ? "v1" : undefined);
  await using server = await startRegistry(store, {
    wrap: (handler) =>
      withFaults(handler, [
        { method: "HEAD", path: /manifests/, fault: { type: "status", status: 405 } },
        { method: "GET", path, times, fault: { type: "drop", after: 10 } },
      ]),
  });
  const repository = openRegistry(server.host, { retry: { attempts: 3, delay: 1, maximum: 2 } }).repository("a");
  try {
    return { read: await read(repository), asked: server.count("GET", path) };
  } catch (error) {
    return { error, asked: server.count("GET", path) };
  }
}

test.each(READERS)("%s is asked for again", async (path, read, expected) => {
  const { read: said, asked } = await readCut(path, read, 2);
  expect(JSON.stringify(said)).toContain(String(expected));
  expect(asked).toBe(3);
});

test.each(READERS)("%s that is cut each time is an error of the network", async (path, read) => {
  const { error, asked } = await readCut(path, read, 10);
  expect(error).toMatchObject({ code: "NETWORK", message: expect.stringMatching(/^Cannot (?:read|list) /) });
  expect(asked).toBe(3);
});

test("a cut that is an abort is one", async () => {
  const reason = new Error("enough");
  const abort = new AbortController();
  const registry = openRegistry("r.example", {
    resolve: async () => [],
    transport: async (_, { signal }) => {
      const body = new ReadableStream({
        pull(controller) {
          abort.abort(reason);
          controller.error(signal?.reason);
        },
      });
      return new Response(body);
    },
  });
  const tags = registry.repository("a").tags!({ signal: abort.signal });
  expect(await thrownBy(() => Array.fromAsync(tags))).toBe(reason);
});
