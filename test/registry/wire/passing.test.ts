/** What passes, and when. */
import { expect, test } from "bun:test";
import { isPassing, patienceOf, retryAfter } from "../../../src/registry/wire/passing.ts";

test.each([408, 425, 429, 499, 500, 502, 503, 504, 522])("%d passes", (status) => {
  expect(isPassing(status)).toBe(true);
});

test.each([200, 202, 307, 400, 401, 403, 404, 405, 413, 416, 501, 505])("%d stands", (status) => {
  expect(isPassing(status)).toBe(false);
});

test.each<[string | null, number | undefined]>([
  ["120", 120_000],
  [" 0 ", 0],
  ["1.5", 1500],
  ["9".repeat(400), Number.POSITIVE_INFINITY],
  ["Thu, 01 Jan 1970 00:00:10 GMT", 9_000],
  ["Thursday, 01-Jan-70 00:00:10 GMT", 9_000],
  ["Thu Jan  1 00:00:10 1970", 9_000],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["soon", undefined],
  ["apples 5", undefined],
  ["Sunday", undefined],
  ["5 minutes", undefined],
  ["-5", undefined],
  ["1e3", undefined],
  ["", undefined],
  [null, undefined],
])("Retry-After %p is %p", (header, milliseconds) => {
  expect(retryAfter(header, 1000)).toBe(milliseconds);
});

test("a date is by the clock of its server, so that a wrong clock here does not matter", () => {
  const headers = { date: "Thu, 01 Jan 2099 00:00:00 GMT", "retry-after": "Thu, 01 Jan 2099 00:00:07 GMT" };
  expect(patienceOf(new Response(null, { status: 429, headers }))).toBe(7000);
  const far = { "retry-after": "Thu, 01 Jan 2099 00:00:07 GMT" };
  expect(patienceOf(new Response(null, { status: 429, headers: far }))).toBeGreaterThan(1e9);
});
