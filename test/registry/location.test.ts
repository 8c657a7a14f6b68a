/** Locations as registries really give them. */
import { expect, test } from "bun:test";
import { resolveLocation } from "../../src/registry/location.ts";

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

test.each([null, "http://", "https://evil.example.com/up", "http://uploads.r.example/up", "https://10.0.0.1/up"])(
  "refuses %p",
  (location) => {
    expect(() => resolveLocation("Cannot", location, REQUEST)).toThrow("Cannot");
  },
);

test("http stays http", () => {
  const request = "http://localhost:5000/v2/a/blobs/uploads/";
  expect(resolveLocation("Cannot", "http://localhost:5000/x", request)).toBe("http://localhost:5000/x");
  expect(resolveLocation("Cannot", "http://localhost/x", request)).toBe("http://localhost:5000/x");
});
