/** Who may see credentials, and where hosts are. */
import { expect, test } from "bun:test";
import { trustRealm } from "../../../src/registry/auth/realm.ts";
import { isSameSite, nearness } from "../../../src/registry/wire/address.ts";

test.each([
  ["https://registry.example/token", "https://registry.example", "credentials"],
  ["https://registry.example:5001/auth", "https://registry.example:5000", "credentials"],
  ["https://auth.docker.io/token", "https://registry-1.docker.io", "credentials"],
  ["https://gitlab.com/jwt/auth", "https://registry.gitlab.com", "credentials"],
  ["https://gitlab.example.co.uk/jwt/auth", "https://registry.example.co.uk", "credentials"],
  ["https://dockerauth.cn-hangzhou.aliyuncs.com/auth", "https://registry.cn-hangzhou.aliyuncs.com", "credentials"],
  ["https://authn.nvidia.com/token", "https://nvcr.io", "credentials"],
  ["http://127.0.0.1:5001/token", "http://127.0.0.1:5000", "credentials"],
  ["https://auth.example/token", "https://registry.example.com", "anonymous"],
  ["https://evil.co.uk/token", "https://registry.co.uk", "anonymous"],
  ["https://b.azurecr.io/oauth2/token", "https://a.azurecr.io", "anonymous"],
  ["https://evil.aliyuncs.com/auth", "https://registry.cn-hangzhou.aliyuncs.com", "anonymous"],
  ["http://registry.example/token", "https://registry.example", "refused"],
  ["http://169.254.169.254/latest", "https://registry.example", "refused"],
  ["https://2852039166/latest", "https://registry.example", "refused"],
  ["https://127.0.0.1:8080/", "https://registry.example", "refused"],
  ["https://localhost/", "https://registry.example", "refused"],
  ["https://10.0.0.1/", "https://10.0.0.2", "refused"],
  ["https://[::ffff:10.0.0.1]/", "https://registry.example", "refused"],
  ["file:///etc/passwd", "https://registry.example", "refused"],
])("%s of %s: %s", (realm, registry, trust) => {
  expect(trustRealm(new URL(realm), new URL(registry), false)).toBe(trust as ReturnType<typeof trustRealm>);
});

test("plain http is for insecure registries, still not into inner networks", () => {
  const registry = new URL("https://registry.example");
  expect(trustRealm(new URL("http://registry.example/token"), registry, true)).toBe("credentials");
  expect(trustRealm(new URL("http://169.254.169.254/"), registry, true)).toBe("refused");
});

test.each([
  ["example.com", "public"],
  ["8.8.8.8", "public"],
  ["127.1.2.3", "loopback"],
  ["a.localhost", "loopback"],
  ["[::1]", "loopback"],
  ["0.0.0.0", "loopback"],
  ["[::ffff:7f00:1]", "loopback"],
  ["192.168.1.1", "private"],
  ["172.32.0.1", "public"],
  ["[fd00::1]", "private"],
  ["169.254.1.1", "link-local"],
  ["[fe80::1]", "link-local"],
])("%s is %s", (host, expected) => {
  expect(nearness(host)).toBe(expected as ReturnType<typeof nearness>);
});

test.each([
  ["a.example.com", "b.c.example.com", true],
  ["example.com", "example.com.evil.net", false],
  ["a.github.io", "b.github.io", false],
  ["x.a.github.io", "y.a.github.io", true],
  ["10.0.0.1", "11.0.0.1", false],
  ["registry", "auth", false],
  ["co.uk", "x.co.uk", false],
])("%s and %s: %p", (a, b, same) => {
  expect(isSameSite(a, b)).toBe(same);
});
