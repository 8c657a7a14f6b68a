/** Locations as registries really give them. */
import { expect, test } from "bun:test";
import { resolveLocation } from "../../../src/registry/upload/location.ts";

const REQUEST = "https://r.example:8443/v2/a/blobs/uploads/";

test.each([
  ["/v2/a/blobs/uploads/1?_state=a%2Fb~(!)", "https://r.example:8443/v2/a/blobs/uploads/1?_state=a%2Fb~(!)"],
  ["1?x", "https://r.example:8443/v2/a/blobs/uploads/1?x"],
  ["?x=1", "https://r.example:8443/v2/a/blobs/uploads/?x=1"],
  ["https://r.example:8443/up", "https://r.example:8443/up"],
  ["http://r.example/up?a", "https://r.example:8443/up?a"],
  ["http://r.example:5000/up", "https://r.example:8443/up"],
  ["https://r.example/up", "https://r.example:8443/up"],
  ["https://uploads.r.example/up?s=1#x", "https://uploads.r.example/up?s=1"],
])("%s", (location, expected) => {
  expect(resolveLocation("Cannot", location, REQUEST)).toBe(expected);
});

test.each([
  ["https://me:secret@r.example:8443/up", "https://r.example:8443/up"],
  // Whether to go there is the client's to ask.
  ["https://evil.example.com/up", "https://evil.example.com/up"],
  ["http://r.example.evil.net/up", "http://r.example.evil.net/up"],
])("%s is understood as %s", (location, expected) => {
  expect(resolveLocation("Cannot", location, REQUEST)).toBe(expected);
});

test.each([null, "http://", "https://[::1/"])("refuses %p", (location) => {
  expect(() => resolveLocation("Cannot", location, REQUEST)).toThrow("did not say where to upload");
});

test("http stays http", () => {
  const request = "http://localhost:5000/v2/a/blobs/uploads/";
  expect(resolveLocation("Cannot", "http://localhost:5000/x", request)).toBe("http://localhost:5000/x");
  expect(resolveLocation("Cannot", "http://localhost/x", request)).toBe("http://localhost:5000/x");
});
