/** Contests in rounds: each side once a round, one after the other, so that a slow moment of the machine hits both. */
import { formatTable } from "../../src/cli/table.ts";
import type { Sample } from "./workplace.ts";

/** One side of a contest; `run` brings everything to the state that it began with before it starts the clock. */
export interface Side {
  readonly name: string;
  run(): Promise<Sample>;
}

/** What was asked of a number, and whether it was met. */
export interface Row {
  readonly what: string;
  readonly found: string;
  readonly asked: string;
  readonly met: boolean;
}

/**
 * Every side in every round, in turn; samples by name. `settle` runs before each, so that none pays for what another left to
 * the disk. `say` is told of each, in a line; default: stderr.
 */
export async function inRounds(
  sides: readonly Side[],
  rounds: number,
  settle: () => Promise<unknown>,
  say: (line: string) => void = (line) => process.stderr.write(line),
): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>(sides.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++)
    for (const { name, run } of sides) {
      await settle();
      const sample = await run();
      samples.get(name)!.push(sample);
      say(`  ${round}/${rounds} ${name}: ${sample.seconds.toFixed(2)} s, ${megabytes(sample.peak)}\n`);
    }
  return samples;
}

/** The times of two sides: the ratio of the medians, and between which ratios the pairs of one round lay. */
export function ratioRow(
  samples: Map<string, Sample[]>,
  [ours, theirs]: readonly [string, string],
  asked: { readonly atMost: number },
): Row {
  const [own, other] = [ours, theirs].map((name) => samples.get(name)!.map(({ seconds }) => seconds)) as [
    number[],
    number[],
  ];
  const ratio = median(own) / median(other);
  const pairs = own.map((seconds, round) => seconds / other[round]!);
  const times = `${median(own).toFixed(2)} s / ${median(other).toFixed(2)} s`;
  const spread = `${Math.min(...pairs).toFixed(2)}-${Math.max(...pairs).toFixed(2)}`;
  return {
    what: `${ours} : ${theirs}`,
    found: `${ratio.toFixed(2)} (${times}; pairs ${spread})`,
    asked: `<= ${asked.atMost}`,
    met: ratio <= asked.atMost,
  };
}

/** The most memory that any round of a side held. */
export function memoryRow(samples: Map<string, Sample[]>, name: string, limit: number): Row {
  const peak = Math.max(...samples.get(name)!.map((sample) => sample.peak));
  return { what: `${name}: memory`, found: megabytes(peak), asked: `<= ${megabytes(limit)}`, met: peak <= limit };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A table for a terminal. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map(({ what, found, asked, met }) => [what, found, asked, met ? "ok" : "MISSED"]);
  return formatTable([["what", "found", "asked", ""], ...cells]);
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
