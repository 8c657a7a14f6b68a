/** What people are told of a broken connection. */
import { expect, test } from "bun:test";
import { networkReason, troubleOf } from "../../../src/registry/wire/trouble.ts";

test.each([
  "The socket connection was closed unexpectedly. For more information, pass `verbose: true` in the second argument to fetch()",
  "socket hang up",
  "client error (SendRequest): connection closed before message completed",
])("%s: the connection was cut", (words) => {
  const error = new Error(words);
  expect([troubleOf(error), networkReason(error)]).toEqual(["broken", "the connection was cut"]);
});

test("who cannot be asked for a name is not who does not answer", () => {
  const error = Object.assign(new Error("getaddrinfo EAI_AGAIN r.example"), { code: "EAI_AGAIN" });
  expect([troubleOf(error), networkReason(error)]).toEqual(["unasked", "its name cannot be looked up now"]);
});
