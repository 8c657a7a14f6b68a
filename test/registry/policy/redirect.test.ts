/** The rules for redirects, without a network. */
import { expect, test } from "bun:test";
import { createPolicy, type PolicyOptions } from "../../../src/registry/policy/policy.ts";
import { isForeign, withRedirects } from "../../../src/registry/policy/redirect.ts";
import type { Exchange, Transport } from "../../../src/registry/wire/exchange.ts";

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

/** The policy of `r.example`, whose name nobody knows. */
function policy(options: Partial<PolicyOptions> = {}) {
  return createPolicy({ registry: "r.example", resolve: async () => [], ...options });
}

test("follows relative and absolute ones, Authorization stays with its origin", async () => {
  const { seen, next } = redirecting({
    "https://r.example/a": "/b?x=1",
    "https://r.example/b?x=1": "https://cdn.example/c?sig=a%2Fb~",
  });
  const response = await withRedirects(next, policy())("https://r.example/a", GET);
  expect(await response.text()).toBe("here");
  expect(seen.map(({ url }) => url).slice(1)).toEqual(["https://r.example/b?x=1", "https://cdn.example/c?sig=a%2Fb~"]);
  expect(seen[1]!.headers).toEqual(GET.headers);
  expect(seen[2]!.headers).toEqual({ range: "bytes=1-2" });
});

test("only what is said of the content goes to another origin", async () => {
  const secrets = {
    authorization: "a",
    cookie: "b",
    "proxy-authorization": "c",
    "x-api-key": "d",
    "private-token": "e",
  };
  const open = { accept: "*/*", range: "bytes=0-1", "if-range": "x" };
  const { seen, next } = redirecting({ "https://r.example/a": "https://cdn.example/b" });
  await withRedirects(next, policy())("https://r.example/a", { method: "GET", headers: { ...secrets, ...open } });
  expect(seen[1]!.headers).toEqual(open);
});

test.each([
  ["another port", "https://r.example:444/"],
  ["a subdomain", "https://x.r.example/"],
])("%s is another origin, also on the way back", async (_, away) => {
  const { seen, next } = redirecting({ "https://r.example/": away, [away]: "https://r.example/end" });
  await withRedirects(next, policy())("https://r.example/", GET);
  expect(seen.map(({ headers }) => headers.authorization)).toEqual(["Bearer secret", undefined, undefined]);
});

test("the default port is the same origin", async () => {
  const { seen, next } = redirecting({ "https://r.example/": "https://r.example:443/x" });
  await withRedirects(next, policy())("https://r.example/", GET);
  expect(seen[1]!.headers.authorization).toBe("Bearer secret");
});

test("gives up after ten", async () => {
  const { seen, next } = redirecting({ "https://r.example/a": "/a" });
  await expect(withRedirects(next, policy())("https://r.example/a", GET)).rejects.toThrow("more than 10 redirects");
  expect(seen.length).toBe(11);
});

test.each([
  ["http://r.example/x", "not encrypted"],
  ["https://metadata.google.internal/x", "link-local"],
  ["https://redis/x", "private"],
  ["http://[", "no URL"],
  ["https://127.0.0.1/x", "loopback"],
  ["https://localhost:1/x", "loopback"],
  ["https://10.1.2.3/x", "private"],
  ["https://0xa9fea9fe/x", "link-local"],
  ["ftp://r.example/x", "ftp"],
])("does not go to %s", async (location, reason) => {
  const { seen, next } = redirecting({ "https://r.example/a": location });
  const error = await withRedirects(next, policy())("https://r.example/a", GET).catch((thrown: unknown) => thrown);
  expect(String(error)).toContain(reason);
  expect(seen.length).toBe(1);
});

test("goes to private addresses where the registry is private, to http where it is insecure", async () => {
  const { seen, next } = redirecting({ "https://r.corp/a": "http://10.1.2.3:9000/x" });
  const inside = policy({ registry: "r.corp", insecure: true, resolve: async () => ["10.9.9.9"] });
  await withRedirects(next, inside)("https://r.corp/a", GET);
  expect(seen[1]!.url).toBe("http://10.1.2.3:9000/x");
});

test("user info of a redirect is left out", async () => {
  const { seen, next } = redirecting({ "https://r.example/a": "https://me:secret@cdn.example/b" });
  await withRedirects(next, policy())("https://r.example/a", GET);
  expect(seen[1]!.url).toBe("https://cdn.example/b");
});

test("a HEAD that only GET was signed for is asked again as GET", async () => {
  const { seen, next } = redirecting({
    "https://r.example/a": "https://cdn.example/x",
    "HEAD https://cdn.example/x": new Response(null, { status: 403 }),
    "GET https://cdn.example/x": new Response("whole", { headers: { "content-length": "5" } }),
  });
  const response = await withRedirects(next, policy())("https://r.example/a", { ...GET, method: "HEAD" });
  expect([response.status, response.headers.get("content-length"), response.body]).toEqual([200, "5", null]);
  expect(seen.map(({ method }) => method)).toEqual(["HEAD", "HEAD", "GET", "GET"]);
});

test("a HEAD that the registry itself refuses stays refused", async () => {
  const { seen, next } = redirecting({ "https://r.example/a": new Response(null, { status: 403 }) });
  expect((await withRedirects(next, policy())("https://r.example/a", { ...GET, method: "HEAD" })).status).toBe(403);
  expect(seen.length).toBe(1);
});

test("the answer of a foreign host is known as such", async () => {
  const map = { "https://r.example/a": "https://cdn.example/x", "https://r.example/b": "/c" };
  const send = withRedirects(redirecting(map).next, policy());
  expect(isForeign(await send("https://r.example/a", GET))).toBe(true);
  expect(isForeign(await send("https://r.example/b", GET))).toBe(false);
});

test("keeps method and body for 307, drops them for 303, keeps forms at home", async () => {
  const upload = new Uint8Array(3);
  const { seen, next } = redirecting({
    "https://r.example/a": "/b",
    "https://r.example/b": "303 /c",
    "https://r.example/form": "https://cdn.example/steal",
  });
  await withRedirects(next, policy())("https://r.example/a", { method: "PUT", headers: {}, upload });
  expect(seen.map(({ method, upload: sent }) => [method, sent?.length])).toEqual([
    ["PUT", 3],
    ["PUT", 3],
    ["GET", undefined],
  ]);
});

test("content stays with the owner of the registry", async () => {
  const upload = new Uint8Array(3);
  const { seen, next } = redirecting({
    "https://r.example/a": "https://uploads.r.example/b",
    "https://r.example/evil": "https://cdn.example/steal",
    "https://r.example/asked": "303 https://cdn.example/read",
  });
  const send = withRedirects(next, policy());
  await send("https://r.example/a", { method: "PUT", headers: { authorization: "x" }, upload });
  expect(seen[1]).toMatchObject({ url: "https://uploads.r.example/b", headers: {} });
  const put: Exchange = { method: "PUT", headers: {}, upload };
  await expect(send("https://r.example/evil", put)).rejects.toThrow("does not belong to r.example");
  await send("https://r.example/asked", put);
  expect(seen.map(({ url }) => url)).not.toContain("https://cdn.example/steal");
  expect(seen.at(-1)).toMatchObject({ method: "GET", upload: undefined });
});

test("where secrets stay, a request with one follows on its own origin only", async () => {
  const map = { "https://r.example/t": "https://uploads.r.example/t", "https://r.example/u": "/v" };
  const { seen, next } = redirecting(map);
  const send = withRedirects(next, policy(), { secretsStay: true });
  await expect(send("https://r.example/t", GET)).rejects.toThrow("secrets");
  const form: Exchange = { method: "POST", headers: {}, upload: new Uint8Array(3) };
  await expect(send("https://r.example/t", form)).rejects.toThrow("secrets");
  await send("https://r.example/u", GET);
  await send("https://r.example/t", { method: "GET", headers: {} });
  expect(seen.map(({ url }) => new URL(url).host)).toEqual([
    ...Array(4).fill("r.example"),
    "r.example",
    "uploads.r.example",
  ]);
});
