/** The rules for redirects, without a network. */
import { expect, test } from "bun:test";
import type { Exchange, Transport } from "../../../src/registry/wire/exchange.ts";
import { withRedirects } from "../../../src/registry/wire/redirect.ts";

interface Seen extends Exchange {
  readonly url: string;
}

/** Redirects as the map says, and 200 elsewhere. */
function redirecting(map: Readonly<Record<string, string | Response>>): { seen: Seen[]; next: Transport } {
  const seen: Seen[] = [];
  return {
    seen,
    next: async (url, exchange) => {
      seen.push({ ...exchange, url });
      const to = map[url] ?? map[`${exchange.method} ${url}`];
      if (to instanceof Response) return to;
      if (to === undefined) return new Response("here");
      const [status, location] = /^\d{3} /.test(to) ? [Number(to.slice(0, 3)), to.slice(4)] : [307, to];
      return new Response("moved", { status, headers: { location } });
    },
  };
}

const GET: Exchange = { method: "GET", headers: { authorization: "Bearer secret", cookie: "a", range: "bytes=1-2" } };
const where = async (): Promise<"public"> => "public";

test("follows relative and absolute ones, Authorization stays with its origin", async () => {
  const { seen, next } = redirecting({
    "https://r.example/a": "/b?x=1",
    "https://r.example/b?x=1": "https://cdn.example/c?sig=a%2Fb~",
  });
  const response = await withRedirects(next, { where })("https://r.example/a", GET);
  expect(await response.text()).toBe("here");
  expect(seen.map(({ url }) => url).slice(1)).toEqual(["https://r.example/b?x=1", "https://cdn.example/c?sig=a%2Fb~"]);
  expect(seen[1]!.headers).toEqual(GET.headers);
  expect(seen[2]!.headers).toEqual({ range: "bytes=1-2" });
});

test.each([
  ["another port", "https://r.example:444/"],
  ["a subdomain", "https://x.r.example/"],
])("%s is another origin, also on the way back", async (_, away) => {
  const { seen, next } = redirecting({ "https://r.example/": away, [away]: "https://r.example/end" });
  await withRedirects(next, { where })("https://r.example/", GET);
  expect(seen.map(({ headers }) => headers.authorization)).toEqual(["Bearer secret", undefined, undefined]);
});

test("the default port is the same origin", async () => {
  const { seen, next } = redirecting({ "https://r.example/": "https://r.example:443/x" });
  await withRedirects(next, { where })("https://r.example/", GET);
  expect(seen[1]!.headers.authorization).toBe("Bearer secret");
});

test("gives up after ten", async () => {
  const { seen, next } = redirecting({ "https://r.example/a": "/a" });
  await expect(withRedirects(next, { where })("https://r.example/a", GET)).rejects.toThrow("more than 10 redirects");
  expect(seen.length).toBe(11);
});

test.each([
  ["http://r.example/x", "from https"],
  ["https://127.0.0.1/x", "loopback"],
  ["https://localhost:1/x", "loopback"],
  ["https://10.1.2.3/x", "private"],
  ["https://0xa9fea9fe/x", "link-local"],
  ["ftp://r.example/x", "ftp"],
])("does not go to %s", async (location, reason) => {
  const { seen, next } = redirecting({ "https://r.example/a": location });
  const error = await withRedirects(next, { where })("https://r.example/a", GET).catch((thrown: unknown) => thrown);
  expect(String(error)).toContain(reason);
  expect(seen.length).toBe(1);
});

test("goes to private addresses where the registry is private, to http where it is insecure", async () => {
  const { seen, next } = redirecting({ "https://r.corp/a": "http://10.1.2.3:9000/x" });
  await withRedirects(next, { insecure: true, where: async () => "private" })("https://r.corp/a", GET);
  expect(seen[1]!.url).toBe("http://10.1.2.3:9000/x");
});

test("a HEAD that only GET was signed for is asked again as GET", async () => {
  const { seen, next } = redirecting({
    "https://r.example/a": "https://cdn.example/x",
    "HEAD https://cdn.example/x": new Response(null, { status: 403 }),
    "GET https://cdn.example/x": new Response("whole", { headers: { "content-length": "5" } }),
  });
  const response = await withRedirects(next, { where })("https://r.example/a", { ...GET, method: "HEAD" });
  expect([response.status, response.headers.get("content-length"), response.body]).toEqual([200, "5", null]);
  expect(seen.map(({ method }) => method)).toEqual(["HEAD", "HEAD", "GET", "GET"]);
});

test("a HEAD that the registry itself refuses stays refused", async () => {
  const { seen, next } = redirecting({ "https://r.example/a": new Response(null, { status: 403 }) });
  expect((await withRedirects(next)("https://r.example/a", { ...GET, method: "HEAD" })).status).toBe(403);
  expect(seen.length).toBe(1);
});

test("a foreign host cannot ask for credentials", async () => {
  const { next } = redirecting({
    "https://r.example/a": "https://cdn.example/x",
    "https://cdn.example/x": new Response("", { status: 401, headers: { "www-authenticate": "Basic realm=x" } }),
  });
  const response = await withRedirects(next, { where })("https://r.example/a", GET);
  expect(response.headers.get("www-authenticate")).toBeNull();
});

test("keeps method and body for 307, drops them for 303, keeps forms at home", async () => {
  const upload = new Uint8Array(3);
  const { seen, next } = redirecting({
    "https://r.example/a": "/b",
    "https://r.example/b": "303 /c",
    "https://r.example/form": "https://cdn.example/steal",
  });
  await withRedirects(next)("https://r.example/a", { method: "PUT", headers: {}, upload });
  expect(seen.map(({ method, upload: sent }) => [method, sent?.length])).toEqual([
    ["PUT", 3],
    ["PUT", 3],
    ["GET", undefined],
  ]);
  const form: Exchange = { method: "POST", headers: {}, upload };
  await expect(withRedirects(next, { where })("https://r.example/form", form)).rejects.toThrow("stays");
});
