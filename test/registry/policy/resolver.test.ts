/** Names and their addresses. */
import { expect, test } from "bun:test";
import { createResolver } from "../../../src/registry/policy/resolver.ts";

test("finds this machine", async () => {
  const addresses = await createResolver()(new URL("https://localhost:5000/"));
  expect(addresses.length).toBeGreaterThan(0);
  for (const address of addresses) expect(address).toMatch(/^(?:127\.|::1$)/);
});

test("a name that nobody has is no error", async () => {
  expect(await createResolver()(new URL("https://no-such-name.invalid/"))).toEqual([]);
});

test("leaves to a proxy what goes there", async () => {
  const asked: string[] = [];
  const resolve = createResolver((url) => asked.push(url.href) > 0);
  expect(await resolve(new URL("https://localhost/"))).toEqual([]);
  expect(asked).toEqual(["https://localhost/"]);
});

test("ends with its signal", async () => {
  const reason = new Error("enough");
  const resolving = createResolver()(new URL("https://localhost/"), { signal: AbortSignal.abort(reason) });
  await expect(resolving).rejects.toBe(reason);
});
