/** Tokens and Basic, against a registry and a token server that are functions. */
import { expect, test } from "bun:test";
import type { AppError } from "../../../src/errors.ts";
import { withAuth } from "../../../src/registry/auth/auth.ts";
import type { Credential } from "../../../src/registry/credentials/credential.ts";
import type { Exchange, Transport } from "../../../src/registry/wire/exchange.ts";

const ME: Credential = { username: "me", password: "secret" };
const BASIC = `Basic ${btoa("me:secret")}`;
const BEARER = 'Bearer realm="https://auth.r.example/token?x=1",service="r.example"';

interface Server {
  readonly tokens: { method: string; url: string; authorization: string | undefined; form: string }[];
  readonly requests: (string | undefined)[];
  readonly send: (path?: string, exchange?: Partial<Exchange>) => Promise<Response>;
}

interface ServerOptions {
  readonly challenge?: string;
  readonly credential?: Credential;
  /** What the token server answers. Default: `t1`, `t2`, ... that end after an hour. */
  readonly token?: (count: number, method: string) => Response;
  /** Whether the registry takes it. Default: all tokens, and me. */
  readonly takes?: (authorization: string) => boolean;
  readonly insecure?: boolean;
}

/** A registry that wants authorization, and its token server. */
function serve({
  challenge = BEARER,
  credential,
  token = give,
  takes = () => true,
  insecure = false,
}: ServerOptions = {}): Server {
  const tokens: Server["tokens"] = [];
  const requests: Server["requests"] = [];
  const registry: Transport = async (_, { headers }) => {
    requests.push(headers.authorization);
    const isTaken = headers.authorization !== undefined && takes(headers.authorization);
    if (isTaken) return new Response("here");
    return new Response("no", { status: 401, headers: { "www-authenticate": challenge } });
  };
  const tokenServer: Transport = async (url, { method, headers, upload }) => {
    const form = upload instanceof Uint8Array ? new TextDecoder().decode(upload) : "";
    tokens.push({ method, url, authorization: headers.authorization, form });
    await Bun.sleep(1);
    return token(tokens.length, method);
  };
  const send = withAuth(registry, { credential: async () => credential, tokens: tokenServer, insecure });
  return {
    tokens,
    requests,
    send: (path = "/v2/a/manifests/x", exchange = {}) =>
      send(`https://r.example${path}`, { method: "GET", headers: {}, scopes: ["repository:a:pull"], ...exchange }),
  };
}

function give(count: number): Response {
  return Response.json({ token: `t${count}`, expires_in: 3600 });
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
  const { send, tokens } = serve({ credential: ME });
  await send();
  expect(tokens[0]).toMatchObject({ method: "GET", authorization: BASIC });
  expect(tokens[0]!.url).toEndWith("&account=me");
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

test("a token that is refused is replaced once", async () => {
  const { send, tokens, requests } = serve({ takes: (header) => header !== "Bearer t1" });
  expect((await send()).status).toBe(401);
  expect((await send()).status).toBe(200);
  expect(tokens.length).toBe(2);
  expect(requests).toEqual([undefined, "Bearer t1", "Bearer t1", "Bearer t2"]);
});

test("a token near its end is replaced before it is refused", async () => {
  const { send, requests } = serve({
    token: (count) => Response.json({ access_token: `t${count}`, expires_in: count === 1 ? "soon" : 3600 }),
  });
  await send();
  const { now } = performance;
  performance.now = () => now.call(performance) + 51_000;
  try {
    await send();
  } finally {
    performance.now = now;
  }
  expect(requests).toEqual([undefined, "Bearer t1", "Bearer t2"]);
});

test("a scope that only the challenge names is asked for too", async () => {
  const { send, tokens } = serve({ challenge: `${BEARER},scope="repository:a:push repository:c:pull"` });
  await send();
  expect(tokens[0]!.url).toEndWith("scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Ac%3Apull");
});

test("a relative realm is below the registry", async () => {
  const { send, tokens } = serve({ challenge: "Bearer realm=/token" });
  await send();
  expect(tokens[0]!.url).toBe("https://r.example/token?scope=repository%3Aa%3Apull");
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
  expect((await wrong.send()).status).toBe(401);
  expect(wrong.requests).toEqual([undefined, BASIC]);
  const nobody = serve({ challenge: "Basic realm=x" });
  expect((await nobody.send()).status).toBe(401);
  expect(nobody.requests).toEqual([undefined]);
});

test("Basic where the token server refuses and both are offered", async () => {
  const { send, requests } = serve({
    challenge: `${BEARER}, Basic realm="x"`,
    credential: ME,
    token: () => new Response("no", { status: 400 }),
  });
  expect((await send()).status).toBe(200);
  expect(requests.at(-1)).toBe(BASIC);
});

test("refused credentials are an error, not a reason to be nobody", async () => {
  const { send, tokens } = serve({
    credential: ME,
    token: () => Response.json({ details: "incorrect \u001b[31musername" }, { status: 401 }),
  });
  const error = (await send().catch((thrown: unknown) => thrown)) as AppError;
  expect(error).toMatchObject({ code: "UNAUTHORIZED", hint: expect.stringContaining("refused") });
  expect(error.message).toBe('Cannot log in at "auth.r.example": the registry says UNKNOWN (incorrect username)');
  expect(tokens.length).toBe(1);
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

test("a foreign token server is asked as nobody, an inner or plain one not at all", async () => {
  const foreign = serve({ challenge: "Bearer realm=https://evil.example.com/t", credential: ME });
  await foreign.send();
  expect(foreign.tokens[0]!.authorization).toBeUndefined();
  for (const realm of ["http://169.254.169.254/t", "https://2130706433/t", "http://r.example/t"]) {
    const inner = serve({ challenge: `Bearer realm="${realm}"`, credential: ME });
    await expect(inner.send()).rejects.toThrow("token server");
    expect(inner.tokens).toEqual([]);
  }
});

test.each(["<html>", "{}", '{"token":""}', '{"token":"a b\\r\\n"}', "[1]"])("no token in %p", async (body) => {
  await expect(serve({ token: () => new Response(body) }).send()).rejects.toThrow("without a token");
});

test("other origins get nothing", async () => {
  const seen: Exchange[] = [];
  const send = withAuth(
    async (_, exchange) => {
      seen.push(exchange);
      return new Response("", { status: 401, headers: { "www-authenticate": "Basic realm=x" } });
    },
    { credential: async () => ME, tokens: async () => new Response() },
  );
  await send("https://r.example/", { method: "GET", headers: {} });
  await send("https://uploads.r.example/", { method: "PUT", headers: {} });
  expect(seen.map(({ headers }) => headers.authorization)).toEqual([undefined, BASIC, undefined]);
});

test("a body that can be read only once is not sent again", async () => {
  const { send, requests } = serve();
  const upload = { length: 1, once: true, async *open() {} } as const;
  expect((await send("/x", { method: "PUT", upload })).status).toBe(401);
  expect(requests.length).toBe(1);
});
