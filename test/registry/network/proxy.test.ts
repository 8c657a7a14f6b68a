/** Proxies. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { createTransport } from "../../../src/registry/network/transport.ts";
import { testOnBoth } from "../../support/both-runtimes.ts";
import { startEcho } from "../../support/echo-server.ts";
import { startProxy } from "../../support/proxy.ts";
import { cases } from "./proxy-cases.ts";

testOnBoth(cases, join(import.meta.dirname, "proxy-cases.ts"));

test("a proxy of the environment is nothing to a request that goes directly", async () => {
  await using server = await startEcho();
  await using proxy = await startProxy({ refusal: 403 });
  const before = process.env.HTTP_PROXY;
  process.env.HTTP_PROXY = proxy.url;
  try {
    const response = await createTransport()(`http://127.0.0.1:${server.port}/`, { method: "GET", headers: {} });
    expect(response.status).toBe(200);
    expect(proxy.passed).toEqual([]);
  } finally {
    if (before === undefined) delete process.env.HTTP_PROXY;
    else process.env.HTTP_PROXY = before;
  }
});
