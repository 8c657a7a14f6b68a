/** References: what people write, in full; and what is not one. */
import { describe, expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import {
  formatName,
  formatReference,
  isRepository,
  isTag,
  parseName,
  parsePrefix,
  parseReference,
  underPrefix,
} from "../../src/oci/reference.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

describe("parseReference", () => {
  test.each([
    ["nginx", "docker.io/library/nginx:latest"],
    ["nginx:1.25", "docker.io/library/nginx:1.25"],
    ["rancher/shell", "docker.io/rancher/shell:latest"],
    ["docker.io/nginx", "docker.io/library/nginx:latest"],
    ["docker.io/library/nginx", "docker.io/library/nginx:latest"],
    ["index.docker.io/nginx:1", "docker.io/library/nginx:1"],
    ["registry-1.docker.io/a/b", "docker.io/a/b:latest"],
    ["library/nginx", "docker.io/library/nginx:latest"],
    ["localhost/app", "localhost/app:latest"],
    ["localhost:5000/app:v1", "localhost:5000/app:v1"],
    ["registry.example/app", "registry.example/app:latest"],
    ["host:5000/a/b/c/d:t_1.x-y", "host:5000/a/b/c/d:t_1.x-y"],
    ["HOST/app", "HOST/app:latest"],
    ["host:5000", "docker.io/library/host:5000"],
    ["[::1]:5000/app:v1", "[::1]:5000/app:v1"],
    ["[2001:db8::1]/app", "[2001:db8::1]/app:latest"],
    [`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
    [`host:5000/app:v1@${DIGEST}`, `host:5000/app:v1@${DIGEST}`],
    [`app@sha512:${"ab".repeat(64)}`, `docker.io/library/app@sha512:${"ab".repeat(64)}`],
    ["oci://ghcr.io/org/chart:1.0", "ghcr.io/org/chart:1.0"],
    ["a/b__c/d---e.f_g:x", "docker.io/a/b__c/d---e.f_g:x"],
    ["app:V1.2_RC-3", "docker.io/library/app:V1.2_RC-3"],
    [`app:${"t".repeat(128)}`, `docker.io/library/app:${"t".repeat(128)}`],
    ["0123456789abcdef".repeat(4).slice(1), `docker.io/library/${"0123456789abcdef".repeat(4).slice(1)}:latest`],
  ])("%s is %s", (written, full) => {
    expect(formatReference(parseReference(written))).toBe(full);
  });

  test.each([
    ["", "names no repository"],
    ["Nginx", "not a repository name"],
    ["host.example/App", "not a repository name"],
    ["a//b", "not a repository name"],
    ["/a", "not a repository name"],
    ["a/", "not a repository name"],
    ["host.example/", "names no repository"],
    ["-a/b", "not a repository name"],
    ["a_-b", "not a repository name"],
    ["a___b", "not a repository name"],
    ["a/../b", "not a repository name"],
    ["nginx:", '"" is not a tag'],
    ["nginx:.hidden", '".hidden" is not a tag'],
    ["nginx:a/b:c:d", "not a tag"],
    [`nginx:${"t".repeat(129)}`, "is not a tag"],
    ["nginx@sha256:abc", "is not a sha256 or sha512 digest"],
    [`nginx@md5:${"a".repeat(32)}`, "is not a sha256 or sha512 digest"],
    [`nginx@${DIGEST}@${DIGEST}`, "is not a sha256 or sha512 digest"],
    ["https://host.example/app", "begins with a scheme"],
    ["docker://nginx", "begins with a scheme"],
    ["ho_st.example:5000/app", "is not a host name"],
    ["host:port/app", "is not a host name"],
    ["host..example/app", "is not a host name"],
    ["host.example:65536/app", "is not a host name"],
    ["1.2.3.400/app", "is not a host name"],
    ["[::1::2]/app", "is not a host name"],
    ["[::1/app", "is not a host name"],
    ["0123456789abcdef".repeat(4), "are an id, not a name"],
    [`host.example/${"a".repeat(256)}`, "not a repository name"],
  ])("refuses %p: %s", (written, reason) => {
    const error = thrownBy(() => parseReference(written));
    expect(error.code).toBe("USAGE");
    expect(error.message).toStartWith(`Cannot understand image "${written}": `);
    expect(error.message).toContain(reason);
  });

  test("a digest fetches, a tag beside it is a name, and no tag is made up", () => {
    expect(parseReference(`nginx:1@${DIGEST}`)).toMatchObject({ tag: "1", digest: DIGEST });
    expect(parseReference(`nginx@${DIGEST}`)).not.toHaveProperty("tag");
    expect(parseReference("nginx")).not.toHaveProperty("digest");
  });

  test("says what to do about capitals and schemes", () => {
    expect(thrownBy(() => parseReference("Nginx")).hint).toBe("repository names are lower case");
    expect(thrownBy(() => parseReference("docker://nginx")).hint).toBe('leave out "docker://"');
  });
});

test("a registry is told from a path by its first part", () => {
  expect(parseName("a.b/c").explicit).toBe(true);
  expect(parseName("localhost/c").explicit).toBe(true);
  expect(parseName("a/b/c").explicit).toBe(false);
  expect(formatName(parseReference("a.b/c:d"))).toBe("a.b/c");
});

describe("parsePrefix", () => {
  test.each([
    ["registry.internal", "registry.internal", ""],
    ["registry.internal:5000/", "registry.internal:5000", ""],
    ["https://registry.internal/a/b/", "registry.internal", "a/b"],
    ["http://127.0.0.1:5000/p", "127.0.0.1:5000", "p"],
    ["oci://ghcr.io/org", "ghcr.io", "org"],
    ["docker://localhost", "localhost", ""],
    ["index.docker.io/me", "docker.io", "me"],
    ["[::1]:5000/a", "[::1]:5000", "a"],
  ])("%s", (text, registry, path) => {
    expect(parsePrefix(text)).toEqual({ registry, path });
  });

  test.each(["", "/", "host/UPPER", "host//a", "ho st", "user@host", "ftp://host"])("refuses %p", (text) => {
    const error = thrownBy(() => parsePrefix(text));
    expect(error.code).toBe("USAGE");
    expect(error.message).toBe(`Cannot use "${text}" as a registry: expected HOST[:PORT][/PREFIX]`);
  });

  test.each([
    ["host/UPPER", "names of projects and repositories are lower case"],
    ["host//a", undefined],
    ["ho st", undefined],
  ])("says of %p what would be right: %p", (text, hint) => {
    expect(thrownBy(() => parsePrefix(text)).hint).toBe(hint as string);
  });

  test("names go below it", () => {
    expect(underPrefix({ registry: "h", path: "" }, "a/b")).toBe("a/b");
    expect(underPrefix({ registry: "h", path: "p/q" }, "a/b")).toBe("p/q/a/b");
  });
});

test("tags and repositories never climb", () => {
  for (const text of ["..", ".", "a/..", "-x", ""])
    expect([text, isTag(text), isRepository(text)]).toEqual([text, false, false]);
});

/** parseReference and its kin throw at once. */
function thrownBy(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("it did not throw");
}
