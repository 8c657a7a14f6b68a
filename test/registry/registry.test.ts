/** A registry as a whole, without a network. */
import { expect, test } from "bun:test";
import { digestOf } from "../../src/oci/digest.ts";
import type { Keychain } from "../../src/registry/credentials/credential.ts";
import { openRegistry, type RegistryOptions } from "../../src/registry/registry.ts";
import type { Exchange } from "../../src/registry/wire/exchange.ts";
import { thrownBy } from "../support/thrown.ts";

const DIGEST = digestOf(new Uint8Array());

/** A registry with Docker Hub's manners, without a network. */
function hub(options: RegistryOptions = {}): {
  requests: [string, Exchange][];
  store: ReturnType<typeof openRegistry>;
} {
  const requests: [string, Exchange][] = [];
  const transport: RegistryOptions["transport"] = async (url, exchange) => {
    requests.push([url, exchange]);
    if (url.startsWith("https://auth.docker.io/")) return Response.json({ token: "abc" });
    if (exchange.headers.authorization === undefined) {
      const challenge = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"';
      return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
    }
    const type = "application/vnd.oci.image.index.v1+json";
    return new Response(null, {
      headers: { "content-type": type, "docker-content-digest": DIGEST, "content-length": "9" },
    });
  };
  return { requests, store: openRegistry("docker.io", { transport, ...options }) };
}

test("docker.io has another host, and its credentials its own name", async () => {
  const asked: string[] = [];
  const credentials: Keychain = async (host, path) => {
    asked.push(`${host} ${path}`);
    return { credential: { username: "me", password: "pw" }, origin: "the test", named: true };
  };
  const { requests, store } = hub({ credentials, userAgent: "dray/9" });
  const repository = store.repository("library/nginx");
  expect(repository.place).toEqual({ space: "docker.io", path: "library/nginx" });
  expect((await repository.resolve("latest"))?.digest).toBe(DIGEST);
  await store.repository("library/redis").resolve("latest");
  expect(requests.map(([url]) => url)).toEqual([
    "https://registry-1.docker.io/v2/library/nginx/manifests/latest",
    "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull&account=me",
    "https://registry-1.docker.io/v2/library/nginx/manifests/latest",
    "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Fredis%3Apull&account=me",
    "https://registry-1.docker.io/v2/library/redis/manifests/latest",
  ]);
  expect(asked).toEqual(["docker.io library/nginx", "docker.io library/redis"]);
  expect(requests[0]![1].headers["user-agent"]).toBe("dray/9");
});

test("cannot be listed as a whole", async () => {
  expect(await Array.fromAsync(hub().store.references())).toEqual([]);
});

test.each(["", "a b", "https://r.example", "r.example/x", "r.example:port"])("%p is no host", (host) => {
  expect(() => openRegistry(host)).toThrow("expected HOST[:PORT]");
});

test.each(["", "A", "a//b", "../a", "a/..", "a?b", "a".repeat(256)])("%p is no repository", (path) => {
  expect(() => hub().store.repository(path)).toThrow("not a repository name");
});

test("a mistake in a program is not taken for the network's, nor made again", async () => {
  const mistake = new TypeError("x is not a function");
  let asked = 0;
  const registry = openRegistry("r.example", {
    retry: { attempts: 3, delay: 1 },
    resolve: async () => [],
    transport: async () => new Response("", { status: 401, headers: { "www-authenticate": "Basic" } }),
    credentials: async () => {
      asked++;
      throw mistake;
    },
  });
  expect(await thrownBy(() => registry.repository("a").resolve("b"))).toBe(mistake);
  expect(asked).toBe(1);
});

test("a TypeError of the network is asked again about", async () => {
  let calls = 0;
  const registry = openRegistry("r.example", {
    retry: { attempts: 3, delay: 1 },
    resolve: async () => [],
    transport: async () => {
      calls++;
      throw new TypeError("fetch failed");
    },
  });
  expect(await thrownBy(() => registry.repository("a").resolve("b"))).toMatchObject({ code: "NETWORK" });
  expect(calls).toBe(3);
});
