/** Registries and images as people write them. */
import { expect, test } from "bun:test";
import { formatSubject, parseRegistry, parseSubject } from "../../src/cli/registry-argument.ts";
import { errorOf } from "../support/thrown.ts";

test.each([
  ["r.example", "r.example"],
  ["R.example:5000", "r.example:5000"],
  ["registry", "registry"],
  ["https://r.example/", "r.example"],
  ["https://index.docker.io/v1/", "docker.io"],
  ["oci://r.example/team", "r.example/team"],
  ["[::1]:5000", "[::1]:5000"],
])("registry %s is %s", (text, expected) => {
  expect(formatSubject(parseRegistry(text))).toBe(expected);
});

test.each([
  ["nginx", "docker.io/library/nginx"],
  ["team/app:1", "docker.io/team/app"],
  ["redis:7", "docker.io/library/redis"],
  [`r.example:5000/app@sha256:${"0".repeat(64)}`, "r.example:5000/app"],
  ["localhost/app", "localhost/app"],
  ["r.example", "r.example"],
  ["r.example:5000", "r.example:5000"],
  ["localhost:5000", "localhost:5000"],
  ["localhost", "localhost"],
  ["registry:5000/", "registry:5000"],
  ["http://registry:5000", "registry:5000"],
  ["docker.io", "docker.io"],
])("subject %s is %s", (text, expected) => {
  expect(formatSubject(parseSubject(text))).toBe(expected);
});

test.each(["", "a b", "r.example/UPPER", "r.example:port"])("no registry: %p", async (text) => {
  expect(await errorOf(() => parseRegistry(text))).toBe(
    `USAGE: Cannot use "${text}" as a registry: expected HOST[:PORT][/NAMESPACE]`,
  );
});
