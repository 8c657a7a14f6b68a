/** The report of what is wrong has a bound, and says what is beyond it. */
import { describe, expect, test } from "bun:test";
import type { Flaw } from "../../../src/archive/inspect.ts";
import type { Digest } from "../../../src/oci/digest.ts";
import { findingsOf, type HeldImage, MOST_NAMED, MOST_TOLD } from "../../../src/operations/verification/findings.ts";

const digestAt = (number: number): Digest => `sha256:${number.toString(16).padStart(64, "0")}`;

function flawAt(number: number): Flaw {
  const digest = digestAt(number);
  const path = `saved-image-cache/share/sha256/${digest.slice(7)}`;
  return { path, offset: number, length: 1, digest, reason: `it is wrong ${number}` };
}

/** An image that needs these; of one that cannot be read, `problem` says why. */
function image(number: number, needs: readonly number[] | undefined, problem?: string): HeldImage {
  const root = { mediaType: "x", digest: digestAt(1e6 + number), size: 1 };
  const contents = needs?.map((one) => ({ mediaType: "x", digest: digestAt(one), size: 1 }));
  return { name: `r/${number}`, reference: { path: `r/${number}`, tag: "1", root }, contents, problem };
}

function images(count: number, needs: readonly number[]): readonly HeldImage[] {
  return Array.from({ length: count }, (_, number) => image(number, needs));
}

const NONE: ReadonlyMap<Digest, string> = new Map();

describe("flaws", () => {
  test("are told with the images that need them", () => {
    const found = findingsOf([image(0, [1, 2]), image(1, [3]), image(2, [2])], [flawAt(2), flawAt(4)], NONE, undefined);
    expect(found.flaws).toMatchObject([
      { kind: "content", digest: digestAt(2), images: ["r/0", "r/2"], problem: "it is wrong 2" },
      { kind: "content", digest: digestAt(4), images: [] },
    ]);
    expect(found).toMatchObject({ others: [], damaged: ["r/0", "r/2"] });
  });

  test("name 100 images at most, and say how many more there are", () => {
    const { flaws, damaged } = findingsOf(images(250, [1]), [flawAt(1)], NONE, undefined);
    expect(flaws[0]!.images).toHaveLength(MOST_NAMED);
    expect(flaws[0]!.moreImages).toBe(150);
    expect(damaged).toHaveLength(250);
  });

  test("beyond 1,000 are told in one, whose images count once", () => {
    const all = Array.from({ length: MOST_TOLD + 50 }, (_, number) => flawAt(number));
    const last = [MOST_TOLD, MOST_TOLD + 1, MOST_TOLD + 2];
    const { flaws, damaged } = findingsOf([image(0, [5]), image(1, last), image(2, [2e6])], all, NONE, undefined);
    expect(flaws).toHaveLength(MOST_TOLD + 1);
    expect(flaws[5]!.images).toEqual(["r/0"]);
    expect(flaws.at(-1)).toEqual({
      kind: "content",
      problem: "50 more are not as they were written",
      count: 50,
      images: ["r/1"],
    });
    expect(damaged).toEqual(["r/0", "r/1"]);
  });

  test("are those that the error of an unreadable image names: by digest, by the path of a blob or a document", () => {
    const document: Flaw = { ...flawAt(3), path: "saved-image-cache/index.json" };
    const found = findingsOf(
      [
        image(0, undefined, `Cannot read "${digestAt(1)}": it is wrong`),
        image(1, undefined, `Cannot read "${flawAt(2).path}" in "x" at byte 1: it is wrong`),
        image(2, undefined, `Cannot read "${document.path}" in "x" at byte 2: it is wrong`),
        image(3, undefined, "Cannot read it"),
      ],
      [flawAt(1), flawAt(2), document],
      NONE,
      undefined,
    );
    expect(found.flaws.map((one) => one.images)).toEqual([["r/0"], ["r/1"], ["r/2"]]);
    expect(found.others).toEqual([{ kind: "image", images: ["r/3"], problem: "Cannot read it" }]);
  });

  test("of the list concern all images", () => {
    const list: Flaw = {
      path: "saved-image-cache/saved-images-list.json",
      offset: 0,
      length: 1,
      reason: "it is wrong",
    };
    const { flaws, others, damaged } = findingsOf([image(0, []), image(1, undefined, "no")], [list], NONE, undefined);
    expect({ images: flaws[0]!.images, others, damaged }).toEqual({
      images: ["r/0", "r/1"],
      others: [],
      damaged: ["r/0", "r/1"],
    });
  });

  test("without a digest concern none", () => {
    const gap: Flaw = { path: "x", offset: 0, length: 1, reason: "it is wrong" };
    const { flaws, damaged } = findingsOf(images(1, [1]), [gap], NONE, undefined);
    expect({ flaws, damaged }).toMatchObject({ flaws: [{ kind: "structure", images: [] }], damaged: [] });
  });
});

test("blobs that are missing are told up to 1,000, then in one", () => {
  const lacking = new Map(Array.from({ length: MOST_TOLD + 3 }, (_, number) => [digestAt(number), `no ${number}`]));
  const { others, damaged } = findingsOf(
    [image(0, [7, MOST_TOLD, MOST_TOLD + 1]), image(1, [7]), image(2, [2e6])],
    [],
    lacking,
    undefined,
  );
  expect(others).toHaveLength(MOST_TOLD + 1);
  expect(others[7]).toEqual({ kind: "content", digest: digestAt(7), problem: "no 7", images: ["r/0", "r/1"] });
  expect(others.at(-1)).toEqual({
    kind: "image",
    problem: "3 more blobs of theirs are missing or wrong",
    count: 3,
    images: ["r/0"],
  });
  expect(damaged).toEqual(["r/0", "r/1"]);
});

test("images that cannot be read are told up to 1,000, then in one", () => {
  const held = Array.from({ length: MOST_TOLD + 150 }, (_, number) => image(number, undefined, `no ${number}`));
  const { others, damaged } = findingsOf(held, [], NONE, undefined);
  expect(others).toHaveLength(MOST_TOLD + 1);
  expect(others[1]).toEqual({ kind: "image", images: ["r/1"], problem: "no 1" });
  expect(others.at(-1)).toMatchObject({ problem: "150 more images cannot be read", count: 150, moreImages: 50 });
  expect(damaged).toHaveLength(MOST_TOLD + 150);
});
