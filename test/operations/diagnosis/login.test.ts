/** The doctor at registries that want to know who asks. */
import { describe, expect, test } from "bun:test";
import { createTransport } from "../../../src/registry/network/transport.ts";
import type { RegistryOptions } from "../../../src/registry/registry.ts";
import type { Transport } from "../../../src/registry/wire/exchange.ts";
import { answering, examine, ME, openWard, refusal, states } from "../../support/examine.ts";
import { startRegistry, type TestRegistryOptions } from "../../support/registry.ts";

const { start } = openWard();

describe("who may come in", () => {
  const right = `Basic ${btoa("me:right")}`;

  test("nobody without credentials", async () => {
    const challenge = new Response(null, { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } });
    const found = await examine((await start(answering(() => challenge.clone()))).host);
    expect(found.get("login")).toMatchObject({
      state: "note",
      said: "the registry wants a user name and a password, and has none for nobody",
    });
    expect(found.get("pull")!.state).toBe("failed");
    expect(found.get("push")!.state).toBe("failed");
  });

  function basic(): TestRegistryOptions {
    return answering(({ headers }) => {
      if (headers.get("authorization") === right) return undefined;
      return new Response(null, { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } });
    });
  }

  test("by a login that is accepted, and nobody else", async () => {
    const found = await examine((await start(basic())).host, { options: { credentials: ME } });
    expect(found.get("credentials")!.said).toBe('user "me", from a test');
    expect(found.get("login")).toMatchObject({ state: "ok", said: expect.stringContaining("accepted") });
    expect(found.get("anonymous pull")!.said).toStartWith("not possible");
    expect(found.get("push")!.state).toBe("ok");
  });

  test("not by a login that is wrong, which is said once", async () => {
    const wrong: RegistryOptions["credentials"] = async () => ({
      credential: { username: "me", password: "a secret" },
      origin: "a test",
      named: true,
    });
    const found = await examine((await start(basic())).host, { options: { credentials: wrong } });
    expect(states(found).at(-1)).toBe("failed login");
    expect(found.get("login")!.advice).toContain("the credentials from a test were refused");
    expect(JSON.stringify([...found])).not.toContain("secret");
  });

  /** The root is open; repositories want tokens. */
  function tokens(allowed: (request: Request) => boolean): TestRegistryOptions {
    return answering((request, path) => {
      if (path === "/v2/") return undefined;
      if (path.startsWith("/token"))
        return allowed(request) ? Response.json({ token: "a-token" }) : refusal(401, "UNAUTHORIZED");
      if (request.headers.get("authorization") === "Bearer a-token") return undefined;
      const headers = { "www-authenticate": 'Bearer realm="/token",service="here"' };
      return new Response(null, { status: 401, headers });
    });
  }

  test("by a token that only repositories want", async () => {
    const registry = await start(tokens(() => true));
    const found = await examine(registry.host, { options: { credentials: ME } });
    expect(found.get("login")).toMatchObject({ state: "ok", said: "accepted: the registry wants a token of its own" });
    expect(found.get("anonymous pull")!.said).toStartWith("possible");
  });

  test("not where the token server refuses", async () => {
    const found = await examine((await start(tokens(() => false))).host, { options: { credentials: ME } });
    expect(found.get("pull")!.state).toBe("failed");
    expect(found.get("pull")!.advice).toContain("they were refused");
  });

  test("not where the token server is not there", async () => {
    const gone = await startRegistry();
    await gone.close();
    const headers = { "www-authenticate": `Bearer realm="${gone.url}/token"` };
    const registry = await start(answering(() => new Response(null, { status: 401, headers })));
    const found = await examine(registry.host, { options: { credentials: ME } });
    expect(found.get("connection")!.state).toBe("ok");
    expect(found.get("login")).toMatchObject({ state: "failed", said: expect.stringContaining(gone.host) });
  });

  test("a token server of somebody else gets no credentials", async () => {
    const headers = { "www-authenticate": 'Bearer realm="https://tokens.example/token"' };
    const registry = await start(
      answering((request) =>
        request.headers.has("authorization") ? undefined : new Response(null, { status: 401, headers }),
      ),
    );
    const send = createTransport();
    const told: (string | undefined)[] = [];
    const transport: Transport = async (url, exchange) => {
      if (!url.startsWith("https://tokens.example/")) return send(url, exchange);
      told.push(exchange.headers.authorization);
      return Response.json({ token: "for-nobody" });
    };
    const options = { credentials: ME, transport, resolve: async () => ["93.184.215.14"] };
    const found = await examine(registry.host, { options });
    expect(found.get("login")).toMatchObject({
      state: "failed",
      advice: expect.stringContaining("--trusted-realm tokens.example"),
    });
    expect(told).toEqual([undefined]);
  });

  test("a login that nobody asked for was not tried", async () => {
    const found = await examine((await start()).host, { options: { credentials: ME } });
    expect(found.get("login")!.state).toBe("skipped");
  });
});
