/**
 * Every writer of archives against every reader: each image arrives with all its platforms, and under its digests wherever the
 * archive holds the original bytes. The table below has the cells that there are, and why others are not.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { requireContainerd } from "../support/containerd.ts";
import { arrivals, type WrittenArchive } from "../support/matrix/archive.ts";
import { READERS, type Reader } from "../support/matrix/readers.ts";
import { openWorld, type World } from "../support/matrix/world.ts";
import { WRITERS, type Writer } from "../support/matrix/writers.ts";
import { requireTool } from "../support/tool.ts";

setDefaultTimeout(120_000);

let world: World;
const written = new Map<Writer, Promise<WrittenArchive>>();

beforeAll(async () => {
  world = await openWorld();
  for (const writer of WRITERS) {
    if (missingFor(writer) !== undefined) continue;
    const archive = writer.write(world);
    written.set(writer, archive);
    // Its cells tell.
    await archive.catch(() => {});
  }
});

afterAll(() => world?.[Symbol.asyncDispose]());

function missingFor({ tools }: Writer | Reader): string | undefined {
  const reasons = tools.map((name) => (name === "containerd" ? requireContainerd() : requireTool(name)));
  return reasons.find((reason) => reason !== undefined);
}

for (const writer of WRITERS)
  describe(writer.name, () => {
    for (const reader of READERS) {
      if (reader.refuses(writer.kind) !== undefined) continue;
      const missing = missingFor(writer) ?? missingFor(reader);
      test.skipIf(missing !== undefined)(
        `x ${reader.name}${missing === undefined ? "" : ` (${missing})`}`,
        async () => {
          const archive = await written.get(writer)!;
          const images = reader.takes?.(archive.images, writer.kind) ?? archive.images;
          expect(await reader.read({ ...archive, images }, world, writer.kind)).toEqual(arrivals(images));
        },
      );
    }
  });

test("these are the cells", () => {
  const rows = WRITERS.map(({ name, kind }) => {
    const marks = READERS.map((reader) => (reader.refuses(kind) === undefined ? "x" : "-"));
    return `${marks.join(" ")}  ${name}`;
  });
  const heads = READERS.map(({ name }, at) => `${"| ".repeat(at)}${name}`);
  expect([...heads, ...rows].join("\n")).toMatchInlineSnapshot(`
    "dray load
    | dray load -s -
    | | dray ls
    | | | dray verify
    | | | | dray sync
    | | | | | dray decompress
    | | | | | | tar
    | | | | | | | bsdtar
    | | | | | | | | busybox tar
    | | | | | | | | | gzip -t
    | | | | | | | | | | zstd -tq
    | | | | | | | | | | | skopeo copy oci-archive:
    | | | | | | | | | | | | skopeo copy docker-archive:
    | | | | | | | | | | | | | skopeo copy oci:, unpacked
    | | | | | | | | | | | | | | podman load
    | | | | | | | | | | | | | | | ctr images import
    x x x x x x x x x x - - - x - -  dray save gzip
    x x x x x x x x x - x - - x - -  dray save zstd
    x x x x x x x x x - - - - x - -  dray save tar
    x - x x x x - - - - - - - x - -  dray save dir
    x x x x x x x x x x - - - x - -  dray save parts
    x x x x x x x x x - x - - x - -  dray save parts, zstd
    x x x x x x x x x - x - - x - -  dray save -d -
    x x x x x x x x x - - x x - x x  dray save --layout oci
    x x x x x x x x x x - x - - - -  dray save --layout oci, gzip
    x x x x x x x x x - x x x - x -  dray save --layout oci, zstd
    x x x x x x x x x x - x - - x -  dray save --layout oci, gzip, one image
    x x x x x x x x x - - - - x - -  tar of dray save dir
    x x x x x x x x x - - x - - x x  skopeo oci-archive
    x x x x x x x x x - - - x - x x  skopeo docker-archive
    x x x x x x x x x - - - x - x x  podman save
    x x x x x x x x x - - x - - x x  podman save --format oci-archive
    x x x x x x x x x - - x x - x x  ctr images export
    x x x x x x x x x x - - - - - -  image-tools-1.0.tar.gz
    x x x x x x x x x x - - - - - -  hangar-1.6.tar.gz
    x x x x x x x x x - x - - - - -  hangar-1.6-parts.tar.zstd.part0
    x x x x x x x x x x - - - - - -  hangar-1.6-synced.tar.gz
    x x x x x x - x - - - - - - - -  hangar-1.9.zip
    x x x x x x x x x - - - x - x x  podman-multi.docker-archive.tar
    x x x x x x x x x - - x - - x x  podman.oci-archive.tar
    x x x x x x x x x - - x - - x x  skopeo.oci-archive.tar
    x x x x x x x x x - - - x - x x  skopeo.docker-archive.tar
    x x x x x x x x x - x x - - - -  skopeo.oci-layout.tar.zst
    x x x x x x x x x - - x x - x x  containerd-ctr.export.tar
    x x x x x x x x x - - x - - x x  regctl.export.tar
    x x x x x x x x x - - - x - x x  crane.tarball.tar
    x x x x x x x x x - - - x - x x  crane.legacy.tar"
  `);
});

test("these are the reasons of the others", () => {
  const reasons = READERS.flatMap(({ name, refuses }) => {
    const refused = WRITERS.map(({ kind }) => refuses(kind)).filter((reason) => reason !== undefined);
    return [...new Set(refused)].map((reason) => `${name}: ${reason}`);
  });
  expect(reasons.join("\n")).toMatchInlineSnapshot(`
    "dray load -s -: a folder cannot be piped
    tar: nothing is packed
    tar: tar knows no zip
    bsdtar: nothing is packed
    busybox tar: nothing is packed
    busybox tar: busybox tar knows no zip
    gzip -t: it is no gzip
    zstd -tq: it is no zstd
    skopeo copy oci-archive:: its images are in a folder, in Hangar's layout
    skopeo copy oci-archive:: it is in parts
    skopeo copy oci-archive:: it is of the other layout, docker
    skopeo copy docker-archive:: its images are in a folder, in Hangar's layout
    skopeo copy docker-archive:: it is in parts
    skopeo copy docker-archive:: skopeo 1.9 and podman 4.3 read docker-archives plain and in zstd, not in gzip
    skopeo copy docker-archive:: it is of the other layout, oci
    skopeo copy oci:, unpacked: it is read as it is
    skopeo copy oci:, unpacked: there is no OCI layout in it
    podman load: its images are in a folder, in Hangar's layout
    podman load: it is in parts
    podman load: skopeo 1.9 and podman 4.3 read docker-archives plain and in zstd, not in gzip
    podman load: podman loads one image of an OCI layout
    ctr images import: containerd 1.6 imports plain tars
    ctr images import: its images are in a folder, in Hangar's layout"
  `);
});
