/** Pages of tags. */
import { expect, test } from "bun:test";
import { openRegistry } from "../../src/registry/registry.ts";
import { nextPage } from "../../src/registry/tags.ts";

/** The tags that a registry with these pages seems to have. Keys are queries. */
async function tagsOf(
  pages: Readonly<Record<string, { link?: string; body: unknown; status?: number }>>,
): Promise<string[]> {
  const registry = openRegistry("r.example", {
    transport: async (url) => {
      const { link, body, status = 200 } = pages[new URL(url).search]!;
      return Response.json(body, { status, headers: link === undefined ? {} : { link } });
    },
  });
  return Array.fromAsync(registry.repository("a/b").tags!());
}

const FIRST = "?n=1000";

test("pages are followed, tags are sorted, what is no tag is left out", async () => {
  const pages = {
    [FIRST]: { link: '</v2/a/b/tags/list?n=1000&last=b>; rel="next"', body: { tags: ["b", "../x", 5, "a"] } },
    "?n=1000&last=b": { body: { tags: ["V1", "c"] } },
  };
  expect(await tagsOf(pages)).toEqual(["V1", "a", "b", "c"]);
});

test("no tags, no repository", async () => {
  expect(await tagsOf({ [FIRST]: { body: { tags: null } } })).toEqual([]);
  expect(await tagsOf({ [FIRST]: { body: { errors: [] }, status: 404 } })).toEqual([]);
});

test("circles end", async () => {
  const link = '<?n=1000>; rel="next"';
  await expect(tagsOf({ [FIRST]: { link, body: { tags: ["a"] } } })).rejects.toThrow("no end");
  expect(await tagsOf({ [FIRST]: { link, body: { tags: [] } } })).toEqual([]);
});

test.each([{ body: ["a"] }, { body: { tags: "a" } }, { body: null }, { body: "a" }])(
  "%p is no list",
  async ({ body }) => {
    await expect(tagsOf({ [FIRST]: { body } })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  },
);

test.each([
  ['<https://r.example/next>; rel="next"', "https://r.example/next"],
  ["</next>;rel=next", "https://r.example/next"],
  ['</prev>; rel="prev", </next?a,b>; rel="next"', "https://r.example/next?a,b"],
  ['<https://evil.example/next>; rel="next"', undefined],
  ['</next>; rel="nextish"', undefined],
  [null, undefined],
])("the next page of %p", (link, expected) => {
  expect(nextPage(link, "https://r.example/v2/a/tags/list")).toBe(expected);
});
