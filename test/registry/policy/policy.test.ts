/** The safety policy, each kind of hop and each kind of network. */
import { expect, test } from "bun:test";
import type { AppError } from "../../../src/errors.ts";
import { createPolicy, type Hop, type PolicyOptions, type Verdict } from "../../../src/registry/policy/policy.ts";
import { thrownBy } from "../../support/thrown.ts";

interface Case extends Partial<PolicyOptions> {
  /** Addresses by name. Default: none is known. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
}

function policyFor(registry: string, { names = {}, ...options }: Case = {}) {
  const asked: string[] = [];
  const resolve = async ({ hostname }: URL) => {
    asked.push(hostname);
    return names[hostname] ?? [];
  };
  return { asked, policy: createPolicy({ registry, resolve, ...options }) };
}

async function may(hop: Hop, from: string, to: string, options: Case = {}): Promise<Verdict["may"]> {
  const { policy } = policyFor(new URL(from).host, options);
  return (await policy.judge(hop, new URL(from), new URL(to, from))).may;
}

test.each([
  ["https://registry.example/token", "https://registry.example", "credentials"],
  ["/token", "https://registry.example", "credentials"],
  ["https://registry.example:5001/auth", "https://registry.example:5000", "credentials"],
  ["https://auth.docker.io/token", "https://registry-1.docker.io", "credentials"],
  ["https://gitlab.com/jwt/auth", "https://registry.gitlab.com", "credentials"],
  ["https://gitlab.example.co.uk/jwt/auth", "https://registry.example.co.uk", "credentials"],
  ["https://dockerauth.cn-hangzhou.aliyuncs.com/auth", "https://registry.cn-hangzhou.aliyuncs.com", "credentials"],
  ["https://authn.nvidia.com/token", "https://nvcr.io", "credentials"],
  ["http://127.0.0.1:5001/token", "http://127.0.0.1:5000", "credentials"],
  ["https://auth.example/token", "https://registry.example.com", "anonymous"],
  ["https://auth.docker.io/token", "https://evil-docker.io", "anonymous"],
  ["https://auth.docker.io.evil.net/token", "https://registry-1.docker.io", "anonymous"],
  ["https://evil.co.uk/token", "https://registry.co.uk", "anonymous"],
  ["https://b.azurecr.io/oauth2/token", "https://a.azurecr.io", "anonymous"],
  ["https://evil.aliyuncs.com/auth", "https://registry.cn-hangzhou.aliyuncs.com", "anonymous"],
  ["https://registry.example@evil.net/token", "https://registry.example", "anonymous"],
  ["http://auth.registry.example/token", "http://registry.example", "anonymous"],
  ["http://registry.example/token", "https://registry.example", "nothing"],
  ["http://169.254.169.254/latest", "https://registry.example", "nothing"],
  ["https://2852039166/latest", "https://registry.example", "nothing"],
  ["https://127.0.0.1:8080/", "https://registry.example", "nothing"],
  ["https://localhost/", "https://registry.example", "nothing"],
  ["https://8.8.8.8/", "https://registry.example", "nothing"],
  ["https://10.0.0.1/", "https://10.0.0.2", "nothing"],
  ["https://[::ffff:10.0.0.1]/", "https://registry.example", "nothing"],
  ["file:///etc/passwd", "https://registry.example", "nothing"],
  ["data:,x", "https://registry.example", "nothing"],
])("the token server %s of %s: %s", async (realm, registry, expected) => {
  expect(await may("realm", registry, realm)).toBe(expected as Verdict["may"]);
});

test("plain http is for insecure registries, on their very host, still not into inner networks", async () => {
  const insecure = { insecure: true };
  expect(await may("realm", "https://r.example", "http://r.example/token", insecure)).toBe("credentials");
  expect(await may("realm", "https://r.example", "http://auth.r.example/token", insecure)).toBe("anonymous");
  expect(await may("realm", "https://r.example", "http://169.254.169.254/", insecure)).toBe("nothing");
  expect(await may("redirect", "https://r.example", "http://cdn.example/", insecure)).toBe("anonymous");
});

test("a trusted token server may be anywhere, but not unencrypted, nor link-local", async () => {
  const trusted = { trustedRealms: ["sso.example.net:8443", "10.0.0.9", "plain.example.net", "169.254.169.254"] };
  expect(await may("realm", "https://r.example", "https://SSO.example.net:8443/t", trusted)).toBe("credentials");
  expect(await may("realm", "https://r.example", "https://sso.example.net/t", trusted)).toBe("anonymous");
  expect(await may("realm", "https://r.example", "https://10.0.0.9/t", trusted)).toBe("credentials");
  expect(await may("realm", "http://r.example", "http://plain.example.net/t", trusted)).toBe("anonymous");
  expect(await may("realm", "https://r.example", "https://169.254.169.254/t", trusted)).toBe("nothing");
});

test.each([
  ["https://r.example/b", "credentials"],
  ["https://r.example:443/b", "credentials"],
  ["https://r.example:444/b", "anonymous"],
  ["https://cdn.example.net/b", "anonymous"],
  ["http://r.example/b", "nothing"],
  ["https://10.0.0.1/b", "nothing"],
  ["gopher://r.example/b", "nothing"],
])("a redirect to %s: %s", async (target, expected) => {
  expect(await may("redirect", "https://r.example/a", target)).toBe(expected as Verdict["may"]);
});

test.each([
  ["https://r.example/up", "credentials"],
  ["https://r.example:444/up", "anonymous"],
  ["https://uploads.r.example/up", "anonymous"],
  ["http://uploads.r.example/up", "nothing"],
  ["https://evil.example.net/up", "nothing"],
  ["https://r.example.evil.net/up", "nothing"],
])("content to %s: %s", async (target, expected) => {
  expect(await may("upload", "https://r.example/a", target)).toBe(expected as Verdict["may"]);
});

const NAMES = {
  "out.example": ["203.0.113.1", "2606:4700::1"],
  "in.example": ["10.0.0.1"],
  "this.example": ["127.0.0.1", "::1"],
  "both.example": ["203.0.113.1", "10.0.0.1"],
  "cloud.example": ["169.254.169.254"],
  "mapped.example": ["::ffff:169.254.169.254"],
  "mixed.example": ["203.0.113.1", "169.254.169.254"],
  "nas.local": ["192.168.1.2", "fe80::1"],
};

test.each([
  ["out.example", "in.example", "nothing"],
  ["out.example", "this.example", "nothing"],
  ["out.example", "both.example", "nothing"],
  ["out.example", "out.example:8443", "anonymous"],
  ["both.example", "in.example", "nothing"],
  ["in.example", "in.example:8443", "anonymous"],
  ["in.example", "10.2.3.4", "anonymous"],
  ["in.example", "both.example", "anonymous"],
  ["in.example", "out.example", "anonymous"],
  ["in.example", "this.example", "nothing"],
  ["this.example", "in.example", "anonymous"],
  ["127.0.0.1:5000", "in.example", "anonymous"],
  ["127.0.0.1:5000", "cloud.example", "nothing"],
  ["in.example", "cloud.example", "nothing"],
  ["out.example", "mapped.example", "nothing"],
  ["out.example", "mixed.example", "nothing"],
  ["nas.local", "192.168.9.9", "anonymous"],
  ["unknown.example", "in.example", "nothing"],
  ["out.example", "unknown.example", "anonymous"],
])("by their addresses, a redirect from %s to %s: %s", async (from, to, expected) => {
  const verdict = await may("redirect", `https://${from}/`, `https://${to}/`, { names: NAMES });
  expect(verdict).toBe(expected as Verdict["may"]);
});

test.each([
  ["out.example", "credentials"],
  ["10.0.0.1:5000", "credentials"],
  ["localhost:5000", "credentials"],
  ["nas.local", "credentials"],
  ["unknown.example", "credentials"],
  ["169.254.169.254", "nothing"],
  ["[fe80::1]:5000", "nothing"],
  ["metadata.google.internal", "nothing"],
  ["cloud.example", "nothing"],
  ["mixed.example", "nothing"],
])("%s as the registry itself: %s", async (registry, expected) => {
  expect(await may("registry", `https://${registry}/`, "/", { names: NAMES })).toBe(expected as Verdict["may"]);
});

test("a trusted host may be inside for every hop; the registry's own host always is where the registry is", async () => {
  const options = { names: NAMES, trustedRealms: ["in.example"] };
  expect(await may("redirect", "https://out.example/", "https://in.example/", options)).toBe("anonymous");
  expect(await may("redirect", "https://in.example/", "https://in.example:444/", { names: NAMES })).toBe("anonymous");
});

test("addresses are not looked up, names that need not be are not", async () => {
  const { policy, asked } = policyFor("r.example", { names: NAMES });
  const from = new URL("https://r.example/");
  for (const host of ["8.8.8.8", "[::1]", "localhost", "169.254.1.1"])
    await policy.judge("redirect", from, new URL(`https://${host}/`));
  expect(asked.filter((host) => host !== "r.example")).toEqual([]);
  await policy.judge("redirect", from, new URL("https://out.example/?sig=1"));
  expect(asked.filter((host) => host !== "r.example")).toEqual(["out.example"]);
});

test("a refusal says where, why and what to do, without secrets", async () => {
  const { policy } = policyFor("r.example", { names: NAMES });
  const from = new URL("https://r.example/");
  const inner = new URL("https://u:p@in.example/?sig=secret");
  const inside = (): Promise<Verdict> => policy.admit("Cannot x", "redirect", from, inner);
  expect((await thrownBy(inside)) as AppError).toMatchObject({
    code: "UNSUPPORTED",
    message:
      'Cannot x: the registry redirects to "https://in.example/?sig=***", which is in a private network, and r.example is not',
    hint: "if you trust that host with your credentials: --trusted-realm in.example",
  });
  const cloud = new URL("https://cloud.example/");
  const metadata = (): Promise<Verdict> => policy.admit("Cannot x", "realm", from, cloud);
  expect((await thrownBy(metadata)) as AppError).toMatchObject({
    code: "DENIED",
    hint: expect.stringContaining("never"),
  });
});
