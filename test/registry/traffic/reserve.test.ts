/** Pulls that are held back, and what is told of those that are left. */
import { expect, test } from "bun:test";
import type { Event } from "../../../src/events.ts";
import { withReserve } from "../../../src/registry/traffic/reserve.ts";
import { createTraffic } from "../../../src/registry/traffic/traffic.ts";
import type { Exchange } from "../../../src/registry/wire/exchange.ts";
import { thrownBy } from "../../support/thrown.ts";

const MANIFEST = "https://r.example/v2/library/nginx/manifests/latest";
const GET: Exchange = { method: "GET", headers: {} };

function headers(remaining: number, limit = 100, window = 21_600): Record<string, string> {
  return { "ratelimit-limit": `${limit};w=${window}`, "ratelimit-remaining": `${remaining};w=${window}` };
}

test("told when first heard, at each tenth, and for each of the last ones", async () => {
  const events: Event[] = [];
  let remaining = 101;
  const send = withReserve(
    async () => new Response("", { headers: headers(--remaining) }),
    createTraffic(),
    (event) => events.push(event),
  );
  while (remaining > 0) await send(MANIFEST, GET);
  expect(events.map((event) => event.type === "quota" && event.remaining)).toEqual([
    100, 90, 80, 70, 60, 50, 40, 30, 20, 10, 5, 4, 3, 2, 1, 0,
  ]);
  expect(events[0]).toEqual({
    type: "quota",
    host: "r.example",
    limit: 100,
    remaining: 100,
    window: 21_600,
    source: undefined,
  });
});

test("heard from any answer; only GETs of manifests are held back at the reserve", async () => {
  let calls = 0;
  const send = withReserve(
    async () => {
      calls++;
      return new Response(null, { status: 200, headers: headers(5) });
    },
    createTraffic({ hubReserve: 5 }),
  );
  await send(MANIFEST, { ...GET, method: "HEAD" });
  await send("https://r.example/v2/a/manifests/b/blobs/sha256:0", GET);
  await send(MANIFEST, { ...GET, method: "HEAD" });
  await send(MANIFEST, { ...GET, method: "PUT" });
  await send(MANIFEST.replace("r.example", "other.example"), GET);
  expect(calls).toBe(5);
  const error = await thrownBy(() => send(MANIFEST, GET));
  expect(error).toMatchObject({
    code: "RATE_LIMITED",
    message: 'Cannot ask "r.example" for a manifest: 5 pulls are left and --hub-reserve keeps 5',
    hint: expect.stringMatching(/^there are new ones by \d{4}-\d\d-\d\d \d\d:\d\d UTC; .*log in/),
  });
  expect(calls).toBe(5);
});

test("ten workers do not overshoot, in whatever order they are answered", async () => {
  const traffic = createTraffic({ hubReserve: 5 });
  let left = 8;
  let pulls = 0;
  const answers: (() => void)[] = [];
  const send = withReserve((_, { method }) => {
    if (method === "GET") {
      left--;
      pulls++;
    }
    const response = new Response(null, { headers: headers(left) });
    if (method === "HEAD") return Promise.resolve(response);
    return new Promise((resolve) => answers.push(() => resolve(response)));
  }, traffic);
  await send(MANIFEST, { ...GET, method: "HEAD" });
  const calls = Array.from({ length: 10 }, () => send(MANIFEST, GET).catch(() => undefined));
  for (const answer of answers.reverse()) answer();
  await Promise.all(calls);
  expect([pulls, left]).toEqual([3, 5]);
  expect(await thrownBy(() => send(MANIFEST, GET))).toMatchObject({ code: "RATE_LIMITED" });
});

test("pulls without a word about them count as well, refused ones do not", async () => {
  const traffic = createTraffic();
  const { quota } = traffic.at("r.example");
  quota.hear({ limit: 100, remaining: 50, window: 60 }, performance.now());
  const of = (answer: Response | Error) =>
    withReserve(async () => (answer instanceof Error ? Promise.reject(answer) : answer), traffic)(MANIFEST, GET);
  await of(new Response("", { status: 401 }));
  expect(quota.left()).toBe(50);
  await of(new Response(""));
  expect(quota.left()).toBe(49);
  await of(new Error("cut")).catch(() => {});
  expect(quota.left()).toBe(48);
});

test("without a reserve no pull is sent once the registry has said that none is left, until it says otherwise", async () => {
  const traffic = createTraffic();
  let remaining = 1;
  let calls = 0;
  const send = withReserve(async () => {
    calls++;
    return new Response(null, { headers: headers(remaining--) });
  }, traffic);
  await send(MANIFEST, GET);
  await send(MANIFEST, GET);
  const error = await thrownBy(() => send(MANIFEST, GET));
  expect(error).toMatchObject({
    code: "RATE_LIMITED",
    message: 'Cannot ask "r.example" for a manifest: it says that no pull is left',
    hint: expect.stringMatching(/^there are new ones by \d{4}-\d\d-\d\d \d\d:\d\d UTC; .*log in$/),
  });
  expect(calls).toBe(2);
  remaining = 5;
  await send(MANIFEST, { ...GET, method: "HEAD" });
  expect((await send(MANIFEST, GET)).status).toBe(200);
});

test("what was heard is forgotten when its window has passed", async () => {
  const traffic = createTraffic({ hubReserve: 10 });
  const send = withReserve(async () => new Response(null, { headers: headers(3, 100, 0) }), traffic);
  await send(MANIFEST, GET);
  expect((await send(MANIFEST, GET)).status).toBe(200);
  expect(traffic.at("r.example").quota.left()).toBeUndefined();
});
