/** Links to the next page, and where they may lead. */
import { expect, test } from "bun:test";
import { nextPage } from "../../src/registry/link.ts";

test.each([
  ['<https://r.example/next>; rel="next"', "https://r.example/next"],
  ["</next>;rel=next", "https://r.example/next"],
  ['</prev>; rel="prev", </next?a,b>; rel="next"', "https://r.example/next?a,b"],
  ['<http://r.example:8080/next?last=b>; rel="next"', "https://r.example/next?last=b"],
  ['<<</next>; rel="next"', "https://r.example/next"],
  ['</next>; rel="nextish"', undefined],
  [null, undefined],
])("the next page of %p", (link, expected) => {
  expect(nextPage("Cannot list", link, "https://r.example/v2/a/tags/list")).toBe(expected);
});

test.each(["https://evil.example/next", "//evil.example/next", "ftp://r.example/next", "https://sub.r.example/next"])(
  "a next page at %p is refused: a list without it would look whole",
  (target) => {
    expect(() => nextPage("Cannot list", `<${target}>; rel="next"`, "https://r.example/v2/a/tags/list")).toThrow(
      "Cannot list: the list goes on at another host",
    );
  },
);
