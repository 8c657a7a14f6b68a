/** What skopeo, podman and containerd make of an archive. */
import { join } from "node:path";
import { type Arrivals, arrivedIn, plainPlatform } from "../arrived.ts";
import { openPodman } from "../podman.ts";
import { startRegistry } from "../registry.ts";
import { runWell } from "../run.ts";
import { type ArchiveKind, type Expected, expectedName, onePlatform, only, type WrittenArchive } from "./archive.ts";
import type { Reader } from "./readers.ts";
import type { World } from "./world.ts";

const SKOPEO: readonly Reader[] = [
  {
    name: "skopeo copy oci-archive:",
    tools: ["skopeo"],
    refuses: ({ layout, split }) => inParts(split) ?? noLayout(layout, "docker"),
    takes: byName,
    read: ({ path, images }, _, kind) => copied(images, (name) => `oci-archive:${path}${ociName(name, kind)}`),
  },
  {
    name: "skopeo copy docker-archive:",
    tools: ["skopeo"],
    refuses: ({ layout, container, split }) => inParts(split) ?? noLayout(layout, "oci") ?? gzippedDocker(container),
    takes: (images) => onePlatform(images),
    read: ({ path, images }) => copied(images, (name) => `docker-archive:${path}:${name}`),
  },
  {
    name: "skopeo copy oci:, unpacked",
    tools: ["skopeo", "tar", "gzip", "zstd", "bash"],
    refuses({ layout }) {
      if (layout === "dray") return undefined;
      return layout === "oci" || layout === "both" ? "it is read as it is" : "there is no OCI layout in it";
    },
    takes: byName,
    async read({ path, files, images }, world, kind) {
      const folder = kind.container === "dir" ? path : join(await world.folder(), "saved-image-cache");
      const flag = kind.container === "tar" ? "" : `--${kind.container}`;
      const script = `cat "$@" | tar -x ${flag} -C "$0" -f -`;
      if (kind.container !== "dir") await runWell("bash", ["-c", script, join(folder, ".."), ...files]);
      return copied(images, (name) => `oci:${folder}:${name}`);
    },
  },
];

/** skopeo 1.9 finds by their names only those images that are of OCI's types, and carries no index in an index. */
function byName(images: Expected, { single }: ArchiveKind): Expected {
  return single ? images : only(images, ({ docker, nested }) => !docker && !nested);
}

/** What skopeo is to look for; the only image needs no name. */
function ociName(name: string, { single, bareTags }: ArchiveKind): string {
  if (single) return "";
  return bareTags ? name.slice(name.lastIndexOf(":")) : `:${name}`;
}

/** Copies images to a registry, with all their platforms, and without a new digest where the archive has the old one. */
async function copied(images: Expected, source: (name: string) => string): Promise<Arrivals> {
  await using registry = await startRegistry();
  for (const [to, { name, digest }] of Object.entries(images)) {
    const flags = ["--insecure-policy", "copy", "--quiet", "--all", "--dest-tls-verify=false"];
    const same = digest === undefined ? [] : ["--preserve-digests"];
    await runWell("skopeo", [...flags, ...same, source(name), `docker://${registry.host}/${to}`]);
  }
  return await arrivedIn(registry.store);
}

const PODMAN: Reader = {
  name: "podman load",
  tools: ["podman"],
  refuses({ layout, container, split, single }) {
    if (layout === "oci" && !single) return "podman loads one image of an OCI layout";
    return inParts(split) ?? noLayout(layout) ?? (single ? undefined : gzippedDocker(container));
  },
  // The only image of an OCI layout is loaded from there.
  takes: (images, { layout, single }) => onePlatform(images, single && layout !== "docker"),
  async read({ path, images }) {
    await using podman = await openPodman();
    const loaded = await podman.run(["load", "--quiet", "-i", path]);
    const names = loaded
      .trim()
      .split("\n")
      .map((line) => line.replace("Loaded image: ", ""));
    const inspected = JSON.parse(await podman.run(["image", "inspect", ...names])) as PodmanImage[];
    return Object.fromEntries(
      inspected.map(({ Digest: digest, Os, Architecture, RootFS }, at) => {
        const platform = { platform: plainPlatform(`${Os}/${Architecture}`), digest, layers: RootFS.Layers };
        return [expectedName(images, names[at]!), { digest, platforms: [platform] }];
      }),
    );
  },
};

interface PodmanImage {
  readonly Digest: string;
  readonly Os: string;
  readonly Architecture: string;
  readonly RootFS: { readonly Layers: readonly string[] };
}

const CTR: Reader = {
  name: "ctr images import",
  tools: ["containerd"],
  refuses({ layout, container, split }) {
    if (container === "gzip" || container === "zstd") return "containerd 1.6 imports plain tars";
    return inParts(split) ?? noLayout(layout);
  },
  takes: (images, { layout }) => (layout === "docker" ? onePlatform(images) : images),
  read: imported,
};

/** What containerd imports, it has to give away again. */
async function imported({ path, images }: WrittenArchive, world: World, kind: ArchiveKind): Promise<Arrivals> {
  await using registry = await startRegistry();
  const namespace = `reader-${(await world.folder()).slice(-6)}`;
  const ctr = async (args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await world.containerd!.ctr(namespace, ["images", ...args]);
    if (code !== 0) throw new Error(`ctr images ${args.join(" ")} ended with ${code}: ${stderr}`);
    return stdout;
  };
  const unpack = kind.charts ? ["--no-unpack"] : ["--snapshotter", "native"];
  await ctr(["import", "--all-platforms", ...unpack, path]);
  for (const name of (await ctr(["list", "--quiet"])).trim().split("\n"))
    await ctr(["push", "--plain-http", `${registry.host}/${expectedName(images, name)}`, name]);
  return await arrivedIn(registry.store);
}

function noLayout(layout: ArchiveKind["layout"], other?: "oci" | "docker"): string | undefined {
  if (layout === "dray" || layout === "hangar") return "its images are in a folder, in Hangar's layout";
  return layout === other ? `it is of the other layout, ${other}` : undefined;
}

function gzippedDocker(container: ArchiveKind["container"]): string | undefined {
  return container === "gzip"
    ? "skopeo 1.9 and podman 4.3 read docker-archives plain and in zstd, not in gzip"
    : undefined;
}

function inParts(split: boolean): string | undefined {
  return split ? "it is in parts" : undefined;
}

export const CONTAINER_TOOLS: readonly Reader[] = [...SKOPEO, PODMAN, CTR];
