/** Pages of tags. */
import { expect, test } from "bun:test";
import { openRegistry } from "../../src/registry/registry.ts";

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

test("fewer at once, where a thousand are too many", async () => {
  const error = { errors: [{ code: "PAGINATION_NUMBER_INVALID" }] };
  const pages = { [FIRST]: { body: error, status: 400 }, "": { body: { tags: ["a"] } } };
  expect(await tagsOf(pages)).toEqual(["a"]);
  const none = { [FIRST]: { body: error, status: 400 }, "": { body: error, status: 400 } };
  await expect(tagsOf(none)).rejects.toMatchObject({ status: 400 });
});

test("a page that is missing is no end", async () => {
  const pages = {
    [FIRST]: { link: '<?last=a>; rel="next"', body: { tags: ["a"] } },
    "?last=a": { body: {}, status: 404 },
  };
  await expect(tagsOf(pages)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a page on another host is not asked for", async () => {
  const link = '<https://evil.example/v2/a/b/tags/list>; rel="next"';
  await expect(tagsOf({ [FIRST]: { link, body: { tags: ["a"] } } })).rejects.toThrow(
    'Cannot list the tags of "r.example/a/b": the list goes on at another host, "https://evil.example"',
  );
});

test("pages without an end are left", async () => {
  let page = 0;
  const registry = openRegistry("127.0.0.1:5000", {
    transport: async () => {
      const link = `<?page=${++page}>; rel="next"`;
      return Response.json({ tags: [`t${page}`] }, { headers: { link } });
    },
  });
  await expect(Array.fromAsync(registry.repository("a").tags!())).rejects.toThrow("no end");
  expect(page).toBeLessThan(10_000);
});

test("nor are more tags taken than anybody has", async () => {
  let page = 0;
  const registry = openRegistry("127.0.0.1:5000", {
    transport: async (url) => {
      if (new URL(url).pathname === "/v2/") return new Response();
      const tags = Array.from({ length: 100_000 }, (_, at) => `t${page}-${at}`);
      return Response.json({ tags }, { headers: { link: `<?page=${++page}>; rel="next"` } });
    },
  });
  await expect(Array.fromAsync(registry.repository("a").tags!())).rejects.toThrow("no end");
  expect(page).toBe(11);
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
