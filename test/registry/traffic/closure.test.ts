/** Hosts that want to be left alone for long. */
import { expect, test } from "bun:test";
import { withClosures } from "../../../src/registry/traffic/closure.ts";
import { createTraffic } from "../../../src/registry/traffic/traffic.ts";
import type { Exchange } from "../../../src/registry/wire/exchange.ts";
import { patienceOf } from "../../../src/registry/wire/passing.ts";

const GET: Exchange = { method: "GET", headers: {} };

function answering(answer: () => Response) {
  const asked: string[] = [];
  const send = withClosures(async (url) => {
    asked.push(url);
    return answer();
  }, createTraffic());
  return { asked, send };
}

test.each(["7200", new Date(Date.now() + 7_200_000).toUTCString()])(
  "one that said %s is not asked again, and its answer is everybody's",
  async (asks) => {
    const { asked, send } = answering(() => new Response("enough", { status: 429, headers: { "retry-after": asks } }));
    for (const path of "abc") {
      const response = await send(`https://r.example/${path}`, GET);
      expect(response.status).toBe(429);
      expect(await response.text()).toBe("enough");
      expect(patienceOf(response)).toBeWithin(7_190_000, 7_200_001);
    }
    expect(asked).toEqual(["https://r.example/a"]);
    await send("https://r.example:5000/a", GET);
    expect(asked).toHaveLength(2);
  },
);

test("one without a body has none the next time either", async () => {
  const { send } = answering(() => new Response(null, { status: 503, headers: { "retry-after": "3600" } }));
  await send("https://r.example/", GET);
  expect((await send("https://r.example/", GET)).body).toBeNull();
});

test.each<[number, string]>([
  [429, "300"],
  [429, "soon"],
  [404, "3600"],
  [200, "3600"],
])("%d with %j closes nothing", async (status, asks) => {
  const { asked, send } = answering(() => new Response("", { status, headers: { "retry-after": asks } }));
  await send("https://r.example/", GET);
  await send("https://r.example/", GET);
  expect(asked).toHaveLength(2);
});

test("it is asked again when its time has come", async () => {
  const traffic = createTraffic();
  let count = 0;
  const send = withClosures(async () => {
    count++;
    return new Response("");
  }, traffic);
  traffic.at("r.example").closure = { until: performance.now() - 1, again: () => new Response("", { status: 429 }) };
  expect((await send("https://r.example/", GET)).status).toBe(200);
  expect(count).toBe(1);
});
