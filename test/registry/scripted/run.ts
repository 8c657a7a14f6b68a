/** Runs the cases on whatever runtime this is. As a program: `run.ts [PART OF A NAME]` prints a line of JSON for each. */
import { converse } from "../../support/scripted-registry.ts";
import * as auth from "./cases/auth.ts";
import * as chunks from "./cases/chunks.ts";
import * as credentials from "./cases/credentials.ts";
import * as downloads from "./cases/downloads.ts";
import * as limits from "./cases/limits.ts";
import * as listings from "./cases/listings.ts";
import * as manifests from "./cases/manifests.ts";
import * as redirects from "./cases/redirects.ts";
import * as referrers from "./cases/referrers.ts";
import * as safety from "./cases/safety.ts";
import * as sessions from "./cases/sessions.ts";
import * as tls from "./cases/tls.ts";
import * as tokens from "./cases/tokens.ts";
import * as uploads from "./cases/uploads.ts";
import type { Play } from "./given.ts";

export interface Case {
  /** `redirects: a loop ends` */
  readonly name: string;
  readonly play: Play;
}

export interface Outcome {
  readonly name: string;
  readonly milliseconds: number;
  /** Why it failed. */
  readonly error?: string | undefined;
}

/** Cases that run at a time: most of what they do is wait. */
const AT_ONCE = 8;
/** Milliseconds. */
const PATIENCE = 10_000;

const GROUPS: Readonly<Record<string, Readonly<Record<string, Play | Readonly<Record<string, Play>>>>>> = {
  auth,
  tokens,
  credentials,
  safety,
  tls,
  redirects,
  limits,
  downloads,
  uploads,
  sessions,
  chunks,
  manifests,
  listings,
  referrers,
};

export const CASES: readonly Case[] = Object.entries(GROUPS).flatMap(([group, cases]) =>
  Object.entries(cases).flatMap(([key, value]) => {
    const name = `${group}: ${inWords(key)}`;
    if (typeof value === "function") return [{ name, play: value }];
    return Object.entries(value).map(([row, play]) => ({ name: `${name} ${row}`, play }));
  }),
);

function inWords(name: string): string {
  return name.replace(/[A-Z]|\d+/g, (found) => ` ${found.toLowerCase()}`);
}

/** Runs them all, and tells of each as it ends. Never rejects. */
export async function runCases(cases: readonly Case[], onEnd: (outcome: Outcome) => void): Promise<void> {
  const waiting = [...cases];
  async function work(): Promise<void> {
    for (let next = waiting.shift(); next; next = waiting.shift()) onEnd(await runCase(next));
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function runCase({ name, play }: Case): Promise<Outcome> {
  const started = performance.now();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no end after ${PATIENCE / 1000} seconds`)), PATIENCE);
  let error: string | undefined;
  try {
    await Promise.race([converse(play), late]);
  } catch (thrown) {
    error = shown(thrown);
  } finally {
    clearTimeout(timer);
  }
  return { name, milliseconds: Math.round(performance.now() - started), error };
}

function shown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const { message, cause } = thrown;
  return cause instanceof Error ? `${message}\n  and then: ${cause.message}` : (thrown.stack ?? message);
}

if (import.meta.main) {
  const wanted = process.argv[2] ?? "";
  const cases = CASES.filter(({ name }) => name.includes(wanted));
  await runCases(cases, (outcome) => process.stdout.write(`${JSON.stringify(outcome)}\n`));
}
