/** A registry on a bad day: some of its requests go wrong, which ones and how by a seed alone, whatever comes first. */
import { type Fault, misbehave } from "./faults.ts";
import { randomNumbers, type Seed } from "./random-layer.ts";
import type { Handler } from "./registry.ts";

export interface BadDay {
  readonly wrap: (handler: Handler) => Handler;
  readonly requests: number;
  readonly faults: number;
  /** The most faults that one thing that was asked for had one after another, or may have had. */
  readonly longest: number;
}

export interface Weather {
  /** Of the requests, those that go wrong: 0.2 for a fifth. */
  readonly share: number;
  /** Wrong bytes too. Default: cuts in both directions, silence, 429 and 5xx. */
  readonly corrupt?: boolean;
}

/**
 * Nothing is decided by the order in which different things are asked for, so that a seed stands for the same faults in
 * every run.
 */
export function badDay(seed: Seed, { share, corrupt = false }: Weather): BadDay {
  const asked = new Map<string, { times: number; row: number }>();
  const day = { requests: 0, faults: 0, longest: 0 };
  function due(request: Request): Fault | undefined {
    const thing = thingOf(request);
    const known = asked.get(thing) ?? { times: 0, row: 0 };
    asked.set(thing, known);
    known.times++;
    day.requests++;
    const random = randomNumbers(`${seed} ${thing} ${known.times}`);
    if (random(1000) >= share * 1000) {
      // Sessions are opened for blobs that nobody names: what looks like another's success may be between two faults of one.
      if (request.method !== "POST") known.row = 0;
      return undefined;
    }
    day.faults++;
    day.longest = Math.max(day.longest, ++known.row);
    return corrupt && random(4) === 0 ? { type: "corrupt", at: random(1000) } : faultOf(request.method, random);
  }
  return Object.assign(day, {
    wrap:
      (handler: Handler): Handler =>
      (request) => {
        const fault = due(request);
        return fault ? misbehave(handler, request, fault) : handler(request);
      },
  });
}

/** What is asked for, without what changes from one try to the next: upload sessions have names by chance. */
function thingOf({ method, url }: Request): string {
  const { pathname, searchParams } = new URL(url);
  const digest = searchParams.get("digest") ?? searchParams.get("mount") ?? "";
  return `${method} ${pathname.replace(/(\/uploads\/).+$/, "$1")} ${digest}`;
}

function faultOf(method: string, random: (below: number) => number): Fault {
  const after = random(3) === 0 ? 0 : random(60_000);
  const kind = random(100);
  if (kind < 25) return { type: "status", status: [500, 502, 503, 504][random(4)]! };
  if (kind < 45) return random(2) === 0 ? { type: "rate-limit" } : { type: "rate-limit", retryAfter: pause(random) };
  const isUpload = method === "PUT" || method === "PATCH";
  // After an upload the client has ten times the patience for an answer.
  if (kind < 51 && !isUpload) return { type: "stall", after };
  return isUpload ? { type: "drop-upload", after } : { type: "drop", after };
}

/** Retry-After counts in seconds: the shortest ones, in both forms. */
function pause(random: (below: number) => number): number | Date {
  return random(2) === 0 ? 0 : new Date(0);
}
