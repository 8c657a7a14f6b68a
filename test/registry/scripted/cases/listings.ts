/** Lists that come in pages: tags. Registry facts of A.9; RFC 8288. */
import { deepStrictEqual } from "node:assert/strict";
import type { Talk } from "../../../support/scripted-registry.ts";
import { each, fails, refusal } from "../given.ts";

const LIST = "/v2/a/tags/list?n=1000";

async function tagsOf({ open }: Talk): Promise<string[]> {
  return Array.fromAsync(open().repository("a").tags!());
}

export async function pagesAreFollowed(talk: Talk): Promise<void> {
  const { registry } = talk;
  registry(`GET ${LIST} -> 200 [link: </v2/a/tags/list?last=b&n=1000&x=%2F~>; rel="next"]`, {
    body: { tags: ["b", "a"] },
  });
  registry(`GET /v2/a/tags/list?last=b&n=1000&x=%2F~ -> 200 [link: <${registry.url}/third?page=3>; rel=next]`, {
    body: { tags: ["c"] },
  });
  registry("GET /third?page=3 -> 200", { body: { tags: ["d"] } });
  deepStrictEqual(await tagsOf(talk), ["a", "b", "c", "d"]);
}

export async function noTags(talk: Talk): Promise<void> {
  talk.registry(`GET ${LIST} -> 200`, { body: { name: "a", tags: null } });
  deepStrictEqual(await tagsOf(talk), []);
}

export async function noRepository(talk: Talk): Promise<void> {
  talk.registry(`GET ${LIST} -> 404`, { body: refusal("NAME_UNKNOWN") });
  deepStrictEqual(await tagsOf(talk), []);
}

export async function aPageThatNamesItself(talk: Talk): Promise<void> {
  talk.registry(`GET ${LIST} -> 200 [link: <${LIST}>; rel="next"]`, { body: { tags: ["a"] } });
  await fails(tagsOf(talk), "UNSUPPORTED: Cannot list the tags of …: the registry's pages have no end");
}

export async function aCircleOfPages(talk: Talk): Promise<void> {
  const { registry } = talk;
  registry(`GET ${LIST} -> 200 [link: </v2/a/tags/list?last=a>; rel="next"]`, { body: { tags: ["a"] } });
  registry(`GET /v2/a/tags/list?last=a -> 200 [link: <${LIST}>; rel="next"]`, { body: { tags: ["b"] } });
  await fails(tagsOf(talk), "UNSUPPORTED: Cannot list the tags of …: the registry's pages have no end");
}

export async function aPageWithoutNews(talk: Talk): Promise<void> {
  const { registry } = talk;
  registry(`GET ${LIST} -> 200 [link: </v2/a/tags/list?last=1>; rel="next"]`, { body: { tags: ["a"] } });
  registry('GET /v2/a/tags/list?last=1 -> 200 [link: </v2/a/tags/list?last=2>; rel="next"]', { body: { tags: ["a"] } });
  deepStrictEqual(await tagsOf(talk), ["a"]);
}

export async function endlessPages(talk: Talk): Promise<void> {
  let page = 0;
  const asked = talk.registry.always("GET /v2/a/tags/list?… -> 200", () => {
    const tags = Array.from({ length: 400_000 }, (_, index) => `${page}-${index}`);
    return { body: { tags }, headers: { link: `</v2/a/tags/list?last=${page++}>; rel="next"` } };
  });
  await fails(tagsOf(talk), "UNSUPPORTED: Cannot list the tags of …: the registry's pages have no end");
  deepStrictEqual(asked.length, 3);
}

export async function aHugePage(talk: Talk): Promise<void> {
  talk.registry(`GET ${LIST} -> 200`, { body: new Uint8Array(9 << 20).fill(32), unmeasured: true });
  await fails(tagsOf(talk), "UNSUPPORTED: Cannot list the tags of …");
}

async function pageElsewhere(talk: Talk, link: string): Promise<void> {
  talk.registry(`GET ${LIST} -> 200 [link: <${link}>; rel="next"]`, { body: { tags: ["a"] } });
  await fails(tagsOf(talk), "…: Cannot list the tags of …");
}

export const noPage = each(pageElsewhere, {
  "on another host": ["http://localhost:1/v2/a/tags/list"],
  "at link local": ["http://169.254.169.254/v2/a/tags/list"],
});

export async function somethingElseThanAList(talk: Talk): Promise<void> {
  talk.registry(`GET ${LIST} -> 200 [content-type: text/html]`, { body: "<html>" });
  await fails(tagsOf(talk), "UNSUPPORTED: Cannot list the tags of …: the answer is no list of tags");
}

export async function namesThatAreNoTags(talk: Talk): Promise<void> {
  talk.registry(`GET ${LIST} -> 200`, {
    body: { tags: ["ok", "../x", "a b", "\u001b[31m", 7, null, "x".repeat(129)] },
  });
  deepStrictEqual(await tagsOf(talk), ["ok"]);
}
