/** From lists to numbered images. */
import { describe, expect, test } from "bun:test";
import { listStore, numberLines } from "../../src/cli/list.ts";
import { numberImages } from "../../src/cli/wanted.ts";
import { parseImageList } from "../../src/lists/image-list.ts";
import { formatReference } from "../../src/oci/reference.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { pushTo } from "../support/push.ts";
import { image } from "../support/random-image.ts";
import { errorOf } from "../support/thrown.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

function numbered(text: string): string[] {
  const list = { text, source: "list.txt", path: "list.txt" };
  return numberImages(list, undefined).listed.map(
    ({ image, line, error }) => `${image.id} ${image.name} <${line}>${error ? ` ${error.message}` : ""}`,
  );
}

describe("images of a list", () => {
  test("are numbered by line, as the user wrote them", () => {
    expect(numbered("nginx\n# no\nredis:7\n")).toEqual([
      "1 docker.io/library/nginx:latest <nginx>",
      "2 docker.io/library/redis:7 <redis:7>",
    ]);
  });

  test("that are named twice are taken once", () => {
    expect(numbered("nginx\ndocker.io/library/nginx:latest\nredis")).toEqual([
      "1 docker.io/library/nginx:latest <nginx>",
      "3 docker.io/library/redis:latest <redis>",
    ]);
  });

  test("that cannot be understood count, with what the user wrote", () => {
    expect(numbered("Nginx\nredis")).toEqual([
      '1 Nginx <Nginx> Cannot understand image "Nginx": "Nginx" is not a repository name (list.txt, line 1)',
      "2 docker.io/library/redis:latest <redis>",
    ]);
  });

  test("that cannot be understood count once, however often they stand there", () => {
    expect(numbered("Nginx\nredis\nNginx\n  Nginx\nNginx:1").map((line) => line.split(" ", 3).join(" "))).toEqual([
      "1 Nginx <Nginx>",
      "2 docker.io/library/redis:latest <redis>",
      "5 Nginx:1 <Nginx:1>",
    ]);
  });

  test("that would get one name are told once, and the first stands to the end", () => {
    const lines = numbered(`nginx:1\nnginx:1@${DIGEST}\nnginx:1\nnginx:1@${DIGEST}`);
    expect(lines.map((line) => line.split(" ", 1)[0])).toEqual(["1", "2"]);
  });

  test("that would get one name are told, and the first stands", () => {
    const [first, second] = numbered(`nginx:1\nnginx:1@${DIGEST}`);
    expect(first).toBe("1 docker.io/library/nginx:1 <nginx:1>");
    expect(second).toEndWith(
      `Cannot take "docker.io/library/nginx:1@${DIGEST}": the list has "docker.io/library/nginx:1" under the same name`,
    );
  });

  test("without a tag are told apart by their digests", () => {
    expect(numbered(`nginx@${DIGEST}\nnginx@sha256:${"b".repeat(64)}`).length).toBe(2);
  });

  test("only those that were understood are tried", () => {
    const { valid } = numberLines(parseImageList("Nginx\nredis\nredis", "x"), "x", { nameOf: formatReference });
    expect(valid.map(({ listed, value }) => `${listed.image.id} ${value.repository}`)).toEqual(["2 library/redis"]);
  });
});

test("a list without images is an error: a pipe that broke must not look like success", async () => {
  expect(await errorOf(() => numberLines([], "standard input", { nameOf: String }))).toBe(
    "USAGE: Cannot find an image in standard input: the list is empty",
  );
});

test("a store is listed as if a list had named it", async () => {
  const store = memoryStore();
  expect(await errorOf(() => listStore(store, {}))).toStartWith("USAGE: ");
  await pushTo(store.repository("quay.io/a/b"), image(), "1");
  const { root } = image();
  async function* references() {
    yield* store.references();
    yield { path: "quay.io/a/b", root };
  }
  expect(await listStore({ ...store, references }, {})).toEqual([
    { image: { id: 1, name: "quay.io/a/b:1" }, line: "quay.io/a/b:1" },
    { image: { id: 2, name: `quay.io/a/b@${root.digest}` }, line: `quay.io/a/b@${root.digest}` },
  ]);
});
