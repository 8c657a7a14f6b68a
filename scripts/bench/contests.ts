/** The benchmarks by name: what Dray does beside what others do with the same images on the same registries. */
import { statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { archive } from "./archive.ts";
import { type Seeded, seedLarge, seedMany } from "./images.ts";
import { inRounds, median, megabytes, memoryRow, type Row, ratioRow, type Side } from "./rounds.ts";
import { settled, shell } from "./settled.ts";
import type { Registry, Sample, Workplace } from "./workplace.ts";

/** Where a benchmark finds things, and how often each side runs. */
export interface Setting {
  readonly place: Workplace;
  /** The compiled executable. */
  readonly dray: string;
  readonly rounds: number;
  /** Gzipped layers of the archive contest: 48 are 2 GB. */
  readonly layers: number;
  /** The large images and the registry that has them; seeded when first asked for. */
  large(): Promise<Source>;
}

export interface Source extends Seeded {
  readonly registry: Registry;
  /** The path of a list of all images. */
  readonly list: string;
}

const MEMORY = 250e6;
const MANY_MEMORY = 350e6;
const PLATFORMS = ["--arch", "all", "--os", "all"];
const SKOPEO = ["skopeo", "--insecure-policy", "copy", "--quiet", "--all"];

export const CONTESTS: Readonly<Record<string, (setting: Setting) => Promise<Row[]>>> = {
  save,
  load,
  mirror,
  many,
  archive,
};

/** The large images behind a registry of their own. */
export async function openLarge(place: Workplace): Promise<Source> {
  const seeded = await seedLarge(place, "source");
  const bytes = seeded.blobs.reduce((sum, { size }) => sum + size, 0);
  process.stderr.write(`${seeded.names.length} images, ${seeded.blobs.length} blobs, ${megabytes(bytes)}\n`);
  const registry = await place.registry("source");
  const list = place.path("list.txt");
  await writeFile(list, lines(registry, seeded.names));
  return { ...seeded, registry, list };
}

async function save(setting: Setting): Promise<Row[]> {
  const { place, dray, rounds } = setting;
  const source = await setting.large();
  const sides = [
    drayTo(place, dray, source.list),
    skopeoAndPigz(place, source),
    curl(place, source),
    curlAndCat(place, source),
  ];
  if (Bun.which("crane") !== null) sides.push(craneAndTar(place, source));
  const samples = await inRounds(sides, rounds, () => settled(place, SAVED));
  const rows = [
    ratioRow(samples, ["dray save", "skopeo, tar | pigz -6"], { atMost: 0.2 }),
    ratioRow(samples, ["dray save", "curl (the floor)"], { atMost: 1.5 }),
    ratioRow(samples, ["dray save", "curl, cat, sync"], { atMost: 1.2 }),
    memoryRow(samples, "dray save", MEMORY),
  ];
  if (Bun.which("crane") !== null) rows.push(ratioRow(samples, ["dray save", "crane, tar"], { atMost: 1 }));
  return rows;
}

async function load(setting: Setting): Promise<Row[]> {
  const { place, dray, rounds } = setting;
  const source = await setting.large();
  await place.run(saveCommand(dray, source.list, place));
  place.remove("layout");
  for (const name of source.names)
    await place.run([...SKOPEO, ...fromRegistry(source.registry, name), layoutOf(place, name)]);
  const ours = intoEmpty(place, "dray load", ({ host }) =>
    place.run([dray, "load", "-s", place.path("out.tar.gz"), "-d", host, "-j", "6", ...PLATFORMS]),
  );
  const theirs = intoEmpty(place, "skopeo from its layout", ({ host }) =>
    skopeoEach(place, source.names, (name) => [layoutOf(place, name), ...toRegistry(host, name)]),
  );
  const samples = await inRounds([ours, theirs], rounds, () => settled(place));
  return [ratioRow(samples, [ours.name, theirs.name], { atMost: 0.8 }), memoryRow(samples, ours.name, MEMORY)];
}

async function mirror(setting: Setting): Promise<Row[]> {
  const { place, dray, rounds } = setting;
  const source = await setting.large();
  const ours = intoEmpty(place, "dray mirror", ({ host }) => {
    const ends = ["-s", source.registry.host, "-d", host];
    return place.run([dray, "mirror", "-f", source.list, ...ends, "-j", "6", ...PLATFORMS]);
  });
  const theirs = intoEmpty(place, "skopeo copy --all", ({ host }) =>
    skopeoEach(place, source.names, (name) => [...fromRegistry(source.registry, name), ...toRegistry(host, name)]),
  );
  const samples = await inRounds([ours, theirs], rounds, () => settled(place));
  return [ratioRow(samples, [ours.name, theirs.name], { atMost: 0.8 }), memoryRow(samples, ours.name, MEMORY)];
}

async function many({ place, dray, rounds }: Setting): Promise<Row[]> {
  const counts = [500, 1000, 2000];
  const { names } = await seedMany(place, "many", counts.at(-1)!);
  const registry = await place.registry("many");
  try {
    const sides: Side[] = [];
    for (const count of counts) {
      const list = place.path(`list-${count}.txt`);
      await writeFile(list, lines(registry, names.slice(0, count)));
      sides.push({ ...drayTo(place, dray, list), name: `${count} small images` });
    }
    const samples = await inRounds(sides, rounds, () => settled(place, SAVED));
    const each = sides.map(
      ({ name }, index) => (median(samples.get(name)!.map(({ seconds }) => seconds)) / counts[index]!) * 1000,
    );
    const growth = each.at(-1)! / each[0]!;
    const found = `${growth.toFixed(2)} (${each.map((time) => time.toFixed(1)).join(", ")} ms an image)`;
    const linear = {
      what: "500, 1,000, 2,000 images: growth of time an image",
      found,
      asked: "<= 1.25",
      met: growth <= 1.25,
    };
    return [linear, memoryRow(samples, sides.at(-1)!.name, MANY_MEMORY)];
  } finally {
    await registry.close();
  }
}

function lines({ host }: Registry, names: readonly string[]): string {
  return names.map((name) => `${host}/${name}\n`).join("");
}

/** What the sides of a save leave behind. */
const SAVED = ["out.tar.gz", "cache", "layout", "peer.tar.gz", "crane", "peer.tar", "floor"];

function saveCommand(dray: string, list: string, place: Workplace): string[] {
  const ends = ["-d", place.path("out.tar.gz"), "--cache-dir", place.path("cache")];
  return [dray, "save", "-f", list, ...ends, "-j", "6", ...PLATFORMS];
}

/** Every side leaves a file that must hold what was asked for; an empty one would win every contest. */
function drayTo(place: Workplace, dray: string, list: string): Side {
  return {
    name: "dray save",
    async run() {
      const sample = await place.run(saveCommand(dray, list, place));
      if (statSync(place.path("out.tar.gz")).size < 1e6)
        throw new Error("Cannot compare: dray save wrote next to nothing");
      return sample;
    },
  };
}

function skopeoAndPigz(place: Workplace, { registry, names }: Source): Side {
  return {
    name: "skopeo, tar | pigz -6",
    async run() {
      const copied = await skopeoEach(place, names, (name) => [...fromRegistry(registry, name), layoutOf(place, name)]);
      const packed = await place.run(shell(`tar -c layout | pigz -6 > peer.tar.gz`));
      return { seconds: copied.seconds + packed.seconds, peak: Math.max(copied.peak, packed.peak) };
    },
  };
}

function craneAndTar(place: Workplace, { registry, names }: Source): Side {
  const references = names.map((name) => `${registry.host}/${name}`);
  return {
    name: "crane, tar",
    async run() {
      const pulled = await place.run(["crane", "pull", "--format", "oci", ...references, place.path("crane")]);
      const packed = await place.run(shell("tar -cf peer.tar crane"));
      return { seconds: pulled.seconds + packed.seconds, peak: Math.max(pulled.peak, packed.peak) };
    },
  };
}

function curl(place: Workplace, source: Source): Side {
  return { name: "curl (the floor)", run: () => fetchEach(place, source) };
}

/** Every blob as a file, and all of them in one that is on the disk: the bytes of a save, of which nobody checks any. */
function curlAndCat(place: Workplace, source: Source): Side {
  return {
    name: "curl, cat, sync",
    async run() {
      const fetched = await fetchEach(place, source);
      const joined = await place.run(shell("cat floor/* > peer.tar.gz; sync peer.tar.gz"));
      return { seconds: fetched.seconds + joined.seconds, peak: Math.max(fetched.peak, joined.peak) };
    },
  };
}

async function fetchEach(place: Workplace, { registry, blobs }: Source): Promise<Sample> {
  place.folder("floor");
  const entries = blobs.map(({ repository, digest }) => {
    const url = `http://${registry.host}/v2/${repository}/blobs/${digest}`;
    return `url = "${url}"\noutput = "${place.path("floor", digest.slice(7))}"\n`;
  });
  await writeFile(place.path("floor.txt"), entries.join(""));
  return place.run(["curl", "-fsSLZ", "--parallel-max", "6", "-K", place.path("floor.txt")]);
}

/** A side that pushes into a new registry over an empty storage. */
function intoEmpty(place: Workplace, name: string, push: (registry: Registry) => Promise<Sample>): Side {
  return {
    name,
    async run() {
      const registry = await place.registry("destination");
      try {
        return await push(registry);
      } finally {
        await registry.close();
        place.remove("destination");
      }
    },
  };
}

async function skopeoEach(
  place: Workplace,
  names: readonly string[],
  ends: (name: string) => string[],
): Promise<Sample> {
  const samples: Sample[] = [];
  for (const name of names) samples.push(await place.run([...SKOPEO, ...ends(name)]));
  return {
    seconds: samples.reduce((sum, { seconds }) => sum + seconds, 0),
    peak: Math.max(...samples.map(({ peak }) => peak)),
  };
}

function fromRegistry({ host }: Registry, name: string): string[] {
  return ["--src-tls-verify=false", `docker://${host}/${name}`];
}

function toRegistry(host: string, name: string): string[] {
  return ["--dest-tls-verify=false", `docker://${host}/${name}`];
}

/** One layout for all images, as blobs that they share are then stored once. */
function layoutOf(place: Workplace, name: string): string {
  return `oci:${place.path("layout")}:${name}`;
}
