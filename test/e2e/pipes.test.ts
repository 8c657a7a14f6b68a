/** An archive out of a pipe that asks for more memory than it may have, given to the product as a process of its own. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { encode } from "../../src/bytes/stream.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { filled } from "../support/hostile-archives.ts";
import { type Listed, pipedArchive } from "../support/piped-archive.ts";
import { type Part, part } from "../support/random-image.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { MOST, measured } from "../support/within-memory.ts";

setDefaultTimeout(60_000);

let place: Workplace;
let registry: TestRegistry;
beforeAll(async () => {
  place = await openWorkplace();
  registry = await startRegistry();
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

function load() {
  return measured(place, ["load", "-s", "-", "--no-tls-verify", "-d", registry.host]);
}

/** An image of each root. */
function imagesOf(roots: readonly Part[]): readonly Listed[] {
  return roots.map((root, at) => {
    return { path: `a.b/c${at}`, tag: "1", artifact: { root: root.descriptor, manifests: [root], blobs: [] } };
  });
}

describe("manifests of more bytes than are held", () => {
  beforeAll(async () => {
    const manifest = (at: number) => filled(`{"schemaVersion":2,"layers":[],"x":"${at} `, "a", '"}', 60 << 10);
    const roots = Array.from({ length: 3000 }, (_, at) => part(OCI_MANIFEST, manifest(at)));
    await writeFile(place.file("archive"), await pipedArchive(imagesOf(roots), roots, "zstd"));
  });

  test("are refused: out of a file they can be read again", async () => {
    const { code, stderr, peak } = await load();
    expect(code).toBe(1);
    expect(stderr).toMatch(/its manifests have more than 67108864 bytes\n *save it to a file, and load that/);
    expect(peak).toBeWithin(10e6, MOST);
  });
});

describe("more manifests than are held, behind images that wait for others", () => {
  beforeAll(async () => {
    const child = (at: number) => ({ mediaType: OCI_MANIFEST, size: 2, digest: digestOf(encode(`${at}`)) });
    const index = (at: number) => encode(JSON.stringify({ schemaVersion: 2, manifests: [child(at)] }));
    const manifest = (at: number) => filled(`{"schemaVersion":2,"layers":[],"x":"${at} `, "a", '"}', 3.9 * 2 ** 20);
    const roots = [
      ...Array.from({ length: 1150 }, (_, at) => part(OCI_INDEX, index(at))),
      ...Array.from({ length: 45 }, (_, at) => part(OCI_MANIFEST, manifest(at))),
    ];
    await writeFile(place.file("archive"), await pipedArchive(imagesOf(roots), roots, "zstd"));
  });

  test("are refused as well", async () => {
    const { code, stderr, peak } = await load();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /too many of its images wait for manifests that come later\n *save it to a file, and load that/,
    );
    expect(peak).toBeWithin(10e6, MOST);
  });
});
