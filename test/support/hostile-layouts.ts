/** Archives in the layouts of others whose documents and manifests name far more than the archives have. */
import { gzipSync } from "node:zlib";
import { type Bytes, encode } from "../../src/bytes/stream.ts";
import { blobPath } from "../../src/layout/hangar.ts";
import { ociBlobPath } from "../../src/layout/oci-documents.ts";
import { type Digest, digestOf } from "../../src/oci/digest.ts";
import { DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { filled, many } from "./hostile-archives.ts";
import { type RawEntry, rawTar } from "./raw-tar.ts";

/** Children of one index. */
const CHILDREN = 10_000;
/** A little less than the largest manifest that is read. */
const FAT = 4_100_000;

const EMPTY = encode(`{"schemaVersion":2,"mediaType":"${OCI_MANIFEST}","layers":[]}`);

/** By what is said of them. */
export const LAYOUTS: Readonly<Record<string, () => Bytes>> = {
  "more than 200000 manifests are missing that its indexes list": () =>
    ociLayout(45, (at) => indexOf([EMPTY], at * CHILDREN), [EMPTY]),
  "more than 200000 manifests are attached to its images": () =>
    ociLayout(
      45,
      (at) => indexOf([], at * CHILDREN),
      [],
      (at) => `sha256-${hex(at)}`,
    ),
  "it names 10000 images, and 7000 are the most": () => {
    const image = (at: number): string =>
      `{"Config":"config","Layers":[],"RepoTags":[${Array.from({ length: CHILDREN }, (_, tag) => `"c${at}:${tag}"`)}]}`;
    return packed([
      { name: "manifest.json", content: many("[", 90, image, "]") },
      { name: "config", content: '{"rootfs":{"diff_ids":[]}}' },
    ]);
  },
};

/** That are read. All of them have one image whose name is `a.b/c` for each of their manifests. */
export const READ: Readonly<Record<string, () => Bytes>> = {
  "an OCI layout of referrers with large annotations": () => {
    const list = (at: number): Bytes =>
      filled(`{"schemaVersion":2,"manifests":[${fake(at, ',"annotations":{"x":"')}`, "a", '"}}]}', FAT);
    return ociLayout(70, list, [], (at) => `sha256-${hex(at)}`);
  },
  "an OCI layout of configs with long names of platforms": () => {
    const configs = Array.from({ length: 70 }, (_, at) =>
      filled(`{"architecture":"amd64","os":"${at}`, "a", '"}', FAT),
    );
    const manifest = (at: number): Bytes => {
      const config = { mediaType: OCI_CONFIG, size: configs[at]!.length, digest: digestOf(configs[at]!) };
      return encode(JSON.stringify({ schemaVersion: 2, config, layers: [] }));
    };
    return ociLayout(70, manifest, configs, undefined, OCI_MANIFEST);
  },
  "an OCI layout of children with long names of platforms": () => {
    const child = `{"mediaType":"${OCI_MANIFEST}","size":${EMPTY.length},"digest":"${digestOf(EMPTY)}"`;
    const index = (at: number): Bytes =>
      filled(
        `{"schemaVersion":2,"manifests":[${child},"platform":{"os":"linux","architecture":"${at}`,
        "a",
        '"}}]}',
        FAT,
      );
    return ociLayout(70, index, [EMPTY]);
  },
  "platforms whose layers have large annotations": () => {
    const layer = `{"mediaType":"x","size":${EMPTY.length},"digest":"${digestOf(EMPTY)}","annotations":{"x":"`;
    const manifests = Array.from({ length: 70 }, (_, at) =>
      filled(`{"schemaVersion":2,"x":${at},"layers":[${layer}`, "a", '"}}]}', FAT),
    );
    const list = manifests.map((bytes, at) => {
      const images = [{ arch: "amd64", os: "linux", mediaType: DOCKER_MANIFEST, digest: digestOf(bytes) }];
      return { source: `a.b/c${at}`, tag: "1", images };
    });
    return packed([
      { name: "index.json", content: JSON.stringify({ version: "v1.2.0", list }) },
      ...[EMPTY, ...manifests].map((content) => ({ name: blobPath(digestOf(content)), content })),
    ]);
  },
};

/** Of `count` roots, and other content. */
function ociLayout(
  count: number,
  root: (at: number) => Bytes,
  others: readonly Bytes[],
  tag: (at: number) => string = (at) => `a.b/c${at}:1`,
  mediaType: string = OCI_INDEX,
): Bytes {
  const roots = Array.from({ length: count }, (_, at) => root(at));
  const manifests = roots.map((bytes, at) => {
    const annotations = { "org.opencontainers.image.ref.name": tag(at) };
    return { mediaType, digest: digestOf(bytes), size: bytes.length, annotations };
  });
  return packed([
    { name: "index.json", content: JSON.stringify({ schemaVersion: 2, manifests }) },
    ...[...others, ...roots].map((content) => ({ name: ociBlobPath(digestOf(content)), content })),
  ]);
}

/** An index of these manifests and of so many that nobody has that it is full. */
function indexOf(manifests: readonly Bytes[], from: number): Bytes {
  const there = manifests.map((bytes) => {
    return `{"mediaType":"${OCI_MANIFEST}","size":${bytes.length},"digest":"${digestOf(bytes)}"},`;
  });
  return many(
    `{"schemaVersion":2,"manifests":[${there.join("")}`,
    CHILDREN - there.length,
    (at) => `${fake(from + at)}}`,
    "]}",
  );
}

/** The descriptor of a manifest that nobody has, but for its end. */
function fake(at: number, rest = ""): string {
  const digest: Digest = `sha256:${hex(at)}`;
  return `{"mediaType":"${OCI_MANIFEST}","size":5,"digest":"${digest}"${rest}`;
}

function hex(at: number): string {
  return at.toString(16).padStart(64, "0");
}

function packed(entries: readonly RawEntry[]): Bytes {
  return new Uint8Array(gzipSync(rawTar(...entries), { level: 1 }));
}
