/** How many pulls a registry still allows, in the headers of Docker Hub: `ratelimit-remaining: 98;w=21600`. */
import { clean } from "../../bytes/text.ts";

export interface Pulls {
  /** Pulls in a window. */
  readonly limit: number;
  readonly remaining: number;
  /** Seconds. */
  readonly window: number;
  /** Whom the registry counts for. */
  readonly source?: string | undefined;
}

/** The quota of one host. What was heard counts until its window has passed; after that nothing is known. */
export interface Quota {
  /** Pulls that are certainly left: those on their way are taken off. undefined: not known. */
  left(): number | undefined;
  /** The registry said that no pull is left. */
  readonly isSpent: boolean;
  /** When the window that is known of has passed at the latest: milliseconds from now. */
  readonly renewal: number;
  /** A pull is sent. The result is called once with what its answer told; `counted` where it told nothing and may count. */
  pull(): (pulls: Pulls | undefined, counted: boolean) => void;
  /** What the answer to a request told that was sent at `sent` (performance.now()). Returns whether that is news. */
  hear(pulls: Pulls, sent: number): boolean;
}

/** Of the limit, a step of news; below the second part of it each pull is news. */
const STEP = 1 / 10;
const LOW = 1 / 20;

/** The quota in the headers of an answer; undefined where there is none in this form. */
export function parsePulls(headers: Headers): Pulls | undefined {
  const [limit, window] = parseCount(headers.get("ratelimit-limit"));
  const [remaining] = parseCount(headers.get("ratelimit-remaining"));
  if (limit === undefined || window === undefined || remaining === undefined) return undefined;
  const source = clean(headers.get("docker-ratelimit-source") ?? "", 100);
  return { limit, remaining, window, ...(source === "" ? {} : { source }) };
}

/** `100;w=21600` */
function parseCount(text: string | null): readonly [count?: number, window?: number | undefined] {
  const [, count, window] = /^(\d{1,12})(?:;\s*w=(\d{1,9}))?$/.exec(text?.trim() ?? "") ?? [];
  if (count === undefined) return [];
  return [Number(count), window === undefined ? undefined : Number(window)];
}

/** Nothing is known. */
export function createQuota(): Quota {
  let known: Pulls | undefined;
  let heard = 0;
  let told: Pulls | undefined;
  let underway = 0;
  function ends(): number {
    return known ? heard + known.window * 1000 - performance.now() : 0;
  }
  function now(): Pulls | undefined {
    if (ends() <= 0) known = undefined;
    return known;
  }
  return {
    left() {
      const pulls = now();
      return pulls && Math.max(0, pulls.remaining - underway);
    },
    get isSpent() {
      const pulls = now();
      return pulls !== undefined && pulls.limit > 0 && pulls.remaining === 0;
    },
    get renewal() {
      return Math.max(0, ends());
    },
    pull() {
      underway++;
      return (pulls, counted) => {
        underway--;
        if (!pulls && counted && known) known = { ...known, remaining: Math.max(0, known.remaining - 1) };
      };
    },
    hear(pulls, sent) {
      // Answers overtake each other: one that was asked for before the last was heard may be too hopeful.
      const before = now();
      const remaining = before && sent < heard ? Math.min(pulls.remaining, before.remaining) : pulls.remaining;
      known = { ...pulls, remaining };
      heard = performance.now();
      if (told && !isNews(told, known)) return false;
      told = known;
      return true;
    },
  };
}

function isNews(told: Pulls, now: Pulls): boolean {
  if (told.limit !== now.limit || told.window !== now.window || told.source !== now.source) return true;
  const step = now.remaining <= now.limit * LOW ? 1 : Math.max(1, now.limit * STEP);
  return Math.abs(told.remaining - now.remaining) >= step;
}
