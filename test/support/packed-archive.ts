/** Archives of made-up images, as the product writes them. */
import type { Format } from "../../src/archive/format.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { compress } from "../../src/operations/compress.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { pushTo } from "./push.ts";
import type { Artifact } from "./random-image.ts";

export interface PackOptions {
  /** Default `gzip`. */
  readonly format?: Format;
  readonly partSize?: number;
  readonly checksum?: boolean;
  /** Default `hangar`. */
  readonly layout?: "hangar" | "oci";
  /** Blobs that are not there when it is written. */
  readonly lost?: readonly Descriptor[];
}

/** Writes an archive of images, by their names with tag: `docker.io/team/app:1`. */
export async function packImages(
  path: string,
  images: Readonly<Record<string, Artifact>>,
  { format = "gzip", lost = [], ...target }: PackOptions = {},
): Promise<void> {
  await using store = memoryStore();
  for (const [name, artifact] of Object.entries(images)) {
    const colon = name.lastIndexOf(":");
    await pushTo(store.repository(name.slice(0, colon)), artifact, name.slice(colon + 1));
  }
  for (const blob of lost) await store.repository("").discard?.(blob);
  const options = { selection: EVERYTHING, strict: true, jobs: 4, savedTime: new Date(0), onEvent: () => {} };
  const { done } = await compress(store, { path, format, ...target }, options);
  if (lost.length === 0 && done !== Object.keys(images).length) throw new Error(`only ${done} images were packed`);
}
