/** Token scopes. */
import { expect, test } from "bun:test";
import { covers, mergeScopes } from "../../../src/registry/auth/scope.ts";

test.each<[string[], string[]]>([
  [["repository:a:push", "repository:a:pull"], ["repository:a:pull,push"]],
  [
    ["repository:a:pull repository:b:pull", ""],
    ["repository:a:pull", "repository:b:pull"],
  ],
  [
    ["repository:b:pull,push", "repository:a:pull"],
    ["repository:b:pull,push", "repository:a:pull"],
  ],
  [["repository:host:5000/a:pull", "repository:host:5000/a:delete"], ["repository:host:5000/a:pull,delete"]],
  [["repository(plugin):a:pull"], ["repository(plugin):a:pull"]],
  [["registry:catalog:*"], ["registry:catalog:*"]],
  [["aws"], ["aws"]],
])("%p becomes %p", (scopes, merged) => {
  expect(mergeScopes(scopes)).toEqual(merged);
});

test("a token for more covers less, of the same repository", () => {
  expect(covers(["repository:a:pull,push"], ["repository:a:pull"])).toBe(true);
  expect(covers(["repository:a:pull"], ["repository:a:pull,push"])).toBe(false);
  expect(covers(["repository:a:pull,push"], ["repository:ab:pull"])).toBe(false);
  expect(covers(["repository:a:pull,push"], ["repository:a:pull", "repository:b:pull"])).toBe(false);
  expect(covers([], [])).toBe(true);
});
