/** Which images of an archive a list and patterns mean. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chooseImages } from "../../src/cli/choose.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { pushTo } from "../support/push.ts";
import { image } from "../support/random-image.ts";
import { errorOf, thrownBy } from "../support/thrown.ts";

let work: Workplace;
beforeEach(async () => {
  work = await openWorkplace();
});
afterEach(() => work[Symbol.asyncDispose]());

interface Asked {
  readonly list?: readonly string[];
  readonly only?: readonly string[];
}

async function chosen(names: readonly string[], { list, only = [] }: Asked): Promise<readonly string[]> {
  const store = memoryStore();
  for (const [seed, name] of names.entries()) {
    const [, path, tag] = /^(.+):(.+)$/.exec(name)!;
    await pushTo(store.repository(path!), image({ seed }), tag!);
  }
  const file = list && (await work.list("list.txt", list));
  const found = await chooseImages(store, { file, only }, {});
  const kept: string[] = [];
  for await (const { path, tag } of found.store.references()) kept.push(`${path}:${tag}`);
  const done = found.listed.filter(({ error }) => !error);
  expect(done.map(({ image: { id, name } }) => [id, name])).toEqual(kept.map((name, at) => [at + 1, name]));
  expect(found.listed.map(({ image }) => image.id)).toEqual(found.listed.map((_, at) => at + 1));
  return found.listed.map(({ image, line, error }) =>
    error ? `${error.message}${error.hint ? ` (${error.hint})` : ""}` : `${image.name} <${line}>`,
  );
}

const NAMES = ["docker.io/library/box:1", "docker.io/kube/etcd:3.5", "quay.io/a/b:v1"];

test("all of them, where nothing is said", async () => {
  expect(await chosen(NAMES, {})).toEqual(NAMES.map((name) => `${name} <${name}>`));
});

describe("patterns", () => {
  test.each([[["kube/*,nothere"]], [["kube/*", "nothere"]], [["nothere", "kube/*", "nothere,kube/*"]]])(
    "%j: the one that has no image is told once, and the others are taken",
    async (only) => {
      expect(await chosen(NAMES, { only })).toEqual([
        "docker.io/kube/etcd:3.5 <docker.io/kube/etcd:3.5>",
        'Cannot find "nothere": no image in the archive is called so',
      ]);
    },
  );

  test("of which none has an image are an error, with what may be meant", async () => {
    expect(await errorOf(() => chosen(NAMES, { only: ["no*", "where"] }))).toBe(
      'USAGE: Cannot find an image that is called "no*", "where"',
    );
    expect(await thrownBy(() => chosen(NAMES, { only: ["box"] }))).toMatchObject({
      hint: '"box:*" takes all of its tags',
    });
    expect((await chosen(NAMES, { only: ["a/b:*", "kube/etcd"] }))[1]).toEndWith(
      '("kube/etcd:*" takes all of its tags)',
    );
  });

  test("and a list: what both mean, and what the list has beyond the patterns is not missed", async () => {
    expect(
      await chosen(NAMES, { list: ["box:1", "kube/etcd:3.5", "kube/none:1", "none:1"], only: ["kube/*"] }),
    ).toEqual([
      "docker.io/kube/etcd:3.5 <kube/etcd:3.5>",
      'Cannot find "docker.io/kube/none:1": it is not in the archive',
    ]);
    expect(await errorOf(() => chosen(NAMES, { list: ["box:1"], only: ["kube/*"] }))).toBe(
      'USAGE: Cannot find an image of the list that is called "kube/*"',
    );
  });

  test("find an image of Docker Hub by its short name, also when it was saved from a mirror", async () => {
    expect(await chosen(["mirror.test:5000/library/box:1"], { only: ["box:1"] })).toHaveLength(1);
  });
});

describe("lists", () => {
  test("say it as the user does, bad lines too", async () => {
    expect(
      await chosen(NAMES, {
        list: ["a b", "none:1", "docker.io/box:1", `quay.io/a/b@${image({ seed: 2 }).root.digest}`],
      }),
    ).toEqual([
      "docker.io/library/box:1 <docker.io/box:1>",
      `quay.io/a/b:v1 <quay.io/a/b@${image({ seed: 2 }).root.digest}>`,
      expect.stringContaining("there is a space in it"),
      'Cannot find "docker.io/library/none:1": it is not in the archive',
    ]);
  });

  test("find what was saved from a mirror of the registries in it", async () => {
    const names = ["mirror.test:5000/library/box:1", "mirror.test:5000/kube/etcd:3.5", "mirror.test:5000/a/b:v1"];
    expect(await chosen(names, { list: ["box:1", "kube/etcd:3.5", "quay.io/a/b:v1"] })).toEqual([
      "mirror.test:5000/library/box:1 <box:1>",
      "mirror.test:5000/kube/etcd:3.5 <kube/etcd:3.5>",
      "mirror.test:5000/a/b:v1 <quay.io/a/b:v1>",
    ]);
    expect(await chosen(names, { list: [`quay.io/a/b@${image({ seed: 2 }).root.digest}`, "kube/etcd:3.6"] })).toEqual([
      `mirror.test:5000/a/b:v1 <quay.io/a/b@${image({ seed: 2 }).root.digest}>`,
      'Cannot find "docker.io/kube/etcd:3.6": it is not in the archive',
    ]);
  });

  test("do not take another image for one that is there under its whole name, nor guess between two", async () => {
    expect(await chosen(NAMES, { list: ["kube/etcd:3.5", "quay.io/kube/etcd:3.5"] })).toEqual([
      "docker.io/kube/etcd:3.5 <kube/etcd:3.5>",
      'Cannot find "quay.io/kube/etcd:3.5": it is not in the archive',
    ]);
    expect(await chosen(["one.test/a/b:1", "two.test/a/b:1"], { list: ["a/b:1"] })).toEqual([
      'Cannot find "docker.io/a/b:1": it is not in the archive (the archive calls it "one.test/a/b:1" or "two.test/a/b:1")',
    ]);
  });

  test("are told what an image is called below a path", async () => {
    expect(await chosen(["mirror.test/hub/kube/etcd:3.5"], { list: ["kube/etcd:3.5"] })).toEqual([
      'Cannot find "docker.io/kube/etcd:3.5": it is not in the archive (the archive calls it "mirror.test/hub/kube/etcd:3.5")',
    ]);
  });

  test("may name an image twice", async () => {
    expect(await chosen(NAMES, { list: ["box:1", `box@${image({ seed: 0 }).root.digest}`] })).toEqual([
      "docker.io/library/box:1 <box:1>",
    ]);
  });
});
