/** A registry that is read from and takes nothing: a run comes to its end, with no more than a try for what is left. */
import { expect, test } from "bun:test";
import { ordered } from "../../src/bytes/pool.ts";
import type { AppError } from "../../src/errors.ts";
import { openRegistry } from "../../src/registry/registry.ts";
import { type FaultRule, withFaults } from "../support/faults.ts";
import { part, randomBytes } from "../support/random-image.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const JOBS = 4;
const ATTEMPTS = 5;
const BLOBS = Array.from({ length: 40 }, (_, at) =>
  part("application/octet-stream", randomBytes(`refused writes ${at}`, 1000)),
);
const FULL = { type: "status", status: 500, body: "no space left on device" } as const;
const SLOWER = { type: "rate-limit", retryAfter: 0 } as const;

/** Asks for each blob and then uploads it, as a run does; into one repository, or each into its own. What became of them, in order. */
async function uploadAll({ host }: TestRegistry, path: (at: number) => string): Promise<(AppError | undefined)[]> {
  const registry = openRegistry(host, { retry: { attempts: ATTEMPTS, delay: 1, maximum: 4 } });
  async function upload(at: number): Promise<AppError | undefined> {
    const repository = registry.repository(path(at));
    const blob = BLOBS[at]!;
    if (await repository.has(blob.descriptor)) return undefined;
    try {
      await repository.put(blob);
      return undefined;
    } catch (error) {
      return error as AppError;
    }
  }
  return await Array.fromAsync(ordered(BLOBS.keys(), upload, { concurrency: JOBS }));
}

function one(): string {
  return "a/b";
}

function each(at: number): string {
  return `a/${at}`;
}

/** What is done for the first blobs, by all workers at once, and for each that follows. */
const MOST = JOBS * ATTEMPTS + BLOBS.length - JOBS;

test.each<[string, string, FaultRule[], (at: number) => string]>([
  ["500 where sessions are begun", "POST", [{ method: "POST", fault: FULL }], one],
  ["500 where sessions are begun in many repositories", "POST", [{ method: "POST", fault: FULL }], each],
  ["429 where sessions are begun", "POST", [{ method: "POST", fault: SLOWER }], one],
  ["500 to content", "PUT", [{ method: "PUT", fault: FULL }], one],
  ["503 to content", "PUT", [{ method: "PUT", fault: { type: "status", status: 503 } }], each],
  [
    "500 to what ends a session, after all of the content",
    "PUT",
    [
      { method: "PUT", times: JOBS, fault: { type: "status", status: 405 } },
      { method: "PUT", fault: FULL },
    ],
    one,
  ],
])("%s ends soon, each blob with the reason", async (_, method, rules, repository) => {
  await using server = await startRegistry(undefined, { wrap: (handler) => withFaults(handler, rules) });
  const results = await uploadAll(server, repository);
  for (const error of results)
    expect(error?.message).toMatch(/^Cannot write ".*": the registry (answered 50[03]|says TOOMANYREQUESTS)/);
  expect(server.count("HEAD", /blobs/)).toBeGreaterThanOrEqual(BLOBS.length);
  expect(server.count(method)).toBeGreaterThanOrEqual(BLOBS.length);
  expect(server.count(method)).toBeLessThanOrEqual(MOST + JOBS);
});

test.each<[string, FaultRule[]]>([
  ["to sessions", [{ method: "POST", times: ATTEMPTS - 1, fault: SLOWER }]],
  ["to content", [{ method: "PUT", times: ATTEMPTS - 1, fault: SLOWER }]],
])("refusals %s that end cost no blob", async (_, rules) => {
  await using server = await startRegistry(undefined, { wrap: (handler) => withFaults(handler, rules) });
  expect(new Set(await uploadAll(server, one))).toEqual(new Set([undefined]));
});

test("neither do those of all sessions but the last that a blob may have", async () => {
  const rules = BLOBS.map((_, at) => ({
    method: "POST",
    path: new RegExp(`^/v2/a/${at}/`),
    times: ATTEMPTS - 1,
    fault: FULL,
  }));
  await using server = await startRegistry(undefined, { wrap: (handler) => withFaults(handler, rules) });
  expect(new Set(await uploadAll(server, each))).toEqual(new Set([undefined]));
});

test("who takes content again has lost only what was tried meanwhile", async () => {
  const rules: FaultRule[] = [{ method: "PUT", times: MOST - 20, fault: FULL }];
  await using server = await startRegistry(undefined, { wrap: (handler) => withFaults(handler, rules) });
  const results = await uploadAll(server, one);
  expect(results.slice(-5)).toEqual(Array(5).fill(undefined));
  expect(new Set(results).size).toBeGreaterThan(1);
  for (const [at, error] of results.entries())
    expect(await server.store.repository(one()).has(BLOBS[at]!.descriptor)).toBe(error === undefined);
});
