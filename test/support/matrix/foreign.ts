/** The archives that other tools wrote: what was in the registry, and how much of it each writer kept. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openStore } from "../../../src/operations/open.ts";
import { type Arrivals, arrivedInArchive } from "../arrived.ts";
import {
  type ArchiveKind,
  type Container,
  type Expected,
  type ExpectedImage,
  type Layout,
  onePlatform,
} from "./archive.ts";

export const FOREIGN_FOLDER: string = join(dirname(dirname(import.meta.dirname)), "fixtures", "foreign");

export interface SavedImage {
  readonly name: string;
  readonly tag: string;
  readonly kind: string;
  readonly digest: string;
  /** Digests. Of two for one platform, as Windows has, only one is here. */
  readonly platforms: Readonly<Record<string, string>>;
}

export const SAVED_IMAGES: readonly SavedImage[] = readFileSync(join(FOREIGN_FOLDER, "images.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as SavedImage);

/** Images whose bytes are in an archive as the registry had them: all, or those of OCI's types, or none. */
type Original = "all" | "oci" | "none";

export interface ForeignArchive {
  /** What stands in front of the names in it. Default: the registry. */
  readonly prefix?: string;
  /** Default: all. */
  readonly names?: readonly string[];
  /** Whether what the tag stood for is there. */
  readonly roots: Original;
  /** Whether the manifests of the platforms are there. */
  readonly platforms: Original;
  /** It has linux/amd64 of each image only. */
  readonly onePlatform?: true;
  readonly container: Container;
  readonly layout: Layout;
  /** How many files it is in. Default 1. */
  readonly parts?: number;
}

const AGENT = ["rancher/agent"];
const BOX = ["library/box"];
const HANGAR_1_6 = { roots: "none", platforms: "oci", layout: "hangar" } as const;
const DOCKER_SAVE = { roots: "none", platforms: "none", container: "tar", layout: "docker" } as const;
const EXPORT = { names: AGENT, roots: "all", platforms: "all", container: "tar" } as const;

/** By file; of parts, the first. */
export const FOREIGN_ARCHIVES: Readonly<Record<string, ForeignArchive>> = {
  "image-tools-1.0.tar.gz": {
    names: ["rancher/agent", "library/box", "win/pause"],
    roots: "none",
    platforms: "all",
    container: "gzip",
    layout: "hangar",
  },
  "hangar-1.6.tar.gz": { ...HANGAR_1_6, container: "gzip" },
  "hangar-1.6-parts.tar.zstd.part0": { ...HANGAR_1_6, container: "zstd", parts: 4 },
  "hangar-1.6-synced.tar.gz": { ...HANGAR_1_6, container: "gzip" },
  "hangar-1.9.zip": { roots: "none", platforms: "all", container: "zip", layout: "hangar" },
  "podman-multi.docker-archive.tar": { ...DOCKER_SAVE, names: [...AGENT, ...BOX], onePlatform: true },
  "podman.oci-archive.tar": { names: BOX, roots: "oci", platforms: "oci", container: "tar", layout: "oci" },
  "skopeo.oci-archive.tar": {
    prefix: "",
    names: ["kube/coredns"],
    roots: "all",
    platforms: "all",
    container: "tar",
    layout: "oci",
  },
  "skopeo.docker-archive.tar": { ...DOCKER_SAVE, prefix: "example.com/", names: BOX },
  "skopeo.oci-layout.tar.zst": { prefix: "", roots: "oci", platforms: "oci", container: "zstd", layout: "oci" },
  "containerd-ctr.export.tar": { ...EXPORT, layout: "both" },
  "regctl.export.tar": { ...EXPORT, layout: "oci" },
  "crane.tarball.tar": { ...DOCKER_SAVE, names: BOX },
  "crane.legacy.tar": { ...DOCKER_SAVE, names: BOX },
};

/** What was in the registry, out of the one archive that has every image, and the manifest of every platform as it was. */
export async function foreignImages(): Promise<Arrivals> {
  await using store = await openStore(join(FOREIGN_FOLDER, "hangar-1.9.zip"));
  return await arrivedInArchive(store);
}

/** The images of a foreign archive; `original` is what was in the registry. */
export function expectedIn(
  { prefix = "127.0.0.1:5096/", names, roots, platforms, onePlatform: isOne }: ForeignArchive,
  original: Arrivals,
): Expected {
  const saved = SAVED_IMAGES.filter(({ name }) => !names || names.includes(name));
  const images = saved.map(({ name, tag, kind, digest }): [string, ExpectedImage] => {
    const isHeld = (what: Original): boolean => what === "all" || (what === "oci" && kind.startsWith("oci"));
    const held = original[`${name}:${tag}`]!.platforms.map((one) =>
      isHeld(platforms) ? one : { ...one, digest: undefined },
    );
    const isRootHeld = isHeld(roots) || (held.length === 1 && isHeld(platforms));
    return [
      `${name}:${tag}`,
      {
        name: `${prefix}${name}:${tag}`,
        digest: isRootHeld ? digest : undefined,
        docker: kind.startsWith("docker") && isHeld(platforms),
        loadable: true,
        platforms: held,
      },
    ];
  });
  const expected = Object.fromEntries(images);
  return isOne ? onePlatform(expected) : expected;
}

export function kindOf({ container, layout, parts = 1, names }: ForeignArchive): ArchiveKind {
  return { container, layout, split: parts > 1, single: names?.length === 1, bareTags: false, charts: false };
}

/** The files of a foreign archive, in order. */
export function filesOf(file: string, { parts = 1 }: ForeignArchive): readonly string[] {
  return Array.from({ length: parts }, (_, at) => join(FOREIGN_FOLDER, file.replace(/part0$/, `part${at}`)));
}
