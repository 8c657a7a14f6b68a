/** The doctor where nobody answers, or nobody who is a registry. */
import { describe, expect, test } from "bun:test";
import { type HttpProxy, proxyFor } from "../../../src/registry/network/proxy.ts";
import { answering, examine, faulty, openWard, refusal, states } from "../../support/examine.ts";
import { startRegistry } from "../../support/registry.ts";

const { start } = openWard();

describe("a way that leads nowhere", () => {
  test("nobody listens", async () => {
    const registry = await startRegistry();
    await registry.close();
    const found = await examine(registry.host);
    expect(states(found)).toEqual(["note credentials", "ok proxy", "ok name", "failed addresses"]);
    expect(found.get("addresses")!.said).toContain("127.0.0.1 (refused)");
  });

  test("the name is not known", async () => {
    const found = await examine("registry.invalid", { options: { resolve: async () => [] } });
    expect(states(found)).toEqual(["note credentials", "ok proxy", "failed name"]);
  });

  test("one of its addresses does not answer", async () => {
    const registry = await start();
    const resolve = async () => ["127.0.0.1", "127.0.0.9"];
    const found = await examine(registry.host.replace("127.0.0.1", "localhost"), { options: { resolve } });
    expect(found.get("addresses")!.state).toBe("warning");
    expect(found.get("addresses")!.said).toContain("not 127.0.0.9");
    expect(found.get("push")!.state).toBe("ok");
  });

  test("a proxy that cannot be understood", async () => {
    const proxy = (url: URL): undefined | HttpProxy =>
      proxyFor(url, { https: { value: "socks5://me:secret@proxy.invalid", variable: "HTTPS_PROXY" } });
    const found = await examine("registry.invalid", { options: { proxy } });
    expect(states(found).at(-1)).toBe("failed proxy");
    expect(found.get("proxy")!.said).toContain("SOCKS");
    expect(JSON.stringify([...found])).not.toContain("secret");
  });

  test("a proxy that is not there", async () => {
    const registry = await startRegistry();
    await registry.close();
    const proxy = (url: URL): undefined | HttpProxy =>
      proxyFor(url, { https: { value: `http://me:secret@${registry.host}`, variable: "HTTPS_PROXY" } });
    const found = await examine("registry.invalid", { options: { proxy } });
    expect(found.get("proxy")!.said).toBe(
      `the way goes through http://${registry.host}, with the user and password of its URL`,
    );
    expect(found.has("name")).toBe(false);
    expect(JSON.stringify([...found])).not.toContain("secret");
  });

  test.each([
    [["HTTPS_PROXY"], "ok", "NO_PROXY names it"],
    [["ALL_PROXY"], "warning", "ALL_PROXY is set, which counts for nothing here"],
    [[], "ok", "the way is direct"],
  ] as const)("no proxy, and %p set", async (variables, state, said) => {
    const options = { resolve: async () => [] };
    const found = await examine("registry.invalid", { options, variables });
    expect(found.get("proxy")).toMatchObject({ state, said: expect.stringContaining(said) });
  });
});

describe("what is no registry", () => {
  test("a web server", async () => {
    const page = new Response("<html><title>Welcome</title>", {
      headers: { "content-type": "text/html; charset=utf-8" },
    });
    const found = await examine((await start(answering(() => page.clone()))).host);
    expect(states(found).at(-1)).toBe("failed protocol");
    expect(found.get("protocol")!.said).toContain('(200, "Welcome"), and no registry');
  });

  test("a registry below a path is asked on", async () => {
    const registry = await start(answering((_, path) => (path === "/v2/" ? refusal(404, "NOT_FOUND") : undefined)));
    const found = await examine(registry.host);
    expect(found.get("protocol")!.state).toBe("warning");
    expect(found.get("pull")!.state).toBe("ok");
  });

  test("one that wants to be left alone is not waited for", async () => {
    const fault = { type: "rate-limit", retryAfter: 200 } as const;
    const found = await examine((await start(faulty({ method: "GET", fault }))).host);
    expect(found.get("protocol")).toMatchObject({
      state: "failed",
      said: expect.stringContaining("it wants to be left alone for 200 s"),
    });
  });
});
