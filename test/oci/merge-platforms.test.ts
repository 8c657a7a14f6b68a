/** Platforms that come to a name which has some already. */
import { describe, expect, test } from "bun:test";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { mergePlatforms } from "../../src/oci/merge-platforms.ts";
import type { Platform } from "../../src/oci/platform.ts";
import { attested, chart, image, platformOf } from "../support/random-image.ts";

function child(platform: string, seed = 1): Descriptor {
  return { ...image({ seed: `${platform} ${seed}`, size: 10, layers: 1 }).root, platform: platformOf(platform) };
}

const windows = (build: string): Descriptor => {
  const platform: Platform = { os: "windows", architecture: "amd64", "os.version": build };
  return { ...child("windows/amd64", Number(build.split(".").at(-1))), platform };
};

const [amd64, arm64, s390x] = [child("linux/amd64", 1), child("linux/arm64", 2), child("linux/s390x", 3)];

describe("platforms that come", () => {
  test("are behind those that are there; what is there already stays where it is", () => {
    expect(mergePlatforms([], [arm64, amd64])).toEqual([arm64, amd64]);
    expect(mergePlatforms([amd64], [arm64])).toEqual([amd64, arm64]);
    expect(mergePlatforms([amd64, s390x], [arm64, s390x, amd64])).toEqual([amd64, s390x, arm64]);
  });

  test("take the place of the one for their platform", () => {
    const newer = child("linux/amd64", 4);
    expect(mergePlatforms([s390x, amd64, arm64], [newer])).toEqual([s390x, newer, arm64]);
    expect(mergePlatforms([amd64, child("linux/amd64", 5), arm64], [newer])).toEqual([newer, arm64]);
  });

  test.each([
    ["linux/arm64/v8", "linux/arm64", true],
    ["linux/amd64", "linux/amd64/v1", true],
    ["linux/x86_64", "linux/amd64", true],
    ["linux/arm/7", "linux/arm/v7", true],
    ["linux/amd64", "linux/amd64/v3", false],
    ["linux/arm", "linux/arm/v7", true],
    ["linux/arm/v7", "linux/arm/v6", false],
    ["linux/arm/v7", "linux/arm64/v8", false],
    ["linux/amd64", "freebsd/amd64", false],
  ])("%s, and then %s: the same %p", (first, second, isSame) => {
    const [old, own] = [child(first, 1), child(second, 2)];
    expect(mergePlatforms([old], [own])).toEqual(isSame ? [own] : [old, own]);
  });

  test("are told apart by the build of Windows", () => {
    const [one, two] = [windows("10.0.17763.1"), windows("10.0.20348.2")];
    expect(mergePlatforms([one], [two])).toEqual([one, two]);
    expect(mergePlatforms([one, two], [{ ...child("x", 9), platform: one.platform! }])[1]).toBe(two);
  });

  test("change nothing the second time, also where two are for one platform", () => {
    const both = [amd64, child("linux/amd64", 4)];
    for (const present of [[], [amd64], [both[1]!], [child("linux/amd64", 5), arm64]]) {
      const merged = mergePlatforms(present, both);
      expect(merged).toEqual(expect.arrayContaining(both));
      expect(mergePlatforms(merged, both)).toEqual(merged);
    }
  });
});

test("an attestation goes with what it speaks of, and no other does", () => {
  const { manifests } = attested(["linux/amd64", "linux/arm64"]);
  const { manifests: children } = JSON.parse(new TextDecoder().decode(manifests.at(-1)!.bytes)) as {
    manifests: [Descriptor, Descriptor, Descriptor, Descriptor];
  };
  const [first, second, , ofSecond] = children;
  const newer = child("linux/amd64", 7);
  expect(mergePlatforms(children, [newer])).toEqual([newer, second, ofSecond]);
  expect(mergePlatforms(children, [first])).toEqual(children);
});

test("what is for no machine stays, beside others of its kind", () => {
  const artifacts = [chart("one").root, chart("two").root];
  const unknown = [1, 2].map((seed) => child("unknown/unknown", seed));
  const there = [...artifacts, ...unknown];
  expect(mergePlatforms(there, [child("unknown/unknown", 3), amd64])).toEqual([
    ...there,
    child("unknown/unknown", 3),
    amd64,
  ]);
});
