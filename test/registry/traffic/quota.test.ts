/** What registries tell of the pulls that are left. */
import { expect, test } from "bun:test";
import { createQuota, parsePulls } from "../../../src/registry/traffic/quota.ts";

function headers(remaining: number, limit = 100, window = 21_600): Record<string, string> {
  return { "ratelimit-limit": `${limit};w=${window}`, "ratelimit-remaining": `${remaining};w=${window}` };
}

test.each<[Record<string, string>, unknown]>([
  [headers(98), { limit: 100, remaining: 98, window: 21_600 }],
  [
    { ...headers(0), "docker-ratelimit-source": "192.0.2.1\u001b[31m" },
    { limit: 100, remaining: 0, window: 21_600, source: "192.0.2.1" },
  ],
  [
    { "ratelimit-limit": "100; w=60", "ratelimit-remaining": "5" },
    { limit: 100, remaining: 5, window: 60 },
  ],
  [{ "ratelimit-limit": "100", "ratelimit-remaining": "5", "ratelimit-reset": "30" }, undefined],
  [{ "ratelimit-limit": "100;w=60" }, undefined],
  [{ "ratelimit-limit": "-1;w=60", "ratelimit-remaining": "-2;w=60" }, undefined],
  [{ "ratelimit-limit": "1e9;w=60", "ratelimit-remaining": "x" }, undefined],
  [{ "ratelimit-limit": `${"9".repeat(30)};w=60`, "ratelimit-remaining": "1;w=60" }, undefined],
  [{}, undefined],
])("%j", (given, pulls) => {
  // Headers refuse some of what a server may send.
  expect(parsePulls({ get: (name: string) => given[name] ?? null } as Headers)).toEqual(pulls as never);
});

test("an answer that was overtaken is not believed where it is more hopeful", () => {
  const quota = createQuota();
  quota.hear({ limit: 100, remaining: 50, window: 60 }, performance.now());
  quota.hear({ limit: 100, remaining: 60, window: 60 }, performance.now() - 1000);
  expect(quota.left()).toBe(50);
  quota.hear({ limit: 100, remaining: 70, window: 60 }, performance.now() + 1);
  expect(quota.left()).toBe(70);
});
