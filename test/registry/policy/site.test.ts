/** Which hosts have one owner. */
import { expect, test } from "bun:test";
import { isSameSite } from "../../../src/registry/policy/site.ts";

test.each([
  ["a.example.com", "b.c.example.com", true],
  ["EXAMPLE.com.", "a.example.com", true],
  ["x.a.github.io", "y.a.github.io", true],
  ["gitlab.example.co.uk", "registry.example.co.uk", true],
  ["auth.acme.internal", "registry.acme.internal", true],
  ["example.com", "example.com.evil.net", false],
  ["evil-example.com", "example.com", false],
  ["good.com.", "evil.com.", false],
  ["a.github.io", "b.github.io", false],
  ["a.jfrog.io", "b.jfrog.io", false],
  ["a.azurecr.io", "b.azurecr.io", false],
  ["a.blob.core.windows.net", "b.blob.core.windows.net", false],
  ["1.dkr.ecr.eu-west-1.amazonaws.com", "2.dkr.ecr.eu-west-1.amazonaws.com", false],
  ["a.s3.amazonaws.com", "b.s3.amazonaws.com", false],
  ["a-uc.a.run.app", "b-uc.a.run.app", false],
  ["a.fra1.digitaloceanspaces.com", "b.fra1.digitaloceanspaces.com", false],
  ["r.one.svc.cluster.local", "r.two.svc.cluster.local", false],
  ["10.0.0.1", "11.0.0.1", false],
  ["10.0.0.1", "10.0.0.1", true],
  ["registry", "auth", false],
  ["co.uk", "x.co.uk", false],
  ["a..com", "b..com", false],
])("%s and %s: %p", (a, b, same) => {
  expect(isSameSite(a, b)).toBe(same);
  expect(isSameSite(b, a)).toBe(same);
});
