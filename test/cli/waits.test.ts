/** Pauses of hundreds of requests, told in a few lines. */
import { expect, test } from "bun:test";
import { createWaits, warnOfWaits } from "../../src/cli/waits.ts";

const REFUSED = { type: "waiting", host: "r.example", why: "rate-limit", reason: "the registry answered 429" } as const;

test("a storm is one line in fifteen seconds, and what was left out is counted", () => {
  let now = 0;
  const waits = createWaits(() => now);
  const lines: (string | undefined)[] = [];
  for (now = 0; now < 31_000; now += 100) lines.push(waits.take({ ...REFUSED, milliseconds: 500 }));
  expect(lines.filter((line) => line !== undefined)).toEqual([
    "r.example: the registry answered 429; trying again in 0.5 s",
    "r.example: the registry answered 429 (149 more since the last time); trying again in 0.5 s",
    "r.example: the registry answered 429 (149 more since the last time); trying again in 0.5 s",
  ]);
  expect(waits.rest()).toEqual(["r.example: the registry answered 429 (9 more times)"]);
});

test("other hosts, other reasons and long pauses are told at once", () => {
  const waits = createWaits(() => 0);
  const events = [
    { ...REFUSED, milliseconds: 500 },
    { ...REFUSED, host: "other.example", milliseconds: 500 },
    { ...REFUSED, reason: "nobody answers", milliseconds: 500 },
    { ...REFUSED, milliseconds: 60_000 },
  ];
  expect(events.map((event) => waits.take(event))).toEqual([
    "r.example: the registry answered 429; trying again in 0.5 s",
    "other.example: the registry answered 429; trying again in 0.5 s",
    "r.example: nobody answers; trying again in 0.5 s",
    "r.example: the registry answered 429; trying again in 60.0 s",
  ]);
  expect(waits.rest()).toEqual([]);
});

test("a pause of no length is none", () => {
  const lines = [0, 49, 51].map((milliseconds) => createWaits(() => 0).take({ ...REFUSED, milliseconds }));
  expect(lines).toEqual([
    "r.example: the registry answered 429; trying again at once",
    "r.example: the registry answered 429; trying again at once",
    "r.example: the registry answered 429; trying again in 0.1 s",
  ]);
});

test("of all events only the pauses are told", () => {
  const lines: string[] = [];
  const onEvent = warnOfWaits((line) => lines.push(line));
  onEvent({ ...REFUSED, milliseconds: 500 });
  onEvent({ ...REFUSED, milliseconds: 500 });
  onEvent({ type: "quota", host: "r.example", remaining: 1, limit: 100, window: 3600 });
  expect(lines).toEqual(["r.example: the registry answered 429; trying again in 0.5 s"]);
});
