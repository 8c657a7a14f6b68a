/** Logins tried at registries that take them by Basic or by token, or want none. */
import { expect, test } from "bun:test";
import { verifyLogin } from "../../src/registry/login.ts";
import { createTransport } from "../../src/registry/network/transport.ts";
import { type Handler, startRegistry, type TestRegistry } from "../support/registry.ts";
import { errorOf, thrownBy } from "../support/thrown.ts";

const ME = { username: "me", password: "pass:word" };
const BASIC = `Basic ${Buffer.from("me:pass:word").toString("base64")}`;

function refusal(status: number, challenge?: string): Response {
  const headers = challenge ? { "www-authenticate": challenge } : undefined;
  const errors = [{ code: "UNAUTHORIZED", message: "who are you" }];
  return Response.json({ errors }, { status, ...(headers && { headers }) });
}

/** Wants Basic for everything. */
function byBasic(handler: Handler): Handler {
  return async (request) =>
    request.headers.get("authorization") === BASIC ? handler(request) : refusal(401, 'Basic realm="here"');
}

/** Gives tokens for Basic, and wants them for everything else. */
function byToken(handler: Handler): Handler {
  return async (request) => {
    const authorization = request.headers.get("authorization");
    if (new URL(request.url).pathname === "/token")
      return authorization === BASIC ? Response.json({ token: "jwt" }) : refusal(401);
    return authorization === "Bearer jwt" ? handler(request) : refusal(401, 'Bearer realm="/token",service="here"');
  };
}

function start(wrap?: (handler: Handler) => Handler): Promise<TestRegistry> {
  return startRegistry(undefined, wrap ? { wrap } : {});
}

test.each([
  ["Basic", byBasic],
  ["a token", byToken],
])("is accepted by %s", async (_, wrap) => {
  await using registry = await start(wrap);
  expect(await verifyLogin(registry.host, ME)).toBe("accepted");
  expect(registry.requests.every(({ path }) => /^\/(?:v2\/|token\?)/.test(path))).toBe(true);
});

test.each([
  ["Basic", byBasic],
  ["a token", byToken],
])("is refused by %s, without showing it", async (_, wrap) => {
  await using registry = await start(wrap);
  const login = { username: "me", password: "topsecret" };
  expect(await thrownBy(() => verifyLogin(registry.host, login))).toMatchObject({
    code: "UNAUTHORIZED",
    message: `Cannot log in at "${registry.host}": the registry says UNAUTHORIZED (who are you)`,
    hint: "check the user name and the password; some registries want a token in its place",
  });
});

test("is not sent where nobody asks for it", async () => {
  await using registry = await start();
  expect(await verifyLogin(registry.host, ME)).toBe("unasked");
  expect(registry.requests.every(({ headers }) => headers.get("authorization") === null)).toBe(true);
});

test("is accepted by what answers to nothing at /v2/ but the challenge", async () => {
  await using registry = await start(() => byBasic(async () => refusal(404)));
  expect(await verifyLogin(registry.host, ME)).toBe("accepted");
});

test("needs a registry", async () => {
  await using registry = await start(() => async () => new Response("not here", { status: 404 }));
  expect(await errorOf(() => verifyLogin(registry.host, ME))).toStartWith("NOT_FOUND: ");
});

test.each([
  ["that lets nobody in", () => refusal(401)],
  ["that lets everybody in", () => Response.json({ token: "jwt" })],
])("is not proven by a foreign token server %s", async (_, answer) => {
  const asked: Headers[] = [];
  const challenge = 'Bearer realm="https://tokens.test/token",service="here"';
  await using registry = await start(
    (handler) => async (request) => (request.headers.has("authorization") ? handler(request) : refusal(401, challenge)),
  );
  const network = createTransport();
  const error = await errorOf(() =>
    verifyLogin(registry.host, ME, {
      resolve: async () => ["192.0.2.1"],
      transport: async (url, exchange) => {
        if (!url.startsWith("https://tokens.test/")) return network(url, exchange);
        asked.push(new Headers(exchange.headers));
        return answer();
      },
    }),
  );
  expect(error).toMatch(/^(?:UNAUTHORIZED|DENIED): Cannot log in at .*tokens\.test/);
  expect(asked.map((headers) => headers.get("authorization"))).toEqual([null]);
  expect(registry.requests.filter(({ headers }) => /Basic/.test(headers.get("authorization") ?? ""))).toEqual([]);
});

test("ends with the run", async () => {
  const control = new AbortController();
  await using registry = await start(() => async () => {
    control.abort(new Error("enough"));
    return refusal(503);
  });
  await expect(verifyLogin(registry.host, ME, { signal: control.signal })).rejects.toThrow("enough");
});

test("whoever is told to wait is not told to log in", async () => {
  const headers = { "retry-after": "900" };
  await using registry = await start(() => async () => new Response("", { status: 429, headers }));
  const error = await thrownBy(() => verifyLogin(registry.host, ME));
  expect(error).toMatchObject({
    code: "RATE_LIMITED",
    message: expect.stringMatching(/^Cannot log in at .*answered 429; it does not want to be asked before/),
    hint: "wait, and log in again",
  });
});
