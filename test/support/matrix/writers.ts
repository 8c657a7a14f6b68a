/** Who writes archives: Dray in each of its formats, other tools, and those whose archives are kept with the tests. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { commandOf, type Workplace } from "../dray.ts";
import { openPodman } from "../podman.ts";
import { quoted, runWell } from "../run.ts";
import {
  type ArchiveKind,
  type Container,
  type Expected,
  type Layout,
  onePlatform,
  type WrittenArchive,
} from "./archive.ts";
import { expectedIn, FOREIGN_ARCHIVES, FOREIGN_FOLDER, filesOf, kindOf } from "./foreign.ts";
import { SOURCE_NAMES, type SourceName, type World } from "./world.ts";

export interface Writer {
  readonly name: string;
  readonly kind: ArchiveKind;
  /** Programs that it drives. */
  readonly tools: readonly string[];
  write(world: World): Promise<WrittenArchive>;
}

interface DrayWriter {
  readonly container: Container;
  readonly layout: Layout;
  /** The name of what is written. */
  readonly file: string;
  readonly flags?: readonly string[];
  /** What it saves. Default: all. */
  readonly names?: readonly SourceName[];
  readonly split?: boolean;
  /** To standard output. */
  readonly piped?: boolean;
}

const OCI = ["--layout", "oci"];

const DRAY: Readonly<Record<string, DrayWriter>> = {
  gzip: { container: "gzip", layout: "dray", file: "all.tar.gz" },
  zstd: { container: "zstd", layout: "dray", file: "all.tar.zst" },
  tar: { container: "tar", layout: "dray", file: "all.tar" },
  dir: { container: "dir", layout: "dray", file: "all", flags: ["-c", "dir"] },
  parts: { container: "gzip", layout: "dray", file: "split.tar.gz", flags: ["--part-size", "64K"], split: true },
  "parts, zstd": {
    container: "zstd",
    layout: "dray",
    file: "split.tar.zst",
    flags: ["--part-size", "64K"],
    split: true,
  },
  "-d -": { container: "zstd", layout: "dray", file: "piped.tar.zst", flags: ["-c", "zstd"], piped: true },
  "--layout oci": { container: "tar", layout: "both", file: "oci.tar", flags: OCI },
  "--layout oci, gzip": { container: "gzip", layout: "both", file: "oci.tar.gz", flags: OCI },
  "--layout oci, zstd": { container: "zstd", layout: "both", file: "oci.tar.zst", flags: OCI },
  "--layout oci, gzip, one image": {
    container: "gzip",
    layout: "both",
    file: "one.tar.gz",
    flags: OCI,
    names: ["team/index:v1"],
  },
};

function drayWriter([name, writer]: [string, DrayWriter]): Writer {
  const { container, layout, file, names, split = false, piped = false } = writer;
  const single = names?.length === 1;
  return {
    name: `dray save ${name}`,
    kind: { container, layout, split, single, bareTags: false, charts: !names },
    tools: piped ? ["bash"] : [],
    async write({ place, images }) {
      const saved = chosen(images, names);
      const path = place.file(file);
      await draySave(namesIn(saved), path, writer, place);
      if (!split) return { path, files: container === "dir" ? [] : [path], images: saved };
      const parts = (await readdir(place.path)).filter((one) => one.startsWith(`${file}.part`)).length;
      if (parts < 11) throw new Error(`there are ${parts} parts: to be past ten, there must be more`);
      return { path, files: Array.from({ length: parts }, (_, at) => `${path}.part${at}`), images: saved };
    },
  };
}

async function draySave(
  names: readonly string[],
  path: string,
  { file, flags = [], piped }: Pick<DrayWriter, "file" | "flags" | "piped">,
  place: Workplace,
): Promise<void> {
  const list = await place.list(`${file}.txt`, names);
  const args = ["save", "-f", list, "-a", "all", "--os", "all", "--cache-dir", `cache-${file}`, ...flags];
  const runtime = piped ? ["bash", "-c", `exec "$@" > ${quoted(path)}`, "bash", ...commandOf("bun")] : undefined;
  const { code, stderr } = await place.dray([...args, "-d", piped ? "-" : path], { runtime });
  if (code !== 0) throw new Error(`dray save ended with ${code}: ${stderr}`);
}

function chosen(images: Expected, names: readonly SourceName[] = SOURCE_NAMES): Expected {
  return Object.fromEntries(names.map((name) => [name, images[name]!]));
}

function namesIn(images: Expected): readonly string[] {
  return Object.values(images).map(({ name }) => name);
}

interface ToolWriter {
  readonly tools: readonly string[];
  readonly layout: Layout;
  readonly bareTags?: boolean;
  /** What it saves. */
  readonly names: readonly SourceName[];
  /** Of the images that it saves, what is in its archive. Default: all, as it was. */
  readonly holds?: (images: Expected) => Expected;
  save(names: readonly string[], path: string, world: World): Promise<unknown>;
}

const TOOLS: Readonly<Record<string, ToolWriter>> = {
  "tar of dray save dir": {
    tools: ["tar"],
    layout: "dray",
    names: SOURCE_NAMES,
    async save(names, path, { place, folder }) {
      const parent = await folder();
      await draySave(names, join(parent, "saved-image-cache"), { file: "tarred", flags: ["-c", "dir"] }, place);
      await runWell("tar", ["-cf", path, "-C", parent, "saved-image-cache"]);
    },
  },
  "skopeo oci-archive": {
    tools: ["skopeo"],
    layout: "oci",
    names: ["team/index:v1"],
    save: ([name], path) => skopeo(["--all", `docker://${name}`, `oci-archive:${path}:${name}`]),
  },
  "skopeo docker-archive": {
    tools: ["skopeo"],
    layout: "docker",
    names: ["team/single:v3"],
    holds: (images) => onePlatform(images),
    save: ([name], path) => skopeo([`docker://${name}`, `docker-archive:${path}:${name}`]),
  },
  "podman save": {
    tools: ["podman"],
    layout: "docker",
    names: ["team/index:v1", "team/single:v3", "team/sharing:v4"],
    holds: (images) => onePlatform(images),
    save: (names, path) => podmanSave(names, ["--multi-image-archive", "-o", path]),
  },
  "podman save --format oci-archive": {
    tools: ["podman"],
    layout: "oci",
    names: ["team/list:v2"],
    holds: (images) => onePlatform(images),
    save: (names, path) => podmanSave(names, ["--format", "oci-archive", "-o", path]),
  },
  "ctr images export": {
    tools: ["containerd"],
    layout: "both",
    bareTags: true,
    names: ["team/index:v1", "team/list:v2", "team/sharing:v4"],
    save: ctrExport,
  },
};

function toolWriter([name, { tools, layout, bareTags = false, names, holds, save }]: [string, ToolWriter]): Writer {
  return {
    name,
    kind: { container: "tar", layout, split: false, single: names.length === 1, bareTags, charts: false },
    tools,
    async write(world) {
      const path = join(await world.folder(), "saved.tar");
      const images = chosen(world.images, names);
      await save(namesIn(images), path, world);
      return { path, files: [path], images: holds ? holds(images) : images };
    },
  };
}

function skopeo(args: readonly string[]): Promise<string> {
  return runWell("skopeo", ["--insecure-policy", "copy", "--src-tls-verify=false", "--quiet", ...args]);
}

async function podmanSave(names: readonly string[], flags: readonly string[]): Promise<void> {
  await using podman = await openPodman();
  await podman.run(["pull", "--quiet", "--tls-verify=false", "--os", "linux", "--arch", "amd64", ...names]);
  await podman.run(["save", "--quiet", ...flags, ...names]);
}

async function ctrExport(names: readonly string[], path: string, { containerd }: World): Promise<void> {
  const ctr = async (args: readonly string[]): Promise<void> => {
    const { code, stderr } = await containerd!.ctr("writer", args);
    if (code !== 0) throw new Error(`ctr ${args.join(" ")} ended with ${code}: ${stderr}`);
  };
  for (const name of names) await ctr(["content", "fetch", "--plain-http", "--all-platforms", name]);
  await ctr(["images", "export", "--all-platforms", path, ...names]);
}

const FOREIGN: readonly Writer[] = Object.entries(FOREIGN_ARCHIVES).map(([file, archive]) => ({
  name: file,
  kind: kindOf(archive),
  tools: [],
  async write({ foreign }) {
    return { path: join(FOREIGN_FOLDER, file), files: filesOf(file, archive), images: expectedIn(archive, foreign) };
  },
}));

export const WRITERS: readonly Writer[] = [
  ...Object.entries(DRAY).map(drayWriter),
  ...Object.entries(TOOLS).map(toolWriter),
  ...FOREIGN,
];
