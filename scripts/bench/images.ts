/** The images that benchmarks move: large real ones that share bases, and many small ones. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { runtimeFor, TARGETS } from "../runtime.ts";
import { type Blob, type Storage, seedStorage } from "./storage.ts";
import type { Workplace } from "./workplace.ts";

const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const PLAIN_LAYER = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const PLATFORMS = ["amd64", "arm64"];
/** Each makes another blob of the same program: all of them are what a build could have pushed. */
const LEVELS = [1, 3, 6, 9];

interface Layer extends Blob {
  /** Of the tar inside. */
  readonly diffID: string;
}

export interface Seeded {
  /** `bench/app1:1`, in the order of the list. */
  readonly names: readonly string[];
  /** Every blob once, with a repository that has it. */
  readonly blobs: readonly (Blob & { readonly repository: string })[];
}

/** Seven images for two platforms, of the four Bun runtimes, in the storage folder `name`: about 750 MB of gzip. */
export async function seedLarge(place: Workplace, name: string): Promise<Seeded> {
  const storage = seedStorage(place.folder(name));
  const layers: Layer[] = [];
  for (const target of TARGETS)
    for (const level of LEVELS) layers.push(await makeLayer(place, storage, await runtimeFor(target), level));
  const blobs = new Map<string, Seeded["blobs"][number]>();
  const names: string[] = [];
  const bases = layers.splice(0, PLATFORMS.length);
  for (let number = 1; layers.length > 0; number++) {
    const repository = `bench/app${number}`;
    const children = [];
    for (const [index, architecture] of PLATFORMS.entries()) {
      const own = [bases[index]!, layers.shift()!];
      for (const layer of own) await storage.link(repository, layer);
      const image = await makeImage(storage, repository, architecture, own);
      for (const blob of [...own, image.config]) blobs.set(blob.digest, { ...blob, repository });
      children.push({ ...image.manifest, platform: { os: "linux", architecture } });
    }
    await storage.manifest(repository, INDEX, { manifests: children }, "1");
    names.push(`${repository}:1`);
  }
  return { names, blobs: [...blobs.values()] };
}

/** `count` images of nine layers of about a kilobyte, none shared, in the storage folder `name`. */
export async function seedMany(place: Workplace, name: string, count: number): Promise<Seeded> {
  const storage = seedStorage(place.folder(name));
  const names: string[] = [];
  for (let number = 0; number < count; number++) {
    const repository = `many/app${number}`;
    const layers = [];
    for (let index = 0; index < 9; index++) {
      const bytes = Bun.gzipSync(createHash("shake256", { outputLength: 1000 }).update(`${number} ${index}`).digest());
      const diffID = digestOf(Bun.gunzipSync(bytes));
      layers.push({ ...(await storage.blob(repository, LAYER, bytes)), diffID });
    }
    const { manifest } = await makeImage(storage, repository, "amd64", layers, "1");
    if (manifest.size > 0) names.push(`${repository}:1`);
  }
  return { names, blobs: [] };
}

/** Images of six gzipped layers each, none shared, in the storage folder `name`: 48 layers have about 2 GB. */
export async function seedGzipped(place: Workplace, name: string, count: number): Promise<readonly string[]> {
  const storage = seedStorage(place.folder(name));
  const layers: Layer[] = [];
  for (let number = 0; number < count; number++) {
    const program = await runtimeFor(TARGETS[number % TARGETS.length]!);
    const turn = Math.floor(number / TARGETS.length);
    layers.push(await makeLayer(place, storage, program, 1 + (turn % 6), 64 << Math.floor(turn / 6)));
  }
  return makeImages(storage, "gzipped", layers);
}

/** One image of four layers that are not compressed, about 400 MB, in the storage folder `name`. */
export async function seedPlain(place: Workplace, name: string): Promise<readonly string[]> {
  const storage = seedStorage(place.folder(name));
  const layers: Layer[] = [];
  for (const target of TARGETS) {
    const tar = place.path("layer.tar");
    await place.run(["tar", "-cf", tar, "--owner=0", "--group=0", "-P", await runtimeFor(target)]);
    const digest = await fileDigest(tar);
    const blob = { mediaType: PLAIN_LAYER, digest, size: (await stat(tar)).size, diffID: digest };
    await storage.adopt(tar, blob);
    layers.push(blob);
  }
  return makeImages(storage, "plain", layers);
}

async function makeImages(storage: Storage, name: string, layers: readonly Layer[]): Promise<readonly string[]> {
  const names: string[] = [];
  for (let at = 0; at < layers.length; at += 6) {
    const repository = `archive/${name}${names.length + 1}`;
    const own = layers.slice(at, at + 6);
    for (const layer of own) await storage.link(repository, layer);
    await makeImage(storage, repository, "amd64", own, "1");
    names.push(`${repository}:1`);
  }
  return names;
}

/** `block` is what pigz compresses at once, in KiB: another one makes another blob. */
async function makeLayer(
  place: Workplace,
  storage: Storage,
  program: string,
  level: number,
  block = 128,
): Promise<Layer> {
  const [tar, file] = [place.path("layer.tar"), place.path("layer.tar.gz")];
  const script = `tar -cf "$1" --transform="s,.*,usr/bin/bun-$4," --owner=0 --group=0 -P "$2" && pigz -$4 -b "$5" -c "$1" > "$3"`;
  await place.run(["bash", "-ec", script, "layer", tar, program, file, String(level), String(block)]);
  const blob = { mediaType: LAYER, digest: await fileDigest(file), size: (await stat(file)).size };
  const diffID = await fileDigest(tar);
  await storage.adopt(file, blob);
  place.remove("layer.tar");
  return { ...blob, diffID };
}

async function makeImage(
  storage: Storage,
  repository: string,
  architecture: string,
  layers: readonly Layer[],
  tag?: string,
): Promise<{ config: Blob; manifest: Blob }> {
  const rootfs = { type: "layers", diff_ids: layers.map(({ diffID }) => diffID) };
  const document = { os: "linux", architecture, author: repository, config: { Cmd: ["/usr/bin/bun-1"] }, rootfs };
  const config = await storage.blob(repository, CONFIG, new TextEncoder().encode(JSON.stringify(document)));
  const described = layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  const manifest = await storage.manifest(repository, MANIFEST, { config, layers: described }, tag);
  return { config, manifest };
}

async function fileDigest(path: string): Promise<string> {
  return digestOf(await readFile(path));
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
