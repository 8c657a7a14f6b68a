/** What a run holds of the blobs of all its images. */
import { expect, test } from "bun:test";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { createSharing } from "../../src/operations/sharing.ts";
import { errorOf } from "../support/thrown.ts";

const LAYER: Descriptor = {
  mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
  digest: digestOf(new Uint8Array(1)),
  size: 1,
};

test("a blob of two images has one descriptor, unless they say other things of it", () => {
  const share = createSharing();
  const [first] = share("a", [{ ...LAYER, annotations: { title: "a" } }]);
  expect(first).toEqual(LAYER);
  expect(share("b", [{ ...LAYER }])[0]).toBe(first!);
  expect(share("c", [{ ...LAYER, size: 2 }])[0]).toEqual({ ...LAYER, size: 2 });
});

test("more than can be held are refused", async () => {
  const share = createSharing();
  share("0", [LAYER]);
  const layers = Array.from({ length: 300_000 }, () => LAYER);
  for (const name of ["1", "2"]) share(name, layers);
  expect(await errorOf(() => share("3", layers))).toBe(
    'UNSUPPORTED: Cannot read "3": with it, all images have more blobs than can be held',
  );
  expect(share("4", [LAYER])).toEqual([LAYER]);
});
