/** Who reads archives: Dray in every way, unpackers, checkers of compression, and container tools. */
import { expect } from "bun:test";
import { openStore } from "../../../src/operations/open.ts";
import { type Arrivals, arrivedIn, arrivedInArchive, plainPlatform, sorted } from "../arrived.ts";
import { commandOf, type Workplace } from "../dray.ts";
import { startRegistry } from "../registry.ts";
import { quoted, run } from "../run.ts";
import { type ArchiveKind, type Expected, expectedName, type WrittenArchive } from "./archive.ts";
import { CONTAINER_TOOLS } from "./container-tools.ts";
import type { World } from "./world.ts";

export interface Reader {
  readonly name: string;
  /** Programs that it drives. */
  readonly tools: readonly string[];
  /** Why this is no archive for it; undefined where it is. */
  refuses(kind: ArchiveKind): string | undefined;
  /** The images that it gets, and what of them. Default: all, as they are. */
  takes?(images: Expected, kind: ArchiveKind): Expected;
  /** Reads those images that it takes, and says what came out of them. */
  read(archive: WrittenArchive, world: World, kind: ArchiveKind): Promise<Arrivals>;
}

const DRAY: readonly Reader[] = [
  {
    name: "dray load",
    tools: [],
    refuses: () => undefined,
    read: ({ path }, world) => drayLoad(path, world),
  },
  {
    name: "dray load -s -",
    tools: ["bash"],
    refuses: ({ container }) => (container === "dir" ? "a folder cannot be piped" : undefined),
    read: ({ files }, world) =>
      drayLoad("-", world, [
        "bash",
        "-c",
        `cat ${files.map(quoted).join(" ")} | exec "$@"`,
        "bash",
        ...commandOf("bun"),
      ]),
  },
  {
    name: "dray ls",
    tools: [],
    refuses: () => undefined,
    takes: listed,
    read: drayList,
  },
  {
    name: "dray verify",
    tools: [],
    refuses: () => undefined,
    takes: () => ({}),
    async read({ path }, { place }) {
      await drayVerify(path, place);
      return {};
    },
  },
  { name: "dray sync", tools: [], refuses: () => undefined, read: drayInto(["sync", "-s"]) },
  { name: "dray decompress", tools: [], refuses: () => undefined, read: drayInto(["decompress", "-f"]) },
];

async function drayVerify(path: string, place: Workplace): Promise<void> {
  const { code, stdout, stderr } = await place.dray(["verify", path]);
  if (code !== 0 || !stdout.startsWith("whole: "))
    throw new Error(`dray verify ended with ${code}: ${stdout}${stderr}`);
}

/** A command that fills a cache folder, in which all has the digests of the archive, be they the original ones or not. */
function drayInto(command: readonly string[]): Reader["read"] {
  return async ({ path }, world) => {
    const folder = await world.folder();
    const { code, stderr } = await world.place.dray([...command, path, "-d", folder]);
    if (code !== 0) throw new Error(`dray ${command[0]} ended with ${code}: ${stderr}`);
    await drayVerify(folder, world.place);
    await using archive = await openStore(path);
    await using store = await openStore(folder, { onWarning: fail });
    const arrived = await arrivedInArchive(store);
    expect(arrived).toEqual(await arrivedInArchive(archive));
    return arrived;
  };
}

async function drayLoad(source: string, { place }: World, runtime?: readonly string[]): Promise<Arrivals> {
  await using registry = await startRegistry();
  const { code, stderr } = await place.dray(["load", "-s", source, "-d", registry.host], { runtime });
  if (code !== 0) throw new Error(`dray load ended with ${code}: ${stderr}`);
  return await arrivedIn(registry.store);
}

/** What `dray ls --json` says of an image, as far as it matters here. */
interface ListedImage {
  readonly name: string;
  readonly digest: string;
  readonly platforms: readonly { readonly platform: string; readonly digest: string }[];
}

async function drayList({ path, images }: WrittenArchive, { place }: World): Promise<Arrivals> {
  const { code, stdout, stderr } = await place.dray(["ls", "--json", path]);
  if (code !== 0) throw new Error(`dray ls ended with ${code}: ${stderr}`);
  const listed = JSON.parse(stdout) as readonly ListedImage[];
  return Object.fromEntries(
    listed.map(({ name, digest, platforms }) => {
      const found = platforms.length > 0 ? platforms : [{ platform: "none", digest }];
      const plain = found.map((one) => ({ platform: plainPlatform(one.platform), digest: one.digest, layers: [] }));
      return [expectedName(images, name), { digest, platforms: sorted(plain) }];
    }),
  );
}

/** What is listed: no layers, and no attestations, which are no platforms. */
function listed(images: Expected): Expected {
  return Object.fromEntries(
    Object.entries(images).map(([name, image]) => {
      const platforms = image.platforms.filter(({ platform }) => platform !== "unknown/unknown");
      return [name, { ...image, platforms: platforms.map((one) => ({ ...one, layers: [] })) }];
    }),
  );
}

/** Commands that unpack "$@", the files in order, into the folder they run in. */
type Unpacker = (kind: ArchiveKind) => string;

function unpacker(name: string, tools: readonly string[], command: Unpacker, knowsZip = false): Reader {
  return {
    name,
    tools: ["bash", ...tools],
    refuses({ container }) {
      if (container === "dir") return "nothing is packed";
      return container === "zip" && !knowsZip ? `${name} knows no zip` : undefined;
    },
    async read({ files }, world, kind) {
      const folder = await world.folder();
      await quietly(`cd "$0"; ${command(kind)}`, [folder, ...files]);
      await using store = await openStore(folder, { onWarning: fail });
      return await arrivedInArchive(store);
    },
  };
}

const UNPACKERS: readonly Reader[] = [
  unpacker("tar", ["tar", "gzip", "zstd"], ({ container, split }) => {
    if (!split) return 'tar -xf "$1"';
    return `cat "$@" | tar -x${container === "gzip" ? "z" : ""} ${container === "zstd" ? "--zstd" : ""} -f -`;
  }),
  unpacker("bsdtar", ["bsdtar"], ({ split }) => (split ? 'cat "$@" | bsdtar -xf -' : 'bsdtar -xf "$1"'), true),
  unpacker("busybox tar", ["busybox", "zstd"], ({ container }) => {
    if (container === "zstd") return 'cat "$@" | zstd -dcq | busybox tar -xf -';
    return `cat "$@" | busybox tar -x${container === "gzip" ? "z" : ""}f -`;
  }),
];

function checker(program: "gzip" | "zstd", command: string): Reader {
  return {
    name: command,
    tools: ["bash", program],
    refuses: ({ container }) => (container === program ? undefined : `it is no ${program}`),
    takes: () => ({}),
    async read({ files }) {
      await quietly(`cat "$@" | ${command}`, ["bash", ...files]);
      return {};
    },
  };
}

/** Runs a script that must neither fail nor say a word. */
async function quietly(script: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await run("bash", ["-c", `set -e -o pipefail; ${script}`, ...args], { TZ: "UTC" });
  if (code !== 0 || stdout !== "" || stderr !== "") throw new Error(`${script} ended with ${code}: ${stdout}${stderr}`);
}

function fail(message: string): void {
  throw new Error(message);
}

export const READERS: readonly Reader[] = [
  ...DRAY,
  ...UNPACKERS,
  checker("gzip", "gzip -t"),
  checker("zstd", "zstd -tq"),
  ...CONTAINER_TOOLS,
];
