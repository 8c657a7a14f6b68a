/** The keep of tokens: what is shared, and that it does not grow with a run. */
import { expect, test } from "bun:test";
import type { TokenRequest } from "../../../src/registry/auth/token.ts";
import { createTokens, type Tokens } from "../../../src/registry/auth/tokens.ts";

function serving(expires = 3600): { asked: string[]; tokens: Tokens } {
  const asked: string[] = [];
  const tokens = createTokens(async (url) => {
    asked.push(new URL(url).searchParams.get("scope")!);
    return Response.json({ token: `t${asked.length}`, expires_in: expires });
  });
  return { asked, tokens };
}

function request(scope: string): TokenRequest {
  const realm = { url: new URL("https://auth.example/token"), service: undefined, stranger: undefined };
  return { host: "r.example", realm, scopes: [scope], identity: undefined };
}

test("a token for more serves less, and is asked for once", async () => {
  const { asked, tokens } = serving();
  const both = request("repository:a:pull,push");
  const [one, two] = await Promise.all([tokens.get(both), tokens.get(both)]);
  expect(one.token).toBe(two.token);
  expect(await tokens.get(request("repository:a:pull"))).toEqual({ token: one.token, isFresh: false });
  expect(asked).toEqual(["repository:a:pull,push"]);
});

test("of thousands of repositories the last are held", async () => {
  const { asked, tokens } = serving();
  for (let at = 0; at < 1500; at++) await tokens.get(request(`repository:a${at}:pull`));
  await tokens.get(request("repository:a1499:pull"));
  await tokens.get(request("repository:a500:pull"));
  expect(asked.length).toBe(1500);
  await tokens.get(request("repository:a499:pull"));
  expect(asked.length).toBe(1501);
});

test("one that was not taken is dropped, and no other", async () => {
  const { asked, tokens } = serving();
  const pull = await tokens.get(request("repository:a:pull"));
  const push = await tokens.get(request("repository:a:push"));
  tokens.drop(pull.token);
  expect((await tokens.get(request("repository:a:push"))).token).toBe(push.token);
  expect((await tokens.get(request("repository:a:pull"))).isFresh).toBe(true);
  expect(asked.length).toBe(3);
});
