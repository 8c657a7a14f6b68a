/** The contest of archives: packing a folder, and looking into what came of it, beside tar with a parallel compressor. */
import { statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { Setting } from "./contests.ts";
import { seedGzipped, seedPlain } from "./images.ts";
import { inRounds, median, megabytes, memoryRow, type Row, ratioRow, type Side } from "./rounds.ts";
import { settled, shell } from "./settled.ts";
import type { Sample, Workplace } from "./workplace.ts";

const MEMORY = 200e6;
/** Milliseconds that a look inside may take on top of starting. */
const LOOK = 100;
const LEFTOVERS = ["ours.tar.gz", "ours.tar.zst", "peer.tar.gz", "peer.tar.zst", "copy"];

export async function archive(setting: Setting): Promise<Row[]> {
  const { place, layers } = setting;
  await fill(setting, "gzipped", await seedGzipped(place, "gzipped-storage", layers));
  const rows = await gzipped(setting);
  place.remove("gzipped", "gzipped-storage");
  await fill(setting, "plain", await seedPlain(place, "plain-storage"));
  return [...rows, ...(await plain(setting))];
}

/** Brings images of the storage folder into a cache folder. */
async function fill({ place, dray }: Setting, folder: string, names: readonly string[]): Promise<void> {
  const registry = await place.registry(`${folder}-storage`);
  try {
    const list = place.path("list.txt");
    await writeFile(list, names.map((name) => `${registry.host}/${name}\n`).join(""));
    await place.run([dray, "sync", "-f", list, "-d", place.path(folder), "--arch", "all", "--os", "all"]);
  } finally {
    await registry.close();
  }
}

async function gzipped({ place, dray, rounds }: Setting): Promise<Row[]> {
  const sizes = new Map<string, number>();
  const [gzip, zstd] = [
    packing(place, "dray compress, gzip", compress(place, dray, "gzipped", "ours.tar.gz"), "ours.tar.gz", sizes),
    packing(place, "dray compress, zstd", compress(place, dray, "gzipped", "ours.tar.zst"), "ours.tar.zst", sizes),
  ];
  const pigz = packing(place, "tar | pigz -6", shell("tar -c gzipped | pigz -6 > peer.tar.gz"), "peer.tar.gz", sizes);
  const peer = packing(
    place,
    "tar | zstd -T0 -3",
    shell("tar -c gzipped | zstd -q -T0 -3 > peer.tar.zst"),
    "peer.tar.zst",
    sizes,
  );
  // Ours are on the disk when they end; where that is what takes the time, this is the side to look at.
  const synced = packing(
    place,
    "tar | zstd -T0 -3, sync",
    shell("tar -c gzipped | zstd -q -T0 -3 > peer.tar.zst; sync peer.tar.zst"),
    "peer.tar.zst",
    sizes,
  );
  const copy: Side = { name: "cp -r, sync", run: () => place.run(shell("cp -r gzipped copy; sync")) };
  const samples = await inRounds([gzip, copy, pigz, zstd, peer, synced], rounds, () => settled(place, LEFTOVERS));
  return [
    ratioRow(samples, [gzip.name, pigz.name], { atMost: 0.1 }),
    ratioRow(samples, [gzip.name, copy.name], { atMost: 1.6 }),
    ratioRow(samples, [zstd.name, peer.name], { atMost: 1 }),
    ratioRow(samples, [zstd.name, synced.name], { atMost: 1 }),
    sizeRow(sizes, [zstd.name, peer.name], 1.005),
    memoryRow(samples, gzip.name, MEMORY),
    memoryRow(samples, zstd.name, MEMORY),
    await lookRow(place, dray, rounds),
  ];
}

async function plain({ place, dray, rounds }: Setting): Promise<Row[]> {
  const sizes = new Map<string, number>();
  const ours = packing(
    place,
    "dray compress, plain layers",
    compress(place, dray, "plain", "ours.tar.gz"),
    "ours.tar.gz",
    sizes,
  );
  const pigz = packing(
    place,
    "tar | pigz -6, plain layers",
    shell("tar -c plain | pigz -6 > peer.tar.gz"),
    "peer.tar.gz",
    sizes,
  );
  const samples = await inRounds([ours, pigz], rounds, () => settled(place, LEFTOVERS));
  return [
    ratioRow(samples, [ours.name, pigz.name], { atMost: 1.11 }),
    sizeRow(sizes, [ours.name, pigz.name], 1.03),
    memoryRow(samples, ours.name, MEMORY),
  ];
}

function compress(place: Workplace, dray: string, folder: string, archive: string): string[] {
  return [dray, "compress", "-f", place.path(folder), "-d", place.path(archive)];
}

/** A side that leaves an archive, whose size is kept. */
function packing(
  place: Workplace,
  name: string,
  command: readonly string[],
  archive: string,
  sizes: Map<string, number>,
): Side {
  return {
    name,
    async run(): Promise<Sample> {
      const sample = await place.run(command);
      const { size } = statSync(place.path(archive));
      if (size < 1e6) throw new Error(`Cannot compare: ${name} wrote next to nothing`);
      sizes.set(name, size);
      return sample;
    },
  };
}

function sizeRow(sizes: ReadonlyMap<string, number>, [ours, theirs]: readonly [string, string], atMost: number): Row {
  const [own, other] = [sizes.get(ours)!, sizes.get(theirs)!];
  const found = `${(own / other).toFixed(4)} (${megabytes(own)} / ${megabytes(other)})`;
  return { what: `${ours} : ${theirs}, size`, found, asked: `<= ${atMost}`, met: own / other <= atMost };
}

/** How much longer it takes to say what is in the archive than to say which version this is. */
async function lookRow(place: Workplace, dray: string, rounds: number): Promise<Row> {
  const path = place.path("ours.tar.gz");
  await place.run(compress(place, dray, "gzipped", "ours.tar.gz"));
  const sides: Side[] = [
    { name: "dray ls", run: () => place.run([dray, "ls", path]) },
    { name: "dray --version", run: () => place.run([dray, "--version"]) },
  ];
  const samples = await inRounds(sides, Math.max(rounds, 5), async () => {});
  const [look, start] = sides.map(({ name }) => median(samples.get(name)!.map(({ seconds }) => seconds)) * 1000);
  const more = look! - start!;
  const found = `${more.toFixed(0)} ms (${look!.toFixed(0)} ms, ${start!.toFixed(0)} ms to start)`;
  return { what: "dray ls: more than start-up", found, asked: `< ${LOOK} ms`, met: more < LOOK };
}
