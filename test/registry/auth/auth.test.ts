/** Tokens and Basic, against a registry and a token server that are functions. */
import { expect, test } from "bun:test";
import { withAuth } from "../../../src/registry/auth/auth.ts";
import { loginHint } from "../../../src/registry/auth/hint.ts";
import type { Credential, Login } from "../../../src/registry/credentials/credential.ts";
import { createPolicy } from "../../../src/registry/policy/policy.ts";
import { withRedirects } from "../../../src/registry/policy/redirect.ts";
import type { Exchange, Transport } from "../../../src/registry/wire/exchange.ts";
import { thrownBy } from "../../support/thrown.ts";

const ME: Credential = { username: "me", password: "secret" };
const BASIC = `Basic ${btoa("me:secret")}`;
const BEARER = 'Bearer realm="https://auth.r.example/token?x=1",service="r.example"';

interface Server {
  readonly tokens: { method: string; url: string; authorization: string | undefined; form: string }[];
  readonly requests: (string | undefined)[];
  /** `path`, or `path renew`, for each time that somebody asked who we are. */
  readonly asked: string[];
  readonly send: (path?: string, exchange?: Partial<Exchange>) => Promise<Response>;
}

interface ServerOptions {
  /** Of the answer to a request without or with an authorization that is not taken. */
  readonly challenge?: string | ((authorization: string | undefined, path: string) => string | undefined);
  readonly credential?: Credential | undefined;
  readonly login?: (path: string, renew: boolean) => Credential | undefined;
  readonly named?: boolean;
  /** What the token server answers. Default: `t1`, `t2`, ... that end after an hour. */
  readonly token?: (count: number, method: string, url: string, authorization?: string) => Response;
  /** Whether the registry takes it. Default: all tokens, and me. */
  readonly takes?: (authorization: string, path: string) => boolean;
  readonly insecure?: boolean;
  readonly trustedRealms?: readonly string[];
  readonly scheme?: "http" | "https";
}

/** A registry that wants authorization, and its token server. */
function serve(options: ServerOptions = {}): Server {
  const { challenge = BEARER, token = give, takes = () => true, named = true, scheme = "https" } = options;
  const { insecure = false, trustedRealms, login = () => options.credential } = options;
  const tokens: Server["tokens"] = [];
  const requests: Server["requests"] = [];
  const asked: string[] = [];
  const registry: Transport = async (url, { headers, upload }) => {
    const { authorization } = headers;
    const path = new URL(url).pathname;
    requests.push(authorization);
    if (upload && !(upload instanceof Uint8Array)) await Array.fromAsync(upload.open());
    if (authorization !== undefined && takes(authorization, path)) return new Response("here");
    const wanted = typeof challenge === "string" ? challenge : challenge(authorization, path);
    return new Response("no", { status: 401, headers: wanted === undefined ? {} : { "www-authenticate": wanted } });
  };
  const tokenServer: Transport = async (url, { method, headers, upload }) => {
    const form = upload instanceof Uint8Array ? new TextDecoder().decode(upload) : "";
    tokens.push({ method, url, authorization: headers.authorization, form });
    await Bun.sleep(1);
    return token(tokens.length, method, url, headers.authorization);
  };
  const policy = createPolicy({ registry: "r.example", resolve: async () => [], insecure, trustedRealms });
  const find = async (path: string, { renew = false }): Promise<Login | undefined> => {
    asked.push(renew ? `${path} renew` : path);
    const credential = login(path, renew);
    return credential && { credential, origin: "the file", named };
  };
  const send = withAuth(registry, { host: "r.example", login: find, tokens: tokenServer, policy });
  return {
    tokens,
    requests,
    asked,
    send: (path = "/v2/a/manifests/x", exchange = {}) =>
      send(`${scheme}://r.example${path}`, { method: "GET", headers: {}, scopes: ["repository:a:pull"], ...exchange }),
  };
}

function give(count: number): Response {
  return Response.json({ token: `t${count}`, expires_in: 3600 });
}

/** Lets `milliseconds` pass for whatever looks at the clock, while `work` runs. */
async function later<T>(milliseconds: number, work: () => Promise<T>): Promise<T> {
  const { now } = performance;
  performance.now = () => now.call(performance) + milliseconds;
  try {
    return await work();
  } finally {
    performance.now = now;
  }
}

test("gets a token as nobody, and keeps it", async () => {
  const { send, tokens, requests } = serve();
  expect((await send()).status).toBe(200);
  expect((await send()).status).toBe(200);
  expect(requests).toEqual([undefined, "Bearer t1", "Bearer t1"]);
  expect(tokens).toEqual([
    {
      method: "GET",
      url: "https://auth.r.example/token?x=1&service=r.example&scope=repository%3Aa%3Apull",
      authorization: undefined,
      form: "",
    },
  ]);
});

test("shows a user's credentials to the token server, by Basic", async () => {
  const { send, tokens, asked } = serve({ credential: ME });
  await send();
  expect(tokens[0]).toMatchObject({ method: "GET", authorization: BASIC });
  expect(tokens[0]!.url).toEndWith("&account=me");
  expect(asked).toEqual(["a"]);
});

test("many at once share one token, each scope has its own, wider ones serve narrower wishes", async () => {
  const { send, tokens } = serve();
  await Promise.all(Array.from({ length: 5 }, () => send()));
  expect(tokens.length).toBe(1);
  await send("/v2/a/blobs/uploads/", { scopes: ["repository:a:pull,push"] });
  expect(tokens.length).toBe(2);
  await send("/v2/b/manifests/x", { scopes: ["repository:b:pull"] });
  expect(tokens.length).toBe(3);
  await send("/v2/a/blobs/uploads/", { scopes: ["repository:a:pull,push"] });
  expect(tokens.length).toBe(3);
});

test("a token that has ended is replaced once, and forgotten", async () => {
  let ended = "";
  const { send, tokens, requests } = serve({ takes: (header) => header !== ended });
  await send();
  ended = "Bearer t1";
  expect((await send()).status).toBe(200);
  expect((await send()).status).toBe(200);
  expect(tokens.length).toBe(2);
  expect(requests).toEqual([undefined, "Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2"]);
});

test("a token that was just made and is refused is the last word", async () => {
  const { send, tokens, requests } = serve({ takes: () => false, credential: ME });
  const response = await send();
  expect(response.status).toBe(401);
  expect(loginHint(response)).toContain("the credentials from the file do not allow it");
  expect(requests).toEqual([undefined, "Bearer t1"]);
  expect(tokens.length).toBe(1);
});

test("a token near its end is replaced before it is refused", async () => {
  const { send, requests } = serve({
    token: (count) => Response.json({ access_token: `t${count}`, expires_in: count === 1 ? "soon" : 3600 }),
  });
  await send();
  await later(51_000, send);
  expect(requests).toEqual([undefined, "Bearer t1", "Bearer t2"]);
});

test.each([
  [undefined, 49, 51],
  [-5, 49, 51],
  [1, 49, 51],
  ["300", 269, 271],
  [300, 269, 271],
  [{}, 49, 51],
  [1e15, 38_000, 39_000],
])("expires_in %p is good for %d seconds, not for %d", async (expires_in, good, bad) => {
  const { send, tokens } = serve({ token: (count) => Response.json({ token: `t${count}`, expires_in }) });
  await send();
  await later(good * 1000, send);
  expect(tokens.length).toBe(1);
  await later(bad * 1000, send);
  expect(tokens.length).toBe(2);
});

test("an endless life is no reason to ask for each request", async () => {
  const { send, tokens } = serve({ token: () => new Response('{"token":"t","expires_in":1e999}') });
  await send();
  await send();
  expect(tokens.length).toBe(1);
});

test("a scope that only the challenge names is asked for too, for that request only", async () => {
  const challenge = (_: unknown, path: string): string =>
    path.startsWith("/v2/a/") ? `${BEARER},scope="repository:a:push repository:c:pull"` : BEARER;
  const { send, tokens } = serve({ challenge });
  await send();
  expect(tokens[0]!.url).toEndWith("scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Ac%3Apull");
  await send("/v2/b/manifests/x", { scopes: ["repository:b:pull"] });
  expect(tokens[1]!.url).toEndWith("&scope=repository%3Ab%3Apull");
});

test("a token for too little is replaced by one for what the registry names, once", async () => {
  const more = `${BEARER},error="insufficient_scope",scope="repository:a:pull,push"`;
  const { send, tokens, requests } = serve({
    challenge: (authorization) => (authorization ? more : BEARER),
    takes: (header) => header === "Bearer t2",
  });
  expect((await send()).status).toBe(200);
  expect(tokens.map(({ url }) => url.replace(/.*scope=/, ""))).toEqual([
    "repository%3Aa%3Apull",
    "repository%3Aa%3Apull%2Cpush",
  ]);
  expect((await send()).status).toBe(200);
  expect(requests).toEqual([undefined, "Bearer t1", "Bearer t2", "Bearer t2"]);
});

test("a registry that always wants more comes to an end", async () => {
  let count = 0;
  const { send, tokens, requests } = serve({
    challenge: () => `${BEARER},error="insufficient_scope",scope="repository:a${++count}:pull"`,
    takes: () => false,
  });
  expect((await send()).status).toBe(401);
  expect(requests.length).toBe(4);
  expect(tokens.length).toBe(3);
});

test("a challenge with thousands of scopes is asked for what the request needs", async () => {
  const many = Array.from({ length: 1000 }, (_, index) => `repository:r${index}:pull`).join(" ");
  const { send, tokens } = serve({ challenge: `${BEARER},scope="${many}"` });
  await send();
  expect(tokens[0]!.url).toEndWith("service=r.example&scope=repository%3Aa%3Apull");
});

test("the repository to push to comes first in the token for a mount", async () => {
  const { send, tokens } = serve();
  await send("/v2/z/blobs/uploads/", { scopes: ["repository:z:pull,push", "repository:a:pull"] });
  expect(tokens[0]!.url).toEndWith("scope=repository%3Az%3Apull%2Cpush&scope=repository%3Aa%3Apull");
});

test("a 401 that names no challenge: what is known of the registry counts, else it is asked once", async () => {
  let ended = "";
  const { send, requests, tokens } = serve({
    challenge: (_, path) => (path === "/v2/" ? BEARER : undefined),
    takes: (header) => header !== ended,
  });
  expect((await send()).status).toBe(200);
  expect(requests).toEqual([undefined, undefined, "Bearer t1"]);
  ended = "Bearer t1";
  expect((await send()).status).toBe(200);
  expect(tokens.length).toBe(2);
  const silent = serve({ challenge: () => undefined });
  expect((await silent.send()).status).toBe(401);
  expect((await silent.send()).status).toBe(401);
  expect(silent.requests.length).toBe(3);
});

test.each([
  ["Bearer realm=/token", "https://r.example/token?scope="],
  ['Bearer realm="https://r.example/token?scope=x"', "https://r.example/token?scope=x&scope="],
  ['Bearer realm="https://r.example/token?"', "https://r.example/token?scope="],
  ['Bearer realm="https://u:p@r.example/token#f"', "https://r.example/token?scope="],
  [`Negotiate abc==, ${BEARER}, Basic realm="y"`, "https://auth.r.example/token?x=1&service=r.example&scope="],
  ['Bearer realm="", Bearer realm="/second"', "https://r.example/second?scope="],
])("the token server of %s", async (challenge, url) => {
  const { send, tokens } = serve({ challenge });
  await send();
  expect(tokens[0]!.url).toBe(`${url}repository%3Aa%3Apull`);
});

test("Basic, in any spelling, and remembered", async () => {
  const { send, tokens, requests } = serve({ challenge: 'BASIC realm="Nexus"', credential: ME });
  await send();
  await send();
  expect(requests).toEqual([undefined, BASIC, BASIC]);
  expect(tokens).toEqual([]);
});

test("Basic with wrong credentials, or as nobody, is not repeated", async () => {
  const wrong = serve({ challenge: "Basic realm=x", credential: ME, takes: () => false });
  const response = await wrong.send();
  expect(response.status).toBe(401);
  expect(loginHint(response)).toBe(
    "the credentials from the file were refused: they are wrong, or have ended; log in with dray login r.example",
  );
  expect(wrong.requests).toEqual([undefined, BASIC]);
  expect(wrong.asked).toEqual(["a"]);
  const nobody = serve({ challenge: "Basic realm=x" });
  expect(loginHint(await nobody.send())).toContain("dray login r.example");
  expect(nobody.requests).toEqual([undefined]);
});

test("whoever reads is told to check the name first, whoever writes to log in", async () => {
  const upload = { method: "POST", scopes: ["repository:a:pull,push"] };
  const probe = { method: "HEAD", scopes: ["repository:a:pull,push"] };
  const nobody = serve({ challenge: "Basic realm=x" });
  expect(loginHint(await nobody.send())).toBe("check the name; if it is right, log in with dray login r.example");
  for (const exchange of [upload, probe])
    expect(loginHint(await nobody.send("/v2/a/blobs/uploads/", exchange))).toBe(
      "nobody may write there: log in with dray login r.example, or check the name",
    );
  for (const path of ["push", "push/a", "a/push"])
    for (const [actions, hint] of [
      ["pull", /^check the name; /],
      ["push", /^nobody may write there: /],
      ["pull,push", /^nobody may write there: /],
      ["push,pull", /^nobody may write there: /],
    ] as const) {
      const probe = { method: "HEAD", scopes: [`repository:${path}:${actions}`] };
      expect(loginHint(await nobody.send(`/v2/${path}/manifests/x`, probe))).toMatch(hint);
    }
  const reader = serve({ takes: () => false, credential: ME });
  expect(loginHint(await reader.send())).toContain("check the name, or log in");
  expect(loginHint(await reader.send("/v2/a/blobs/uploads/", upload))).toBe(
    "the credentials from the file do not allow it; log in with dray login r.example as somebody who may write, or check the name",
  );
});

test("Basic where the token server refuses and both are offered; the token server is then left alone", async () => {
  const { send, requests, tokens } = serve({
    challenge: `${BEARER}, Basic realm="x"`,
    credential: ME,
    token: () => new Response("no", { status: 400 }),
  });
  expect((await send()).status).toBe(200);
  expect((await send()).status).toBe(200);
  expect(requests).toEqual([undefined, BASIC, BASIC]);
  expect(tokens.length).toBe(1);
});

test("a user name with a colon is said, not sent", async () => {
  const { send } = serve({ challenge: "Basic realm=x", credential: { username: "a:b", password: "secret" } });
  await expect(send()).rejects.toThrow("Cannot use the credentials from the file: a colon");
});

test.each([400, 401])(
  "credentials that are refused with %d are an error, not a reason to be nobody",
  async (status) => {
    const { send, tokens } = serve({
      credential: ME,
      token: () => Response.json({ details: "incorrect \u001b[31musername" }, { status }),
    });
    expect(await thrownBy(send)).toMatchObject({
      code: "UNAUTHORIZED",
      message:
        'Cannot log in at "r.example" with the credentials from the file: the registry says UNKNOWN (incorrect username)',
      hint: "they were refused: they are wrong, or have ended; log in with dray login r.example",
    });
    expect(tokens.length).toBe(1);
  },
);

test.each([401, 403])("nobody who is refused with %d is told to log in", async (status) => {
  const { send } = serve({ token: () => new Response("", { status }) });
  expect(await thrownBy(send)).toMatchObject({
    code: "UNAUTHORIZED",
    message: `Cannot use "r.example" as nobody, login required: the registry answered ${status}`,
    hint: "log in with dray login r.example",
  });
});

test("a token server that is not there does not mean that the image is not", async () => {
  const { send } = serve({ token: () => new Response("", { status: 404 }) });
  expect(await thrownBy(send)).toMatchObject({ code: "UNSUPPORTED", status: 404 });
});

test("a credential that was accepted and has ended is asked for anew, once", async () => {
  let good = "one";
  const { send, asked, tokens } = serve({
    login: (_, renew) => ({ username: "me", password: renew ? good : "one" }),
    token: (count, _method, _url, authorization) =>
      authorization === `Basic ${btoa(`me:${good}`)}` ? give(count) : new Response("", { status: 401 }),
  });
  await send();
  good = "two";
  expect((await send("/", { scopes: ["repository:a:push"] })).status).toBe(200);
  expect(asked).toEqual(["a", "a renew"]);
  expect(tokens.map(({ authorization }) => atob(authorization!.slice(6)))).toEqual(["me:one", "me:one", "me:two"]);
  good = "three";
  expect((await send("/", { scopes: ["repository:a:delete"] })).status).toBe(200);
});

test("the same for Basic; and what is not new is wrong, and not asked for again at once", async () => {
  let good = "one";
  const { send, asked } = serve({
    challenge: "Basic realm=x",
    login: (_, renew) => ({ username: "me", password: renew ? "two" : "one" }),
    takes: (header) => header === `Basic ${btoa(`me:${good}`)}`,
  });
  expect((await send()).status).toBe(200);
  good = "two";
  expect((await send()).status).toBe(200);
  expect(asked).toEqual(["a", "a renew"]);
  good = "three";
  expect((await send()).status).toBe(401);
  expect((await send()).status).toBe(401);
  expect(asked).toEqual(["a", "a renew", "a renew"]);
});

test("repositories may have credentials of their own, whose tokens are kept apart", async () => {
  const { send, tokens, asked } = serve({
    login: (path) => ({ username: path.replace(":", " ") || "all", password: "p" }),
  });
  await send("/", { scopes: ["repository:team/a:pull"] });
  await send("/", { scopes: ["repository:team/b:pull"] });
  await send("/", { scopes: ["registry:catalog:*"] });
  await send("/", { scopes: [] });
  await send("/", { scopes: ["repository(plugin):host:5000/c:pull"] });
  const names = tokens.map(({ authorization }) => atob(authorization!.slice(6)));
  expect(names).toEqual(["team/a:p", "team/b:p", "all:p", "all:p", "host 5000/c:p"]);
  expect(asked).toEqual(["team/a", "team/b", "", "host:5000/c"]);
});

test("an identity token goes by POST", async () => {
  const { send, tokens } = serve({ credential: { username: "<token>", password: "", identityToken: "re+fresh" } });
  await send();
  expect(tokens).toEqual([
    {
      method: "POST",
      url: "https://auth.r.example/token?x=1",
      authorization: undefined,
      form: "grant_type=refresh_token&client_id=dray&service=r.example&scope=repository%3Aa%3Apull&refresh_token=re%2Bfresh",
    },
  ]);
});

test.each([400, 401, 404, 405])(
  "a POST that is answered %d becomes a GET where there is a password",
  async (status) => {
    const token = (count: number, method: string): Response =>
      method === "POST" ? new Response("no", { status }) : give(count);
    const both = serve({ credential: { ...ME, identityToken: "refresh" }, token });
    expect((await both.send()).status).toBe(200);
    expect(both.tokens.map(({ method }) => method)).toEqual(["POST", "GET"]);
    const only = serve({ credential: { username: "<token>", password: "", identityToken: "refresh" }, token });
    await expect(only.send()).rejects.toThrow("Cannot log in");
  },
);

test("a registry token is sent as it is, and no token server asked", async () => {
  const credential = { username: "", password: "", registryToken: "ready" };
  const { send, tokens, requests } = serve({ credential });
  expect((await send()).status).toBe(200);
  expect((await send()).status).toBe(200);
  expect(requests).toEqual([undefined, "Bearer ready", "Bearer ready"]);
  expect(tokens).toEqual([]);
  const ended = serve({ credential, takes: () => false });
  expect(loginHint(await ended.send())).toContain("the credentials from the file were refused");
});

test("a foreign token server is asked as nobody, an inner or plain one not at all", async () => {
  const challenge = "Bearer realm=https://evil.example.com/t";
  const foreign = serve({ challenge, credential: ME });
  expect((await foreign.send()).status).toBe(200);
  expect(foreign.tokens[0]).toMatchObject({ authorization: undefined, url: expect.not.stringContaining("account") });
  const denied = serve({ challenge, credential: ME, takes: () => false });
  expect(loginHint(await denied.send())).toContain("--trusted-realm evil.example.com");
  const closed = serve({ challenge, credential: ME, token: () => new Response("", { status: 401 }) });
  expect(await thrownBy(closed.send)).toMatchObject({
    code: "DENIED",
    message: expect.stringContaining("the credentials from the file were kept back"),
    hint: expect.stringContaining("--trusted-realm evil.example.com"),
  });
  const trusted = serve({ challenge, credential: ME, trustedRealms: ["evil.example.com"] });
  await trusted.send();
  expect(trusted.tokens[0]!.authorization).toBe(BASIC);
  for (const realm of ["http://169.254.169.254/t", "https://2130706433/t", "http://r.example/t", "file:///x"]) {
    const inner = serve({ challenge: `Bearer realm="${realm}"`, credential: ME });
    expect(await thrownBy(inner.send)).toMatchObject({
      code: "DENIED",
      message: expect.stringContaining("token server"),
    });
    expect(inner.tokens).toEqual([]);
  }
});

test("an identity token is never sent to a foreign token server", async () => {
  const credential = { username: "<token>", password: "", identityToken: "refresh" };
  const { send, tokens } = serve({ challenge: "Bearer realm=https://evil.example.com/t", credential });
  await send();
  expect(tokens).toEqual([
    {
      method: "GET",
      url: "https://evil.example.com/t?scope=repository%3Aa%3Apull",
      authorization: undefined,
      form: "",
    },
  ]);
});

test.each(["Basic realm=x", "Bearer realm=http://r.example/t", "Bearer realm=https://auth.r.example/t"])(
  "over plain http, %s gets credentials only where somebody named the host",
  async (challenge) => {
    const options: ServerOptions = { challenge, credential: ME, scheme: "http" };
    const unnamed = serve({ ...options, named: false });
    expect(await thrownBy(unnamed.send)).toMatchObject({
      code: "DENIED",
      message: expect.stringContaining("plain http"),
      hint: expect.stringContaining("dray login r.example"),
    });
    expect([unnamed.requests, unnamed.tokens]).toEqual([[undefined], []]);
    expect((await serve({ ...options, named: true }).send()).status).toBe(200);
  },
);

test("an unencrypted token server of an encrypted registry gets them only where somebody named the host", async () => {
  const options: ServerOptions = { challenge: "Bearer realm=http://r.example/t", credential: ME, insecure: true };
  await expect(serve({ ...options, named: false }).send()).rejects.toThrow("plain http");
  expect((await serve({ ...options, named: true }).send()).status).toBe(200);
});

test.each([
  "<html>",
  "{}",
  '{"token":""}',
  '{"token":"a b\\r\\n"}',
  '{"token":"a\\u0000"}',
  '{"token":5}',
  "[1]",
  "null",
  `{"token":"${"x".repeat(200_000)}"}`,
])("no token in %#", async (body) => {
  await expect(serve({ token: () => new Response(body) }).send()).rejects.toThrow("without a token");
});

test("either name of a token will do", async () => {
  const { send, requests } = serve({ token: () => new Response('{"token":5,"access_token":"good"}') });
  await send();
  expect(requests.at(-1)).toBe("Bearer good");
});

test("a token server that does not answer is named, and the registry not asked again for it", async () => {
  const { send, requests } = serve({
    token: () => {
      throw Object.assign(new TypeError("Unable to connect"), { code: "ECONNREFUSED" });
    },
  });
  await expect(send()).rejects.toThrow('Cannot log in at "r.example": cannot talk to "auth.r.example": nobody answers');
  expect(requests.length).toBe(1);
});

test("other origins get nothing", async () => {
  const seen: Exchange[] = [];
  const policy = createPolicy({ registry: "r.example", resolve: async () => [] });
  const send = withAuth(
    async (_, exchange) => {
      seen.push(exchange);
      return new Response("", { status: 401, headers: { "www-authenticate": "Basic realm=x" } });
    },
    {
      host: "r.example",
      login: async () => ({ credential: ME, origin: "the file", named: true }),
      tokens: async () => new Response(),
      policy,
    },
  );
  await send("https://r.example/", { method: "GET", headers: {} });
  await send("https://uploads.r.example/", { method: "PUT", headers: {} });
  await send("http://r.example/", { method: "PUT", headers: {} });
  await send("https://r.example:444/", { method: "PUT", headers: {} });
  expect(seen.map(({ headers }) => headers.authorization)).toEqual([undefined, BASIC, ...Array(3).fill(undefined)]);
});

test("the 401 of where the registry redirects to is not answered", async () => {
  const seen: string[] = [];
  const policy = createPolicy({ registry: "r.example", resolve: async () => [] });
  const wire: Transport = async (url, { headers }) => {
    seen.push(`${new URL(url).host} ${headers.authorization}`);
    if (url.includes("cdn"))
      return new Response("", { status: 401, headers: { "www-authenticate": "Basic realm=x, Bearer realm=/t" } });
    if (headers.authorization) return new Response("", { status: 307, headers: { location: "https://cdn.example/" } });
    return new Response("", { status: 401, headers: { "www-authenticate": "Basic realm=x" } });
  };
  const login = async (): Promise<Login> => ({ credential: ME, origin: "the file", named: true });
  const options = { host: "r.example", login, tokens: async () => new Response(), policy };
  const response = await withAuth(withRedirects(wire, policy), options)("https://r.example/", {
    method: "GET",
    headers: {},
  });
  expect(response.status).toBe(401);
  expect(loginHint(response)).toContain("logging in would not help");
  expect(seen).toEqual(["r.example undefined", `r.example ${BASIC}`, "cdn.example undefined"]);
});

test("content is opened anew when it is sent again, unless it can be read only once", async () => {
  const { send, requests } = serve();
  let opened = 0;
  const upload = {
    length: 1,
    async *open() {
      opened++;
      yield new Uint8Array(1);
    },
  };
  expect((await send("/x", { method: "PUT", upload })).status).toBe(200);
  expect(opened).toBe(2);
  const once = serve();
  expect((await once.send("/x", { method: "PUT", upload: { ...upload, once: true } })).status).toBe(401);
  expect(once.requests.length).toBe(1);
  expect(requests.length).toBe(2);
});

test("content that can be read only once goes authorized after a POST", async () => {
  const { send, requests } = serve();
  const scopes = ["repository:a:pull,push"];
  await send("/v2/a/blobs/uploads/", { method: "POST", scopes });
  const upload = { length: 1, once: true, async *open() {} } as const;
  expect((await send("/v2/a/blobs/uploads/1", { method: "PUT", upload, scopes })).status).toBe(200);
  expect(requests).toEqual([undefined, "Bearer t1", "Bearer t1"]);
});

test("who gives up waits for nobody, and others go on", async () => {
  const { send, tokens } = serve();
  const controller = new AbortController();
  const gone = thrownBy(() => send("/", { signal: controller.signal }));
  const other = send();
  controller.abort(new Error("enough"));
  expect(await gone).toBeInstanceOf(Error);
  expect((await other).status).toBe(200);
  expect(tokens.length).toBeGreaterThan(0);
});
