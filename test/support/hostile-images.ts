/** Archives of images whose manifests ask for far more memory than the archive has bytes. */
import { type Bytes, encode } from "../../src/bytes/stream.ts";
import { blobPath } from "../../src/layout/hangar.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { filled, LIST, many, own, ROOT } from "./hostile-archives.ts";

/** By what is said of them. */
export const IMAGES: Readonly<Record<string, () => Promise<Bytes>>> = {
  "with it, its image has more than 8388608 bytes": () => {
    const children = Array.from({ length: 50 }, (_, at) =>
      filled(`{"schemaVersion":2,"layers":[],"x":"${at} `, "a", '"}', 4 << 20),
    );
    const manifests = children.map((one) => ({ mediaType: OCI_MANIFEST, digest: digestOf(one), size: one.length }));
    return archiveOf([encode(JSON.stringify({ schemaVersion: 2, manifests }))], OCI_INDEX, children);
  },
  "it lists 10000 descriptors, and 1000 are the most": () => archiveOf(manifests(20, 10_000)),
  "with it, all images have more blobs than can be held": () => archiveOf(manifests(350, 1000)),
};

/** None of their layers is there, and no two are the same. */
function manifests(count: number, layers: number): readonly Bytes[] {
  return Array.from({ length: count }, (_, image) => {
    const layer = (at: number): string => {
      const hex = (image * layers + at).toString(16).padStart(64, "0");
      return `{"mediaType":"x","size":1,"digest":"sha256:${hex}"}`;
    };
    return many('{"schemaVersion":2,"layers":[', layers, layer, "]}");
  });
}

/** An image of each root. */
function archiveOf(
  roots: readonly Bytes[],
  mediaType: string = OCI_MANIFEST,
  others: readonly Bytes[] = [],
): Promise<Bytes> {
  const List = roots.map((root, at) => {
    return {
      Source: `a.b/c${at}`,
      Tag: "1",
      Root: { MediaType: mediaType, Digest: digestOf(root), Size: root.length },
    };
  });
  const contents = [...roots, ...others].map((bytes) => ({ path: `${ROOT}/${blobPath(digestOf(bytes))}`, bytes }));
  return own([{ path: LIST, bytes: encode(JSON.stringify({ Version: "v1.1.0", List })) }, ...contents]);
}
