/** Which images a pattern means. */
import { expect, test } from "bun:test";
import { choiceOf } from "../../src/operations/chosen.ts";
import { image } from "../support/random-image.ts";

const { root } = image();

function isChosen(patterns: readonly string[], name: string): boolean {
  const colon = name.lastIndexOf(":");
  return choiceOf(patterns)({ path: name.slice(0, colon), tag: name.slice(colon + 1), root });
}

test.each([
  [
    "docker.io/library/nginx:1.25",
    ["docker.io/library/nginx:1.25", "library/nginx:1.25", "nginx:1.25", "nginx*", "*:1.2?", "x,nginx:*"],
  ],
  ["mirror.test:5000/library/nginx:1.25", ["library/nginx:1.25", "nginx:1.25"]],
  ["quay.io:5000/a/b/c:v1", ["a/b/c:v1", "a/*", "*/c:v1", "quay.io:5000/*", "*"]],
])("%s is meant by each of %j", (name, patterns) => {
  for (const pattern of patterns) expect([pattern, isChosen(pattern.split(","), name)]).toEqual([pattern, true]);
});

test.each([
  "nginx",
  "nginx:1.2",
  "ginx:1.25",
  "library/nginx",
  "nginx:1.255?",
  "NGINX:1.25",
  "nginx:1+25",
  "(nginx|x):1.25",
  "",
])("docker.io/library/nginx:1.25 is not meant by %s", (pattern) =>
  expect(isChosen([pattern], "docker.io/library/nginx:1.25")).toBe(false),
);

test("an image without a tag is meant by its digest", () => {
  const choice = choiceOf([`team/app@${root.digest.slice(0, 20)}*`]);
  expect(choice({ path: "quay.io/team/app", root })).toBe(true);
});
