/** `--per-host`, `--rps`, `--rate` and `--hub-reserve`: what a run allows itself at registries. */
import { parseSize } from "../bytes/size.ts";
import { AppError } from "../errors.ts";
import type { TrafficOptions } from "../registry/traffic/traffic.ts";

/** The flags as they were given. */
export interface LimitFlags {
  readonly "per-host"?: string | undefined;
  readonly rps?: string | undefined;
  readonly rate?: string | undefined;
  readonly "hub-reserve"?: string | undefined;
}

const MOST_PER_HOST = 100;
const MOST_REQUESTS = 10_000;
/** Bytes a second: less would let servers give up on us. */
const LEAST_RATE = 1024;

/** The limits of a run with so many jobs. Throws USAGE for what is no number in its range. */
export function parseLimits(flags: LimitFlags, jobs: number): TrafficOptions {
  return {
    perHost: whole("--per-host", flags["per-host"], 1, MOST_PER_HOST) ?? jobs,
    rps: requests(flags.rps),
    rate: rate(flags.rate),
    hubReserve: whole("--hub-reserve", flags["hub-reserve"], 0, 1_000_000),
  };
}

function whole(flag: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value;
  throw wrong(flag, text, `it is not a whole number from ${least} to ${most}`);
}

function requests(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d{1,5}(?:\.\d{1,6})?$/.test(text) && value >= 0.001 && value <= MOST_REQUESTS) return value;
  throw wrong("--rps", text, `it is not a number from 0.001 to ${MOST_REQUESTS}`);
}

function rate(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes >= LEAST_RATE) return bytes;
  throw wrong("--rate", text, "it is not a size of at least 1K, such as 500K or 50M");
}

function wrong(flag: string, text: string, reason: string): AppError {
  return new AppError("USAGE", `Cannot use "${text}" as ${flag}: ${reason}`);
}
