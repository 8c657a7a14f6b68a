/** The mirror list: where an image is, and where it goes. */
import { expect, test } from "bun:test";
import { parseMirrorList } from "../../src/lists/mirror-list.ts";
import { formatReference, parsePrefix } from "../../src/oci/reference.ts";
import { errorOf } from "../support/thrown.ts";

function parsed(text: string, ends: { from?: string; to?: string } = {}): string[] {
  const prefix = (end: string | undefined) => (end === undefined ? undefined : parsePrefix(end));
  return parseMirrorList(text, "mirror.txt", { from: prefix(ends.from), to: prefix(ends.to) }).map((one) =>
    "value" in one
      ? `${formatReference(one.value.source)} => ${formatReference(one.value.destination)}`
      : `${one.error.code} ${one.error.message}`,
  );
}

const DIGEST = `sha256:${"a".repeat(64)}`;

test.each([
  ["nginx host:5000/mirror/nginx 1.25", "docker.io/library/nginx:1.25 => host:5000/mirror/nginx:1.25"],
  ["quay.io/a/b \t host.test/c   v1", "quay.io/a/b:v1 => host.test/c:v1"],
  ["nginx mirror/nginx 1.25", "docker.io/library/nginx:1.25 => docker.io/mirror/nginx:1.25"],
  ["nginx:1.24 host.test/nginx 1.25", "docker.io/library/nginx:1.24 => host.test/nginx:1.25"],
  [`nginx@${DIGEST} host.test/nginx 1.25`, `docker.io/library/nginx@${DIGEST} => host.test/nginx:1.25`],
  ["host:5000/app other:5000/app v1", "host:5000/app:v1 => other:5000/app:v1"],
])("%s", (line, meaning) => {
  expect(parsed(line)).toEqual([meaning]);
});

test("a name alone keeps its name below the destination", () => {
  expect(parsed("nginx:1\nquay.io/a/b", { to: "host:5000/p" })).toEqual([
    "docker.io/library/nginx:1 => host:5000/p/library/nginx:1",
    "quay.io/a/b:latest => host:5000/p/a/b:latest",
  ]);
});

test("registries take the place of those in the list, at both ends", () => {
  expect(parsed("nginx other/x 1", { from: "from.example", to: "to.example/p" })).toEqual([
    "from.example/library/nginx:1 => to.example/p/other/x:1",
  ]);
});

test.each([
  ["nginx host/nginx", "it has 2 fields (mirror.txt, line 1)"],
  ["a b c d", "it has 4 fields (mirror.txt, line 1)"],
  ["nginx host/nginx:1 2", "is not a repository name (mirror.txt, line 1)"],
  ["nginx:1 # x", "there is a comment in it (mirror.txt, line 1)"],
  ["nginx host/nginx 1 # x", "there is a comment in it (mirror.txt, line 1)"],
  ["nginx host/nginx .x", '".x" is not a tag (mirror.txt, line 1)'],
])("refuses %p", (line, reason) => {
  const [error] = parsed(line);
  expect(error).toStartWith("USAGE Cannot ");
  expect(error).toEndWith(reason);
});

test("a name alone is an error without a destination, and a list of nothing else is none to begin with", async () => {
  expect(parsed("a host/b 1\nnginx")).toEqual([
    "docker.io/library/a:1 => docker.io/host/b:1",
    'USAGE Cannot mirror "nginx": it names no destination (mirror.txt, line 2)',
  ]);
  expect(await errorOf(() => parsed("nginx\n# a b c\nquay.io/a/b"))).toBe(
    "USAGE: Cannot mirror the images of mirror.txt: no line names a destination",
  );
  expect(parsed("# none")).toEqual([]);
});
