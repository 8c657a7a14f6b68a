/** Registries that want to be left alone for a while, or for good. Registry facts of A.10; RFC 9110 section 10.2.3. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Event } from "../../../../src/events.ts";
import { createTraffic } from "../../../../src/registry/traffic/traffic.ts";
import type { Talk } from "../../../support/scripted-registry.ts";
import { BLOB, BLOB_PATH, each, fails, given, MANIFEST, MANIFEST_PATH, pull, pullBlob, refusal } from "../given.ts";

const OTHER_PATH = BLOB_PATH.replace("/a/", "/b/");
const SERVED = { body: BLOB.bytes };

export async function retryAfterInSeconds({ registry, open, times }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 429 [retry-after: 1]`, { body: refusal("TOOMANYREQUESTS") });
  registry(`GET ${BLOB_PATH} -> 200`, SERVED);
  const waits: Event[] = [];
  await pullBlob(open(registry, { onEvent: (event) => waits.push(event) }).repository("a"));
  ok(times[1]! - times[0]! >= 990);
  const [wait] = waits.filter(({ type }) => type === "waiting") as Extract<Event, { type: "waiting" }>[];
  deepStrictEqual([wait?.host, wait?.why], [registry.host, "rate-limit"]);
}

export async function retryAfterAsADate({ registry, open, times }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 429`, () => ({
    // By the clock of the server, which is an hour behind.
    headers: {
      date: new Date(Date.now() - 3_600_000).toUTCString(),
      "retry-after": new Date(Date.now() - 3_600_000 + 1000).toUTCString(),
    },
  }));
  registry(`GET ${BLOB_PATH} -> 200`, SERVED);
  await pullBlob(open().repository("a"));
  ok(times[1]! - times[0]! >= 990);
}

export async function retryAfterOfAServerInTrouble({ registry, open, times }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 503 [retry-after: 1]`);
  registry(`GET ${BLOB_PATH} -> 200`, SERVED);
  await pullBlob(open().repository("a"));
  ok(times[1]! - times[0]! >= 990);
}

export async function everybodyKeepsThePause({ registry, open, times }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 429 [retry-after: 1]`);
  registry.always(`GET ${BLOB_PATH} -> 200`, SERVED);
  const others = registry.always(`GET ${OTHER_PATH} -> 200`, SERVED);
  const { promise, resolve } = Promise.withResolvers<void>();
  const store = open(registry, { onEvent: ({ type }) => type === "waiting" && resolve() });
  const first = pullBlob(store.repository("a"));
  await promise;
  await Promise.all([first, pullBlob(store.repository("b")), pullBlob(store.repository("b"))]);
  for (const time of others) ok(time - times[0]! >= 990);
  strictEqual(others.length, 2);
}

export async function otherHostsAreNotPaused({ registry, cdn, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 429 [retry-after: 2]`);
  cdn(`GET ${BLOB_PATH} -> 200`, SERVED);
  registry(`GET ${BLOB_PATH} -> 200`, SERVED);
  const traffic = createTraffic();
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiting = pullBlob(open(registry, { traffic, onEvent: () => resolve() }).repository("a"));
  await promise;
  await pullBlob(open(cdn, { traffic }).repository("a"));
  await waiting;
}

export async function morePatienceThanWeHave({ registry, open }: Talk): Promise<void> {
  registry(`GET ${BLOB_PATH} -> 429 [retry-after: 21600]`, { body: refusal("TOOMANYREQUESTS", "pull rate limit") });
  await fails(pullBlob(open().repository("a")), "RATE_LIMITED: Cannot read …pull rate limit…");
}

async function limitUnderAnotherName({ registry, open }: Talk, status: number): Promise<void> {
  registry(`GET ${BLOB_PATH} -> ${status}`, { body: refusal("TOOMANYREQUESTS", "Rate exceeded") });
  registry(`GET ${BLOB_PATH} -> 200`, SERVED);
  await pullBlob(open().repository("a"));
}

export const aLimit = each(limitUnderAnotherName, {
  "under 400": [400],
  "under 403": [403],
});

export async function aLimitThatDoesNotEnd({ registry, open }: Talk): Promise<void> {
  const asked = registry.always(`GET ${BLOB_PATH} -> 429`, { body: refusal("TOOMANYREQUESTS") });
  await fails(pullBlob(open(registry, { retry: { attempts: 3 } }).repository("a")), "RATE_LIMITED: Cannot read …");
  strictEqual(asked.length, 3);
}

export async function statusesThatPass({ registry, open }: Talk): Promise<void> {
  const statuses = [408, 425, 499, 500, 502, 503, 504, 522];
  for (const status of statuses) registry(`GET ${BLOB_PATH} -> ${status}`);
  registry(`GET ${BLOB_PATH} -> 200`, SERVED);
  await pullBlob(open(registry, { retry: { attempts: statuses.length + 1 } }).repository("a"));
}

async function stands({ registry, open }: Talk, status: number, code: string): Promise<void> {
  registry(`GET ${BLOB_PATH} -> ${status}`);
  await fails(pullBlob(open().repository("a")), `${code}: Cannot read …`);
}

export const refusedForGood = each(stands, {
  "400": [400, "UNSUPPORTED"],
  "404": [404, "NOT_FOUND"],
  "405": [405, "UNSUPPORTED"],
  "410": [410, "…"],
  "501": [501, "UNSUPPORTED"],
});

export async function triesHaveAnEnd({ registry, open }: Talk): Promise<void> {
  const asked = registry.always(`GET ${BLOB_PATH} -> 500`, { body: "<html>oops</html>" });
  await fails(pullBlob(open().repository("a")), "NETWORK: Cannot read …: the registry answered 500…");
  strictEqual(asked.length, 5);
}

const QUOTA = "[ratelimit-limit: 100;w=21600] [docker-ratelimit-source: 192.0.2.1]";

export async function quotaIsTold({ registry, open }: Talk): Promise<void> {
  registry(`HEAD ${MANIFEST_PATH} -> 200 ${QUOTA} [ratelimit-remaining: 73;w=21600]`, given(MANIFEST));
  const events: Event[] = [];
  await open(registry, { onEvent: (event) => events.push(event) })
    .repository("a")
    .resolve("v1");
  deepStrictEqual(events, [
    { type: "quota", host: registry.host, limit: 100, remaining: 73, window: 21600, source: "192.0.2.1" },
  ]);
}

export async function theReserveIsKept({ registry, open }: Talk): Promise<void> {
  const path = `/v2/a/manifests/${MANIFEST.descriptor.digest}`;
  registry(`HEAD ${MANIFEST_PATH} -> 200 ${QUOTA} [ratelimit-remaining: 11;w=21600]`, given(MANIFEST));
  registry(`GET ${path} -> 200 ${QUOTA} [ratelimit-remaining: 10;w=21600]`, given(MANIFEST));
  registry(`HEAD ${MANIFEST_PATH} -> 200 ${QUOTA} [ratelimit-remaining: 10;w=21600]`, given(MANIFEST));
  registry(`GET ${BLOB_PATH} -> 200`, SERVED);
  const repository = open(registry, { traffic: createTraffic({ hubReserve: 10 }) }).repository("a");
  await repository.resolve("v1");
  await pull(repository, MANIFEST);
  await repository.resolve("v1");
  await fails(pull(repository, MANIFEST), "RATE_LIMITED: Cannot …10 …");
  await pullBlob(repository);
}

export async function warningsAreToldOnce({ registry, open }: Talk): Promise<void> {
  const warning = '[warning: 299 - "this \\"repository\\"  moves", 199 - "not for us"]';
  registry(`GET ${BLOB_PATH} -> 200 ${warning}`, SERVED);
  registry(`GET ${BLOB_PATH} -> 200 ${warning}`, SERVED);
  const events: Event[] = [];
  const repository = open(registry, { onEvent: (event) => events.push(event) }).repository("a");
  await pullBlob(repository);
  await pullBlob(repository);
  deepStrictEqual(events, [{ type: "warning", message: `"${registry.host}" warns: this "repository" moves` }]);
}

export async function oneAtATimeForEachHost({ registry, open }: Talk): Promise<void> {
  let [open_, most] = [0, 0];
  const gate = async (): Promise<void> => {
    most = Math.max(most, ++open_);
    await new Promise((resolve) => setTimeout(resolve, 5));
    open_--;
  };
  registry.always(`GET ${BLOB_PATH} -> 200`, () => ({ ...SERVED, when: gate() }));
  const repository = open(registry, { traffic: createTraffic({ perHost: 1 }) }).repository("a");
  await Promise.all(Array.from({ length: 5 }, () => pullBlob(repository)));
  strictEqual(most, 1);
}

export async function requestsKeepTheirDistance({ registry, open }: Talk): Promise<void> {
  const times = registry.always(`GET ${BLOB_PATH} -> 200`, SERVED);
  const repository = open(registry, { traffic: createTraffic({ rps: 20 }) }).repository("a");
  await Promise.all(Array.from({ length: 5 }, () => pullBlob(repository)));
  // 50 ms from each to the next; the network may shift one a little.
  ok(times.at(-1)! - times[0]! >= 150);
}
