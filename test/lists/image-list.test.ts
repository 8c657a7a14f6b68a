/** The image list: one reference a line, and a result for every line. */
import { expect, test } from "bun:test";
import { parseImageList } from "../../src/lists/image-list.ts";
import { splitLines } from "../../src/lists/lines.ts";
import { formatReference, parsePrefix } from "../../src/oci/reference.ts";

function parsed(text: string, from?: string): string[] {
  return parseImageList(text, "images.txt", from === undefined ? undefined : parsePrefix(from)).map((one) =>
    "value" in one ? `${one.line.number} ${formatReference(one.value)}` : `${one.line.number} ${one.error.message}`,
  );
}

test("comments, blank lines, a byte order mark and any line ending say nothing", () => {
  expect(parsed("\uFEFFnginx\r\n# a comment\r\n\r\n  // another\r\n\tbusybox:1 \n\n redis\rvalkey")).toEqual([
    "1 docker.io/library/nginx:latest",
    "5 docker.io/library/busybox:1",
    "7 docker.io/library/redis:latest",
    "8 docker.io/library/valkey:latest",
  ]);
});

test("a list of comments is empty", () => {
  expect(splitLines("# nothing\n\n//nothing\n")).toEqual([]);
});

test("a line that cannot be understood names the file and its number, and the others stand", () => {
  const found = parseImageList("nginx\n\nNginx\nredis", "images.txt");
  expect(found.map((one) => "value" in one)).toEqual([true, false, true]);
  const [, wrong] = found;
  if (!wrong || "value" in wrong) throw new Error("it is wrong");
  expect(wrong.error.message).toBe(
    'Cannot understand image "Nginx": "Nginx" is not a repository name (images.txt, line 3)',
  );
  expect(wrong.error.code).toBe("USAGE");
  expect(wrong.error.hint).toBe("repository names are lower case");
  expect(wrong.line.text).toBe("Nginx");
});

test("lines of a mirror list are told from names", () => {
  const [one] = parseImageList("nginx host/nginx 1.2", "images.txt");
  if (!one || "value" in one) throw new Error("it is wrong");
  expect(one.error.message).toStartWith('Cannot understand image "nginx host/nginx 1.2": there is a space in it');
  expect(one.error.hint).toContain("dray mirror");
});

test.each(["nginx:1 # the proxy", "nginx:1 #x", "nginx:1\t// the proxy"])(
  "a comment behind an image is told from one: %s",
  (line) => {
    const [one] = parseImageList(line, "images.txt");
    if (!one || "value" in one) throw new Error("it is wrong");
    expect(one.error.message).toBe(`Cannot understand "${line}": there is a comment in it (images.txt, line 1)`);
    expect(one.error.hint).toBe("a comment has a line of its own");
  },
);

test("another registry takes the place of all", () => {
  expect(parsed("nginx:1\nquay.io/org/app", "mirror.example:5000/hub")).toEqual([
    "1 mirror.example:5000/hub/library/nginx:1",
    "2 mirror.example:5000/hub/org/app:latest",
  ]);
});
