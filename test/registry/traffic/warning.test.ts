/** What registries warn of. */
import { expect, test } from "bun:test";
import type { Event } from "../../../src/events.ts";
import { createTraffic } from "../../../src/registry/traffic/traffic.ts";
import { parseWarnings, withWarnings } from "../../../src/registry/traffic/warning.ts";

test.each<[string | null, string[]]>([
  [null, []],
  ['299 - "This ends in May."', ["This ends in May."]],
  ['299 - "a, \\"b\\" \\\\ c", 299 - "d"', ['a, "b" \\ c', "d"]],
  ['199 - "other", 299 - "ours"', ["ours"]],
  ['299 agent "not to the letter"', []],
  ["299 - bare", []],
  ['299 - "\u001b[31mred\u202e\u0007"', ["red"]],
  ['299 - ""', []],
  ['299 - "never ends', []],
])("%p says %j", (header, texts) => {
  expect(parseWarnings(header)).toEqual(texts);
});

test("long ones are cut", () => {
  expect(parseWarnings(`299 - "${"x".repeat(3000)}"`)[0]).toHaveLength(500);
  expect(parseWarnings(`299 - "${"x".repeat(5000)}"`)).toEqual([]);
});

test("each is told once for each host, twenty at most, and the answer is passed on as it is", async () => {
  const events: Event[] = [];
  const traffic = createTraffic();
  let count = 0;
  const response = new Response("x", { headers: { warning: '299 - "old"' } });
  const send = withWarnings(
    async (url) =>
      url.endsWith("/many") ? new Response("", { headers: { warning: `299 - "${count++}"` } }) : response,
    traffic,
    (event) => events.push(event),
  );
  const exchange = { method: "GET", headers: {} };
  expect(await send("https://r.example/", exchange)).toBe(response);
  await send("https://r.example/a", exchange);
  await send("https://s.example/", exchange);
  expect(events).toEqual([
    { type: "warning", message: '"r.example" warns: old' },
    { type: "warning", message: '"s.example" warns: old' },
  ]);
  for (let at = 0; at < 30; at++) await send("https://r.example/many", exchange);
  expect(events.length).toBe(21);
});
