import { expect, test } from "bun:test";
import { parseJson } from "../../src/oci/json.ts";

test("what is JSON is parsed as it is", () => {
  const value = { a: [1, 'b\\"[{,', null, { c: true }], 'd"{[': "\\" };
  expect(parseJson(JSON.stringify(value))).toEqual(value);
  expect(parseJson(JSON.stringify(value, null, 2))).toEqual(value);
});

test.each(["", "{", '"', '"\\', "[1", "{a:1}", "[[[[", "]]]]"])("%p is not JSON", (text) => {
  expect(() => parseJson(text)).toThrow("it is not JSON");
});

const MIB = 1 << 20;

test.each([
  ["empty objects", `[${"{},".repeat(MIB)}{}]`],
  ["empty lists", `[${"[],".repeat(MIB)}[]]`],
  ["texts", `[${'"ab",'.repeat(MIB)}0]`],
  ["names of fields", `{${Array.from({ length: MIB }, (_, at) => `"${at}":0`).join(",")}}`],
  ["numbers", `[${"0,".repeat(3 * MIB)}0]`],
])("%s of more memory than is allowed are not parsed", (_, text) => {
  expect(() => parseJson(text)).toThrow("it holds more than can be read");
});

test("what a text holds does not count as something in it", () => {
  expect(parseJson(JSON.stringify("[{,".repeat(MIB)))).toBe("[{,".repeat(MIB));
});

test("a hundred levels are the deepest", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  expect(JSON.stringify(parseJson(nested(100)))).toBe(nested(100));
  expect(() => parseJson(nested(101))).toThrow("it holds more than can be read");
  expect(() => parseJson("[".repeat(MIB))).toThrow("it holds more than can be read");
});

test("the largest index of platforms is parsed", () => {
  const child = {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: `sha256:${"0".repeat(64)}`,
    size: 1,
  };
  const manifests = Array.from({ length: 10_000 }, () => ({
    ...child,
    platform: { os: "linux", architecture: "arm64" },
  }));
  expect(parseJson(JSON.stringify({ schemaVersion: 2, manifests }))).toEqual({ schemaVersion: 2, manifests });
});
