/** Spellings of registries in files of credentials. */
import { expect, test } from "bun:test";
import { formatKey, isFor, parseKey } from "../../../src/registry/credentials/registry-key.ts";

test.each([
  ["r.example", "r.example", ""],
  ["R.Example:5000", "r.example:5000", ""],
  ["https://r.example", "r.example", ""],
  ["HTTP://r.example:5000/", "r.example:5000", ""],
  ["https://r.example/v1/", "r.example", ""],
  ["https://r.example/any/where", "r.example", ""],
  ["r.example/v2/", "r.example", ""],
  ["r.example/v1", "r.example", ""],
  ["r.example/", "r.example", ""],
  ["r.example/team", "r.example", "team"],
  ["r.example/team/app/", "r.example", "team/app"],
  ["r.example/v1/app", "r.example", "v1/app"],
  ["[::1]:5000/team", "[::1]:5000", "team"],
  ["https://index.docker.io/v1/", "docker.io", ""],
  ["registry-1.docker.io", "docker.io", ""],
  ["index.docker.io/team", "docker.io", "team"],
])("%s is for %s, path %p", (key, host, path) => {
  expect(parseKey(key)).toEqual({ host, path });
  expect(parseKey(formatKey({ host, path }))).toEqual({ host, path });
});

test("Docker Hub is written as docker does", () => {
  expect(formatKey({ host: "docker.io", path: "" })).toBe("https://index.docker.io/v1/");
  expect(formatKey({ host: "docker.io", path: "team" })).toBe("docker.io/team");
});

test.each([
  ["r.example", "r.example", "any/path", true],
  ["r.example", "R.example", "", true],
  ["r.example", "r.example:443", "", false],
  ["r.example/team", "r.example", "team", true],
  ["r.example/team", "r.example", "team/app", true],
  ["r.example/team", "r.example", "teams/app", false],
  ["r.example/team", "r.example", "", false],
  ["docker.io", "registry-1.docker.io", "library/nginx", true],
  ["docker.io", "evil-docker.io", "library/nginx", false],
])("%s is for %s path %p: %p", (key, host, path, expected) => {
  expect(isFor(parseKey(key), host, path)).toBe(expected);
});
