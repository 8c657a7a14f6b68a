/** Every fault reaches a real client through a real socket. */
import { expect, test } from "bun:test";
import type { Digest } from "../../src/oci/digest.ts";
import { type FaultRule, withFaults } from "./faults.ts";
import { pushTo } from "./push.ts";
import { part, randomBytes } from "./random-image.ts";
import { startRegistry, type TestRegistry } from "./registry.ts";

const blob = part("application/octet-stream", randomBytes("faults", 500_000));

async function faulty(...rules: FaultRule[]): Promise<TestRegistry> {
  const registry = await startRegistry(undefined, { wrap: (handler) => withFaults(handler, rules) });
  await pushTo(registry.store.repository("x"), { root: blob.descriptor, manifests: [], blobs: [blob] });
  return registry;
}

function get(
  { url }: TestRegistry,
  init: RequestInit = {},
  digest: Digest = blob.descriptor.digest,
): Promise<Response> {
  return fetch(`${url}/v2/x/blobs/${digest}`, { redirect: "manual", ...init });
}

test("drops a download in the middle, once", async () => {
  await using registry = await faulty({ path: /blobs/, times: 1, fault: { type: "drop", after: 100_000 } });
  const response = await get(registry);
  expect(response.headers.get("content-length")).toBe("500000");
  let seen = 0;
  const reading = async (): Promise<void> => {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) seen += chunk.length;
  };
  await expect(reading()).rejects.toThrow();
  expect(seen).toBeLessThanOrEqual(100_000);
  expect(await (await get(registry)).bytes()).toEqual(blob.bytes);
});

test("drops a connection without a response", async () => {
  await using registry = await faulty(
    { method: "HEAD", fault: { type: "drop", after: 0 } },
    { method: "PUT", fault: { type: "drop-upload", after: 1000 } },
  );
  await expect(get(registry, { method: "HEAD" })).rejects.toThrow();
  // Not `rejects`: Bun 1.4.5 takes this very promise for a resolved one.
  const cut = await get(registry, { method: "PUT", body: blob.bytes }).catch((error: unknown) => error);
  expect(cut).toBeInstanceOf(Error);
  expect((await get(registry)).status).toBe(200);
});

test("stalls until the client has enough", async () => {
  await using registry = await faulty(
    { times: 1, fault: { type: "stall", after: 1000 } },
    { fault: { type: "stall", after: 0 } },
  );
  const abort = new AbortController();
  const reader = (await get(registry, { signal: abort.signal })).body!.getReader();
  expect((await reader.read()).value).toHaveLength(1000);
  const silent = get(registry, { signal: abort.signal });
  abort.abort();
  await expect(reader.read()).rejects.toThrow();
  await expect(silent).rejects.toThrow();
});

test("turns one byte", async () => {
  await using registry = await faulty({ fault: { type: "corrupt", at: 400_000 } });
  const bytes = await (await get(registry)).bytes();
  expect(bytes.findIndex((byte, at) => byte !== blob.bytes[at])).toBe(400_000);
  expect(bytes.slice(400_001)).toEqual(blob.bytes.slice(400_001));
});

test("counts, skips and answers in the registry's place", async () => {
  const when = new Date(Date.UTC(2030, 0, 2));
  await using registry = await faulty(
    { skip: 1, times: 1, fault: { type: "status", status: 401, headers: { "www-authenticate": "Basic" } } },
    { times: 1, fault: { type: "status", status: 503, body: "later" } },
    { times: 1, fault: { type: "rate-limit", retryAfter: 7 } },
    { times: 1, fault: { type: "rate-limit", retryAfter: when } },
  );
  const answers: string[] = [];
  for (let round = 0; round < 5; round++) {
    const { status, headers } = await get(registry);
    answers.push([status, headers.get("www-authenticate") ?? headers.get("retry-after") ?? ""].join(" ").trim());
  }
  expect(answers).toEqual(["503", "401 Basic", "429 7", "429 Wed, 02 Jan 2030 00:00:00 GMT", "200"]);
  expect(registry.requests.map(({ status }) => status)).toEqual([503, 401, 429, 429, 200]);
});

test("redirects to another origin", async () => {
  await using elsewhere = await faulty();
  await using registry = await faulty({ fault: { type: "redirect", origin: elsewhere.url } });
  expect((await get(registry)).headers.get("location")).toBe(`${elsewhere.url}/v2/x/blobs/${blob.descriptor.digest}`);
  expect(await (await get(registry, { redirect: "follow" })).bytes()).toEqual(blob.bytes);
  expect(elsewhere.count("GET", /blobs/)).toBe(1);
});

test("ignores a range, and changes headers", async () => {
  await using registry = await faulty(
    { times: 1, fault: { type: "ignore-range" } },
    { fault: { type: "headers", set: { "content-range": "bytes 0-1/2" }, remove: ["etag"] } },
  );
  const headers = { range: "bytes=10-19" };
  expect((await get(registry, { headers })).status).toBe(200);
  const changed = await get(registry, { headers });
  expect(changed.status).toBe(206);
  expect([changed.headers.get("content-range"), changed.headers.get("etag")]).toEqual(["bytes 0-1/2", null]);
});

test("is slow, and whole", async () => {
  await using registry = await faulty({ fault: { type: "slow", milliseconds: 1, chunk: 100_000 } });
  expect(await (await get(registry)).bytes()).toEqual(blob.bytes);
});
